"""Which rows the tree has, in which order: folding, filter and search, without drawing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, get_args

from piplan_tui.run.state import PhaseState, RunState, StepState, StepStatus
from piplan_tui.views.phase_row import phase_finished
from piplan_tui.views.step_work import has_work, work_keys

Filter = Literal["all", "running", "needs you", "failed", "blocked", "stopped", "pending", "done"]
FILTERS: tuple[Filter, ...] = get_args(Filter)

_FILTER_STATUSES: dict[Filter, frozenset[StepStatus]] = {
    "all": frozenset(),
    "running": frozenset({"running", "retrying"}),
    "needs you": frozenset({"waiting_user"}),
    "failed": frozenset({"failed"}),
    "blocked": frozenset({"blocked"}),
    "stopped": frozenset({"cancelled"}),
    "pending": frozenset({"pending", "queued", "paused"}),
    "done": frozenset({"completed", "reused", "skipped"}),
}
FILTER_OF: dict[StepStatus, Filter] = {
    status: chosen for chosen, statuses in _FILTER_STATUSES.items() for status in statuses
}
"""The filter, but for "all", that shows steps in a state."""
OUTRANKS_FOLDING: frozenset[StepStatus] = frozenset({"failed", "waiting_user"})


@dataclass(frozen=True, slots=True)
class Row:
    """A phase (`step` is `None`), a step of it, or with `work` something that goes on inside that step."""

    phase: PhaseState
    step: StepState | None = None
    work: str = ""

    @property
    def key(self) -> tuple[str, str]:
        """Names the row whatever else is shown: phase title and step id. What is inside a step has the step's."""
        return self.phase.title, self.step.id if self.step else ""


@dataclass
class Outline:
    """The rows of a run in plan order.

    A phase is folded when the user folded it, or when it is finished and `fold_finished` is on; the phase
    that holds `pinned` (the row under the cursor) is never folded by itself. Failed steps and steps that wait
    for the user show in a folded phase too. Phases in `held` stay open for now, so that the rows below them do
    not move. What goes on inside a step shows under it while the step is in `unfolded`.
    """

    state: RunState
    fold_finished: bool = True
    filter: Filter = "all"
    folded: dict[str, bool] = field(default_factory=dict)
    pinned: tuple[str, str] | None = None
    held: set[str] = field(default_factory=set)
    unfolded: set[str] = field(default_factory=set)

    @property
    def flat(self) -> bool:
        """The plan has no phases, so there are no phase rows."""
        return len(self.state.phases) <= 1 and "" in self.state.phases

    def is_folded(self, phase: PhaseState) -> bool:
        chosen = self.folded.get(phase.title)
        if chosen is not None:
            return chosen
        if phase.title in self.held:
            return False
        if self.pinned is not None and self.pinned[0] == phase.title and self.pinned[1]:
            return False
        return self.fold_finished and self.state.status != "pending" and phase_finished(phase)

    @property
    def wanted(self) -> frozenset[StepStatus]:
        """The states that the filter lets through; none for all of them."""
        return _FILTER_STATUSES[self.filter]

    def lets_through(self, step: StepState) -> bool:
        """Whether the filter is for steps in this one's state."""
        return self.filter == "all" or step.status in self.wanted

    def rows(self) -> list[Row]:
        """All of them, spelled out. O(steps); `RowList` is the same without."""
        return list(self._rows())

    def _rows(self) -> Iterator[Row]:
        wanted = self.wanted
        flat = self.flat
        for phase in self.state.phases.values():
            if wanted and not any(phase.counts.get(status) for status in wanted) and not self._pins(phase):
                continue
            if not flat:
                yield Row(phase)
            folded = not flat and self.is_folded(phase)
            if folded and not any(phase.counts.get(status) for status in OUTRANKS_FOLDING):
                continue
            for step in phase.steps:
                pinned = self.pinned == (phase.title, step.id)
                if folded and step.status not in OUTRANKS_FOLDING:
                    continue
                if wanted and step.status not in wanted and not pinned:
                    continue
                yield Row(phase, step)
                for work in self.work_of(step):
                    yield Row(phase, step, work)

    def work_of(self, step: StepState) -> tuple[str, ...]:
        """What shows under a step: nothing unless it is unfolded."""
        return work_keys(step) if step.id in self.unfolded else ()

    def unfold_step(self, step: StepState) -> bool:
        """Show what goes on inside a step; false when nothing does, or when it shows."""
        if step.id in self.unfolded or not has_work(step):
            return False
        self.unfolded.add(step.id)
        return True

    def fold_step(self, step: StepState) -> bool:
        """Whether anything showed under the step that now does not."""
        showed = bool(self.work_of(step))
        self.unfolded.discard(step.id)
        return showed

    def fold_ended(self) -> None:
        """Steps that ended are folded when they run again. O(unfolded steps)."""
        for step_id in list(self.unfolded):
            step = self.state.steps.get(step_id)
            if step is None or FILTER_OF[step.status] in ("done", "failed", "blocked", "stopped"):
                self.unfolded.discard(step_id)

    def hold_phases_above(self, key: tuple[str, str], is_open: Callable[[PhaseState], bool]) -> None:
        """Keep open what finished above a row, so that the row is not pulled away from under the reader."""
        for phase in self.state.phases.values():
            if phase.title == key[0]:
                return
            if phase.title not in self.held and phase_finished(phase) and is_open(phase):
                self.held.add(phase.title)

    def changes_on_leaving(self, row: Row, to: Row) -> bool:
        """Whether going on to another row lets the phase of this one fold, or hides it by the filter."""
        if self.filter != "all":
            return True
        if row.phase.title == to.phase.title or row.step is None:
            return False
        return phase_finished(row.phase) and self.fold_finished and not self.flat

    def _pins(self, phase: PhaseState) -> bool:
        return self.pinned is not None and self.pinned[0] == phase.title
