"""How long a run is likely to go on: from what its finished steps took, its critical path and its slots."""

from __future__ import annotations

from datetime import datetime

from piplan_tui.run.state import RunState
from piplan_tui.views.critical_path import StepTimes

LEAST_BASIS = 3
"""Completed steps from which their average says something about the others."""
_AGAIN_SECONDS = 5.0
_STEPS_PER_SECOND = 1_000


class Estimate:
    """Seconds that a run may still take, cheap to ask for whatever happens.

    It is worked out anew (O(steps + dependencies)) at most every five seconds, and more rarely the more steps
    there are; in between it counts down while something runs. No event costs more than another.
    """

    def __init__(self) -> None:
        self._state: RunState | None = None
        self._left: float | None = None
        self._worked_out_at: datetime | None = None
        self._times = StepTimes()

    def left(self, state: RunState, now: datetime) -> float | None:
        """Seconds, not counting the time for which the user will be waited for; `None` without a basis.

        A workflow has none: nobody knows which steps its script will still call.
        """
        if state is not self._state:
            self._state, self._left, self._worked_out_at = state, None, None
        if state.kind != "plan" or state.status not in ("running", "waiting_user") or state.cancelling:
            return None
        if state.counts.get("completed", 0) < LEAST_BASIS:
            return None
        age = (now - self._worked_out_at).total_seconds() if self._worked_out_at is not None else None
        if age is None or age < 0 or age >= _AGAIN_SECONDS + len(state.order) / _STEPS_PER_SECOND:
            self._left, self._worked_out_at, age = self._work_out(state, now), now, 0.0
        if self._left is None:
            return None
        return max(0.0, self._left - (age if state.slots_used else 0.0))

    def _work_out(self, state: RunState, now: datetime) -> float | None:
        """The longer of what the critical path still takes and what all work takes in the slots that there are."""
        self._times.read(state, now)
        work = self._times.work_left
        if not work:
            return None
        # the path may be one that is done already, with nothing left on it while others go on
        on_path = self._times.critical_path().left or 0.0
        return max(on_path, work / max(1, state.slots))


def estimate_text(seconds: float, *, asks: int) -> str:
    """`~40s`, `~6m`, `~1h20m`; `~6m after answer` while a question is open."""
    whole = round(seconds)
    if whole < 60:
        shown = f"{max(10, -(-whole // 10) * 10)}s"
    elif whole < 3_600:
        shown = f"{round(whole / 60)}m"
    else:
        hours, minutes = divmod(round(whole / 60), 60)
        shown = f"{hours}h{minutes:02}m" if hours < 10 else f"{hours}h"
    return f"~{shown} after answer" if asks else f"~{shown}"
