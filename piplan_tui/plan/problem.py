"""What is wrong with a plan, said so that its author can mend it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from piplan_tui.clean import printable

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One sentence about one place in a plan.

    `line` and `column` count from 1, `column` in characters; both are 0 when the problem has no place (the
    file cannot be read, or the plan never was a file). `file` is as the user wrote it, or empty.
    """

    file: str
    line: int
    column: int
    message: str
    severity: Severity = "error"

    def __str__(self) -> str:
        place = printable(self.file)
        if self.line:
            place = f"{place}:{self.line}:{self.column}" if place else f"{self.line}:{self.column}"
        said = self.message if self.severity == "error" else f"warning: {self.message}"
        return f"{place}: {said}" if place else said


class PlanInvalid(Exception):
    """A plan cannot be run. `str()` has one line for each problem."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(map(str, self.problems)))


def errors(problems: Iterable[Problem]) -> list[Problem]:
    """The problems that keep a plan from running."""
    return [problem for problem in problems if problem.severity == "error"]


def quoted(text: str, limit: int = 60) -> str:
    """`text` as a message names it: in double quotes, cut to about `limit` characters."""
    short = text if len(text) <= limit else f"{text[: limit - 1]}…"
    return f'"{printable(short)}"'
