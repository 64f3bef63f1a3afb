"""Which steps are in which state, in plan order, kept up at the cost of what changed."""

from __future__ import annotations

from bisect import bisect_left, insort
from typing import Literal

from piplan_tui.run.state import BROKEN, SATISFIED, RunState, StepState, StepStatus
from piplan_tui.tui.outline import FILTER_OF, OUTRANKS_FOLDING, Filter

Group = Filter | Literal["outranks folding"]


class StepPlaces:
    """Sorted places of the steps of a run, by state in the whole run and by group in each phase.

    `note` must be called for every step that an event was about; the steps that moved with it are found from
    there. A step that the run got meanwhile is taken in by itself.
    """

    def __init__(self, state: RunState) -> None:
        self._state = state
        self._known: list[StepStatus] = []
        self._place: list[int] = []
        self._by_status: dict[StepStatus, list[int]] = {}
        self._in_phase: dict[str, dict[Group, list[int]]] = {}
        self._sizes: dict[str, int] = {}
        self.take_in()

    def take_in(self) -> None:
        """Steps that are new. O(new steps)."""
        for step in self._state.order[len(self._known) :]:
            place = self._sizes.get(step.phase, 0)
            self._sizes[step.phase] = place + 1
            self._place.append(place)
            self._known.append(step.status)
            self._add(step, step.status)

    def note(self, step: StepState) -> None:
        """A step may be in another state now, and so may those that need it."""
        self.take_in()
        to_look_at = [step]
        while to_look_at:
            step = to_look_at.pop()
            old, new = self._known[step.index], step.status
            if old == new:
                continue
            self._remove(step, old)
            self._add(step, new)
            self._known[step.index] = new
            if (old in SATISFIED) != (new in SATISFIED) or (old in BROKEN) != (new in BROKEN):
                to_look_at += self._state.dependents[step.index]

    def _add(self, step: StepState, status: StepStatus) -> None:
        insort(self._by_status.setdefault(status, []), step.index)
        groups = self._in_phase.setdefault(step.phase, {})
        for group in _groups(status):
            insort(groups.setdefault(group, []), self._place[step.index])

    def _remove(self, step: StepState, status: StepStatus) -> None:
        _take_out(self._by_status[status], step.index)
        for group in _groups(status):
            _take_out(self._in_phase[step.phase][group], self._place[step.index])

    def with_status(self, *statuses: StepStatus) -> list[StepState]:
        """The steps in these states."""
        order = self._state.order
        return [order[index] for status in statuses for index in self._by_status.get(status, ())]

    def first(self, status: StepStatus) -> StepState | None:
        """The first step in this state."""
        indexes = self._by_status.get(status)
        return self._state.order[indexes[0]] if indexes else None

    def queue_position(self, step: StepState) -> int:
        """Where a queued step stands in the queue, from 1; 0 when it is not queued."""
        queued = self._by_status.get("queued", [])
        position = bisect_left(queued, step.index)
        return position + 1 if position < len(queued) and queued[position] == step.index else 0

    def place(self, step: StepState) -> int:
        """Its place in its phase, from 0."""
        return self._place[step.index]

    def in_phase(self, phase: str, group: Group) -> list[int]:
        """The places in the phase of the steps of this group, in order."""
        return self._in_phase.get(phase, {}).get(group, [])


def _groups(status: StepStatus) -> tuple[Group, ...]:
    group = FILTER_OF[status]
    return (group, "outranks folding") if status in OUTRANKS_FOLDING else (group,)


def _take_out(places: list[int], place: int) -> None:
    del places[bisect_left(places, place)]
