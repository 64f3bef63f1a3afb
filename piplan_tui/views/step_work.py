"""What goes on inside a running step, for the rows under it: its open tool calls and the agent's own to-do list."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from piplan_tui.run.state import StepState
from piplan_tui.views.formatting import format_clock
from piplan_tui.views.line import Span, one_line

MAX_ROWS = 12
"""Under one step: more would push the other steps out of sight."""
_MARKS = {"completed": "[x]", "in_progress": "[>]", "pending": "[ ]"}


@dataclass(frozen=True, slots=True)
class WorkRow:
    """One row: what it is, how long it has gone on (empty for an entry of a list). `key` names it in its step."""

    key: str
    kind: Literal["tool", "plan", "more"]
    spans: tuple[Span, ...]
    elapsed: str = ""


def has_work(step: StepState) -> bool:
    """Whether there is anything to unfold. Cheap: for every row."""
    attempt = step.attempt
    return attempt is not None and attempt.ended_at is None and bool(attempt.open_tools or attempt.plan)


def work_rows(step: StepState, now: datetime, *, limit: int = MAX_ROWS) -> list[WorkRow]:
    """The open tool calls in the order of their start, then the to-do list around the entry that is being done.

    Empty when the step does not run. At most `limit` rows (2 or more), the last of which then says how many more
    there are.
    """
    attempt = step.attempt
    if attempt is None or not has_work(step):
        return []
    rows = [
        WorkRow(
            f"tool:{call_id}",
            "tool",
            (Span(one_line(tool.name), "running"), Span(f" {one_line(tool.target)}".rstrip(), "dim")),
            format_clock((now - tool.started_at).total_seconds()),
        )
        for call_id, tool in attempt.open_tools.items()
    ]
    entries = [
        WorkRow(
            f"plan:{number}",
            "plan",
            (
                Span(f"{_MARKS[entry.status]} ", "dim"),
                Span(one_line(entry.text), "dim" if entry.status == "completed" else "plain"),
            ),
        )
        for number, entry in enumerate(attempt.plan)
    ]
    if len(rows) + len(entries) <= limit:
        return rows + entries
    hidden = len(rows) + len(entries) - (limit - 1)
    rows = rows[: limit - 1]
    room = limit - 1 - len(rows)
    doing = next((n for n, entry in enumerate(attempt.plan) if entry.status != "completed"), 0)
    first = max(0, min(doing - 1, len(entries) - room))
    return [
        *rows,
        *entries[first : first + room],
        WorkRow("more", "more", (Span(f"… {hidden} more", "dim"),)),
    ]
