"""Which rows the tree has, in which order: folding, filter and search, without drawing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal

from piplan_tui.run.state import PhaseState, RunState, StepState, StepStatus
from piplan_tui.views.phase_row import phase_finished

Filter = Literal["all", "running", "needs you", "failed", "pending", "done"]
FILTERS: tuple[Filter, ...] = ("all", "running", "needs you", "failed", "pending", "done")

_FILTER_STATUSES: dict[Filter, frozenset[StepStatus]] = {
    "all": frozenset(),
    "running": frozenset({"running", "retrying"}),
    "needs you": frozenset({"waiting_user"}),
    "failed": frozenset({"failed", "blocked", "cancelled"}),
    "pending": frozenset({"pending", "queued", "paused"}),
    "done": frozenset({"completed", "reused", "skipped"}),
}
_OUTRANKS_FOLDING: frozenset[StepStatus] = frozenset({"failed", "waiting_user"})


@dataclass(frozen=True, slots=True)
class Row:
    """A phase (`step` is `None`) or a step of it."""

    phase: PhaseState
    step: StepState | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Names the row whatever else is shown: phase title and step id."""
        return self.phase.title, self.step.id if self.step else ""


@dataclass
class Outline:
    """The rows of a run in plan order.

    A phase is folded when the user folded it, or when it is finished and `fold_finished` is on; the phase
    that holds `pinned` (the row under the cursor) is never folded by itself. Failed steps and steps that wait
    for the user show in a folded phase too. Phases in `held` stay open for now, so that the rows below them do
    not move.
    """

    state: RunState
    fold_finished: bool = True
    filter: Filter = "all"
    folded: dict[str, bool] = field(default_factory=dict)
    pinned: tuple[str, str] | None = None
    held: set[str] = field(default_factory=set)

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

    def rows(self) -> list[Row]:
        """O(steps): call it when the structure changed, not when a row did."""
        return list(self._rows())

    def _rows(self) -> Iterator[Row]:
        wanted = _FILTER_STATUSES[self.filter]
        flat = self.flat
        for phase in self.state.phases.values():
            if wanted and not any(phase.counts.get(status) for status in wanted) and not self._pins(phase):
                continue
            if not flat:
                yield Row(phase)
            folded = not flat and self.is_folded(phase)
            if folded and not any(phase.counts.get(status) for status in _OUTRANKS_FOLDING):
                continue
            for step in phase.steps:
                pinned = self.pinned == (phase.title, step.id)
                if folded and step.status not in _OUTRANKS_FOLDING:
                    continue
                if wanted and step.status not in wanted and not pinned:
                    continue
                yield Row(phase, step)

    def _pins(self, phase: PhaseState) -> bool:
        return self.pinned is not None and self.pinned[0] == phase.title
