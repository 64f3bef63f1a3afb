"""A row of the list to begin with, at a width: the columns of runs, what has no room, what stands over them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from rich.cells import cell_len, set_cell_size

from piplan_tui.plan.find import FoundPlan
from piplan_tui.run.state import SATISFIED
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.fitting import fit, fit_middle, fit_right
from piplan_tui.views.formatting import (
    GLYPHS,
    counted,
    format_money,
    format_progress,
    run_state_word,
    short_duration,
)
from piplan_tui.views.home_rows import HomeRow, needs_you, run_state
from piplan_tui.views.line import Role, Span, one_line

_BAR = 12
_AGE = 3
_LONGEST_ID = 10
_LEAST_TITLE = 20
"""Cells that the title keeps before the state and the age of its run."""
_LONGEST_TITLE = 60
"""Cells from which a title does not keep a bar away."""
_GAP = 2
_RIGHT = ("state", "bar", "done", "failed", "cost", "age")
_DROPPED = ("bar", "cost", "id", "failed", "done")
"""Columns of runs, in the order in which they go where there is no room for them."""


@dataclass(frozen=True, slots=True)
class HomeWidths:
    """Cells of the longest text that a list has in each column; 0 for a column without any."""

    id: int = 0
    title: int = 0
    state: int = 0
    done: int = 0
    failed: int = 0
    cost: int = 0
    file: int = 0
    steps: int = 0


def home_widths(rows: Iterable[HomeRow], live: AbstractSet[str], folder: Path) -> HomeWidths:
    """What the columns of a list need. O(rows): once for each list, not for each drawing of it."""
    runs: list[dict[str, str]] = []
    files, steps = [0], [0]
    for row in rows:
        if row.run is not None:
            runs.append(_texts(row.run, live))
        elif row.plan is not None:
            files.append(cell_len(_file(row.plan, folder)))
            steps.append(cell_len(_steps(row.plan)))
    longest = {
        name: max((cell_len(texts[name]) for texts in runs), default=0)
        for name in ("id", "title", "state", "done", "failed", "cost")
    }
    return HomeWidths(**longest, file=max(files), steps=max(steps))


def run_line(
    info: RunInfo, live: AbstractSet[str], now: datetime, width: int, widths: HomeWidths
) -> list[Span]:
    """A run in exactly `width` cells: id, title, state, progress, failures, cost, age."""
    texts = _texts(info, live)
    texts["age"] = short_duration((now - info.updated_at).total_seconds())
    columns = _columns(width, widths)
    line = [Span(fit(texts["id"], columns["id"] - 1) + " ", "dim")] if "id" in columns else []
    line.append(Span(fit(texts["title"], columns["title"])))
    line += [
        Span(_placed(name, texts[name], columns[name]), _role(name, info, live))
        for name in _RIGHT
        if name in columns
    ]
    return _cut(line, width)


def heading_line(row: HomeRow, width: int, widths: HomeWidths, *, inset: int = 0) -> Sequence[Span]:
    """A heading; over runs in exactly `width` cells, with the names of the columns as far as it leaves them room.

    The rows below it begin `inset` cells further to the right.
    """
    if not row.over_runs:
        return row.spans
    columns = _columns(width - inset, widths)
    right = [name for name in _RIGHT if name in columns]
    left = width - sum(columns[name] for name in right)
    said = sum(cell_len(span.text) for span in row.spans)
    while right and said > left:
        left += columns[right.pop(0)]
    # a bar, and a sign with a number, say themselves what they are
    named = [_placed(name, "" if name in ("bar", "failed") else name, columns[name]) for name in right]
    return _cut([*row.spans, Span(" " * (left - said)), Span("".join(named), "dim")], width)


def plan_line(plan: FoundPlan, folder: Path, width: int, widths: HomeWidths) -> list[Span]:
    """A plan or workflow in exactly `width` cells: file, title, how many steps."""
    size = widths.steps + _GAP if width >= 40 else 0
    room = width - size
    file = min(widths.file, room // 2) if width >= 60 else room
    title = room - file
    line = [Span(fit_middle(_file(plan, folder), file, end=1 / 2))]
    if title > _GAP:
        line.append(Span(" " * _GAP + fit(one_line(plan.title), title - _GAP), "dim"))
    line.append(Span(fit_right(_steps(plan), size), "dim"))
    return _cut(line, width)


def _texts(info: RunInfo, live: AbstractSet[str]) -> dict[str, str]:
    done = sum(info.counts.get(status, 0) for status in SATISFIED)
    failed = info.counts.get("failed", 0)
    return {
        "id": one_line(info.run_id),
        "title": one_line(info.title) or one_line(info.plan_id),
        "state": _state(info, live),
        "bar": _bar(done, info.steps),
        "done": format_progress(done, info.steps),
        "failed": f"{GLYPHS['failed']}{failed:,}" if failed else "",
        "cost": format_money(info.cost_usd) if info.cost_usd is not None else "",
    }


def _columns(width: int, widths: HomeWidths) -> dict[str, int]:
    """Cells of each column with the gap to its left (the first has it to its right); the title has what is left."""
    columns = {
        "id": min(widths.id, _LONGEST_ID) + 1,
        "state": widths.state + _GAP,
        "bar": _BAR + _GAP,
        "done": max(widths.done, len("done")) + _GAP,
        "failed": widths.failed and widths.failed + _GAP,
        "cost": widths.cost and max(widths.cost, len("cost")) + _GAP,
        "age": _AGE + _GAP,
    }
    for name in _DROPPED:
        # the bar says once more what stands beside it, so that no title is cut for it
        least = min(widths.title, _LONGEST_TITLE if name == "bar" else _LEAST_TITLE)
        if width - sum(columns.values()) < least:
            del columns[name]
    return columns | {"title": max(0, width - sum(columns.values()))}


def _placed(column: str, text: str, size: int) -> str:
    """Words begin where their column begins, numbers end where it ends."""
    if column in ("state", "bar"):
        return " " * min(_GAP, size) + fit(text, max(0, size - _GAP))
    return fit_right(text, size)


def _file(plan: FoundPlan, folder: Path) -> str:
    inside = plan.path.is_relative_to(folder)
    return one_line(str(plan.path.relative_to(folder)) if inside else plan.path.name)


def _steps(plan: FoundPlan) -> str:
    return "workflow" if plan.is_workflow else counted(plan.steps, "step")


def _state(info: RunInfo, live: AbstractSet[str]) -> str:
    if needs_you(info):
        return f"{GLYPHS['waiting_user']} {info.open_asks:,} to answer"
    return run_state_word(run_state(info, live))


_STATE_ROLES: dict[str, Role] = {
    "failed": "failed",
    "running": "running",
    "interrupted": "attention",
    "waiting_user": "attention",
}


def _role(column: str, info: RunInfo, live: AbstractSet[str]) -> Role:
    if column == "state":
        return "attention" if needs_you(info) else _STATE_ROLES.get(run_state(info, live), "dim")
    roles: dict[str, Role] = {"bar": "accent", "done": "plain", "failed": "failed"}
    return roles.get(column, "dim")


def _bar(done: int, total: int) -> str:
    inner = _BAR - 2
    filled = min(inner, done * inner // total) if total else 0
    return f"[{'#' * filled}{'-' * (inner - filled)}]"


def _cut(spans: Iterable[Span], width: int) -> list[Span]:
    """The spans as far as `width` goes."""
    line: list[Span] = []
    for span in spans:
        size = min(cell_len(span.text), width)
        line.append(span if size == cell_len(span.text) else Span(set_cell_size(span.text, size), span.role))
        width -= size
    return line
