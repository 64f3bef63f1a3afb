"""The attempt that an event is about: which it is, how it stops waiting, how it ends."""

from __future__ import annotations

from datetime import datetime

from piplan_tui.run import events as ev
from piplan_tui.run.attempt_state import AttemptState, AttemptStatus
from piplan_tui.run.state import RunState, StepState


def attempt_of(state: RunState, e: ev.StepEvent) -> tuple[StepState, AttemptState] | None:
    """The step and its newest attempt; `None` when the event is about an earlier one."""
    step = state.steps.get(e.step_id)
    if step is None or not step.attempts or step.attempts[-1].number != e.attempt:
        return None
    return step, step.attempts[-1]


def end_attempt(
    state: RunState, e: ev.StepEvent, status: AttemptStatus
) -> tuple[StepState, AttemptState | None] | None:
    """The step, and the attempt when it is the newest one, which now has that status."""
    step = state.steps.get(e.step_id)
    if step is None:
        return None
    attempt = step.attempt
    if attempt is None or attempt.number != e.attempt:
        return step, None
    if attempt.ended_at is None:
        ended = (e.alive_until if isinstance(e, ev.StepInterrupted) else None) or e.at
        stop_waiting(attempt, ended)
        attempt.ended_at = ended
        attempt.open_tools.clear()
        attempt.provider_retry = None
    for path in attempt.writes:
        running = state.touched.get(path, [])
        if step.id in running:
            running.remove(step.id)
        if not running:
            state.touched.pop(path, None)
    attempt.status = status
    return step, attempt


def stop_waiting(attempt: AttemptState, at: datetime) -> None:
    if attempt.waiting_since is not None:
        # the clock may have been set back meanwhile
        attempt.waited_seconds += max(0.0, (at - attempt.waiting_since).total_seconds())
        attempt.waits.append((attempt.waiting_since, at))
        attempt.waiting_since = None
