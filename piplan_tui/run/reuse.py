"""Results of finished agent calls, found again by what the call is and not by when it was made."""

from __future__ import annotations

from collections import deque
from typing import NamedTuple

from piplan_tui.run.call import call_key
from piplan_tui.run.state import RunState, StepState

_FINISHED = frozenset({"completed", "reused"})


class Forecast(NamedTuple):
    """What can be said before a script runs (again). What it will ask for beyond that, only the script knows."""

    reuse: int
    """Finished calls whose results are there to be taken; if the script was edited, at most so many."""
    again: int
    """Calls that are known to run, because they have no result; at least so many."""

    def __str__(self) -> str:
        finished = f"{self.reuse} finished call{'' if self.reuse == 1 else 's'}"
        if not self.again:
            return f"{finished} will be reused; what else runs depends on the script"
        return f"{finished} will be reused, and at least {self.again} will run"


def forecast(state: RunState) -> Forecast:
    """For going on with this run, or for a new run that reuses this one. O(steps)."""
    reuse = sum(1 for step in state.order if step.status in _FINISHED)
    settled = sum(1 for step in state.order if step.status in ("skipped", "cancelled"))
    return Forecast(reuse, len(state.order) - reuse - settled)


class Reuse:
    """The finished calls of an earlier run. Each is given away once, so that equal calls stay independent."""

    def __init__(self, earlier: RunState | None = None, now: RunState | None = None) -> None:
        """`now` is the run that takes the results; what it has taken already is not given again."""
        self.run_id = earlier.run_id if earlier is not None else ""
        self._exact: dict[tuple[str, str], StepState] = {}
        self._by_key: dict[str, deque[StepState]] = {}
        self._taken = (
            {step.reused_from for step in now.order if step.reused_from} if now is not None else set()
        )
        for step in earlier.order if earlier is not None else ():
            key, place = call_key(step)
            if not key:
                continue
            self._exact[key, place] = step
            if step.status in _FINISHED:
                self._by_key.setdefault(key, deque()).append(step)

    def copy(self) -> Reuse:
        """The same results, to be given away without these being taken."""
        copied = Reuse()
        copied.run_id, copied._exact, copied._taken = self.run_id, self._exact, set(self._taken)
        copied._by_key = {key: deque(steps) for key, steps in self._by_key.items()}
        return copied

    @property
    def left(self) -> int:
        """How many results can still be taken."""
        return sum(map(len, self._by_key.values())) - len(self._taken)

    def take(self, key: str, place: str) -> StepState | None:
        """The finished call that is this one: at the same place if there is one, otherwise wherever it stood."""
        there = self._exact.get((key, place))
        if there is not None:
            return self._claim(there) if there.status in _FINISHED else None
        equal = self._by_key.get(key)
        while equal:
            if (step := self._claim(equal.popleft())) is not None:
                return step
        return None

    def _claim(self, step: StepState) -> StepState | None:
        name = f"{self.run_id}/{step.id}"
        if name in self._taken:
            return None
        self._taken.add(name)
        return step
