"""Which rows the list to begin with has, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Literal

from piplan_tui.plan.find import FoundPlan
from piplan_tui.run.state import RUN_ENDED
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.line import Span

RowKind = Literal["heading", "text", "run", "plan"]


@dataclass(frozen=True, slots=True)
class HomeRow:
    """A line of the list. Only runs and plans can be chosen; `key` names the row whatever else is listed.

    A heading that is `over_runs` names their columns too.
    """

    kind: RowKind
    key: str
    spans: tuple[Span, ...] = ()
    run: RunInfo | None = None
    plan: FoundPlan | None = None
    over_runs: bool = False

    @property
    def can_be_chosen(self) -> bool:
        return self.run is not None or self.plan is not None


def heading(text: str, note: str = "", *, over_runs: bool = False) -> HomeRow:
    """A line above others."""
    spans = (Span(text, "strong"), Span(f"  {note}", "dim")) if note else (Span(text, "strong"),)
    return HomeRow("heading", f"heading:{text}", spans, over_runs=over_runs)


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
        rows += [heading(title, over_runs=group[0].run is not None), *group]
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
