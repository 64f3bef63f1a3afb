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
MARKS = {"completed": "[x]", "in_progress": "[>]", "pending": "[ ]"}
"""Before an entry of an agent's to-do list, by its status."""


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


def work_keys(step: StepState, *, limit: int = MAX_ROWS) -> tuple[str, ...]:
    """The open tool calls in the order of their start, then the to-do list around the entry that is being done.

    Empty when the step does not run. At most `limit` keys (2 or more), the last of which then stands for the rest.
    """
    attempt = step.attempt
    if attempt is None or not has_work(step):
        return ()
    tools = [f"tool:{call_id}" for call_id in attempt.open_tools]
    entries = len(attempt.plan)
    if len(tools) + entries <= limit:
        return (*tools, *(f"plan:{number}" for number in range(entries)))
    tools = tools[: limit - 1]
    room = limit - 1 - len(tools)
    doing = next((n for n, entry in enumerate(attempt.plan) if entry.status != "completed"), 0)
    first = max(0, min(doing - 1, entries - room))
    return (*tools, *(f"plan:{number}" for number in range(first, first + room)), "more")


def work_row(step: StepState, key: str, now: datetime, *, limit: int = MAX_ROWS) -> WorkRow | None:
    """What the row of this name says now; `None` when what it was about is over."""
    attempt = step.attempt
    if attempt is None or not has_work(step):
        return None
    kind, _, name = key.partition(":")
    if kind == "tool":
        tool = attempt.open_tools.get(name)
        if tool is None:
            return None
        spans = (Span(one_line(tool.name), "running"), Span(f" {one_line(tool.target)}".rstrip(), "dim"))
        return WorkRow(key, "tool", spans, format_clock((now - tool.started_at).total_seconds()))
    if kind == "plan":
        if int(name) >= len(attempt.plan):
            return None
        entry = attempt.plan[int(name)]
        said = Span(one_line(entry.text), "dim" if entry.status == "completed" else "plain")
        return WorkRow(key, "plan", (Span(f"{MARKS[entry.status]} ", "dim"), said))
    hidden = len(attempt.open_tools) + len(attempt.plan) - (limit - 1)
    return WorkRow(key, "more", (Span(f"… {hidden} more", "dim"),))
