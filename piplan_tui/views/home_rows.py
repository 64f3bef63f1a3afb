"""What the list to begin with says: which rows there are, in which order, and each of them at a width."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from rich.cells import cell_len, set_cell_size

from piplan_tui.plan.find import FoundPlan
from piplan_tui.run.state import RUN_ENDED, SATISFIED
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.formatting import GLYPHS, counted, format_money, run_state_word, short_duration
from piplan_tui.views.line import Role, Span, one_line

RowKind = Literal["heading", "text", "run", "plan"]
_BAR = 12


@dataclass(frozen=True, slots=True)
class HomeRow:
    """A line of the list. Only runs and plans can be chosen; `key` names the row whatever else is listed."""

    kind: RowKind
    key: str
    spans: tuple[Span, ...] = ()
    run: RunInfo | None = None
    plan: FoundPlan | None = None

    @property
    def can_be_chosen(self) -> bool:
        return self.run is not None or self.plan is not None


def heading(text: str, note: str = "") -> HomeRow:
    """A line above others."""
    spans = (Span(text, "strong"), Span(f"  {note}", "dim")) if note else (Span(text, "strong"),)
    return HomeRow("heading", f"heading:{text}", spans)


def text_row(*spans: Span) -> HomeRow:
    """A line that only says something."""
    return HomeRow("text", "", spans)


def run_state(info: RunInfo, live: AbstractSet[str]) -> str:
    """The state of a run as it is now: `live` are the ids of those that a process owns."""
    return info.current_status(owned=info.run_id in live)


def needs_you(info: RunInfo) -> bool:
    """Whether it waits for an answer."""
    return info.open_asks > 0 and info.status not in RUN_ENDED


def home_rows(
    runs: Iterable[RunInfo], plans: Iterable[FoundPlan], live: AbstractSet[str], *, folder: str
) -> list[HomeRow]:
    """Runs that need the user, runs that go on, runs that were left, plans of the folder, all other runs by age."""
    asking: list[HomeRow] = []
    going_on: list[HomeRow] = []
    left: list[HomeRow] = []
    earlier: list[HomeRow] = []
    for info in runs:
        if needs_you(info):
            group = asking
        elif info.run_id in live:
            group = going_on
        else:
            group = earlier if info.status in RUN_ENDED else left
        group.append(HomeRow("run", f"run:{info.run_id}", run=info))
    found = [HomeRow("plan", f"plan:{plan.path}", plan=plan) for plan in plans]
    rows: list[HomeRow] = []
    sections = (
        ("Needs you", asking),
        ("Going on", going_on),
        ("Left, to be gone on with", left),
        (f"Plans and workflows {folder}", found),
        ("Earlier runs" if asking or going_on or left else "Runs", earlier),
    )
    for title, group in sections:
        if not group:
            continue
        if rows:
            rows.append(text_row())
        rows += [heading(title), *group]
    return rows


def matches(row: HomeRow, words: Sequence[str], live: AbstractSet[str]) -> bool:
    """Whether every word, in lower case, is in what the row says."""
    if (info := row.run) is not None:
        status = run_state(info, live)
        asks = "needs you" if needs_you(info) else ""
        text = f"{info.run_id} {info.title} {info.plan_id} {status.replace('_', ' ')} {asks} {info.agent}"
    elif (plan := row.plan) is not None:
        text = f"{plan.path.name} {plan.title} {'workflow' if plan.is_workflow else 'plan'}"
    else:
        return False
    text = text.casefold()
    return all(word in text for word in words)


# -- a row at a width ------------------------------------------------------------------------------


def run_line(info: RunInfo, live: AbstractSet[str], now: datetime, width: int) -> list[Span]:
    """A run in exactly `width` cells: id, title, state, progress, failures, money, age."""
    word, role = _word(info, live)
    done = sum(info.counts.get(status, 0) for status in SATISFIED)
    failed = info.counts.get("failed", 0)
    age = short_duration((now - info.updated_at).total_seconds())
    money = format_money(info.cost_usd) if info.cost_usd is not None else ""
    right: list[tuple[str, Role, int]] = [(word, role, 13 if width < 60 else 15)]
    if width >= 110:
        right.append((_bar(done, info.steps), "accent", _BAR + 1))
    if width >= 40:
        right.append((f"{done}/{info.steps}", "plain", 8))
    if width >= 70:
        right.append((f"{GLYPHS['failed']}{failed}" if failed else "", "failed", 4))
        right.append((money, "dim", 8))
    right.append((age if width < 60 else f"{age} ago", "dim", 5 if width < 60 else 9))
    name = 11 if width >= 100 else 9 if width >= 60 else 6
    left: list[tuple[str, Role, int]] = [(one_line(info.run_id)[: name - 1], "dim", name)]
    return _columns(width, [*left, (one_line(info.title) or one_line(info.plan_id), "plain", 0)], right)


def plan_line(plan: FoundPlan, folder: Path, width: int) -> list[Span]:
    """A plan or workflow in exactly `width` cells: file, title, how many steps."""
    try:
        name = str(plan.path.relative_to(folder))
    except ValueError:
        name = plan.path.name
    steps = counted(plan.steps, "step")
    right: list[tuple[str, Role, int]] = []
    if width >= 60:
        right.append((one_line(plan.title), "dim", min(48, width // 2)))
    if width >= 40:
        right.append(("workflow" if plan.is_workflow else steps, "dim", 12))
    return _columns(width, [(one_line(name), "plain", 0)], right)


def _word(info: RunInfo, live: AbstractSet[str]) -> tuple[str, Role]:
    status = run_state(info, live)
    if needs_you(info):
        return f"{GLYPHS['waiting_user']} {info.open_asks} to answer", "attention"
    roles: dict[str, Role] = {
        "failed": "failed",
        "running": "running",
        "interrupted": "attention",
        "waiting_user": "attention",
    }
    return run_state_word(status), roles.get(status, "dim")


def _bar(done: int, total: int) -> str:
    inner = _BAR - 2
    filled = min(inner, done * inner // total) if total else 0
    return f"[{'#' * filled}{'-' * (inner - filled)}]"


def _columns(
    width: int, left: Sequence[tuple[str, Role, int]], right: Sequence[tuple[str, Role, int]]
) -> list[Span]:
    """Cells with fixed widths; the one of width 0 takes what is left. Cut at the right edge."""
    room = max(0, width - sum(size for _, _, size in [*left, *right]))
    spans = [Span(_cell(text, size or room), role) for text, role, size in left]
    spans += [Span(" " + _cell(text, size - 1), role) for text, role, size in right]
    result: list[Span] = []
    for span in spans:
        size = min(cell_len(span.text), width)
        result.append(Span(set_cell_size(span.text, size), span.role))
        width -= size
    return result


def _cell(text: str, size: int) -> str:
    if cell_len(text) <= size:
        return text + " " * (size - cell_len(text))
    return set_cell_size(text, max(0, size - 1)) + "…" if size else ""
