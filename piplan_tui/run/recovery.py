"""Makes sense of a run whose owner is gone."""

from __future__ import annotations

from collections.abc import Iterable

from piplan_tui.run import events as ev
from piplan_tui.run.reduce import reduce
from piplan_tui.run.state import HOLDS_SLOT, TERMINAL, RunState

_GONE = "the process that ran it is gone"


def recover(state: RunState, emit: ev.OnEvent) -> None:
    """Say what became of the steps that ran when the owner went.

    Completed steps stay completed. Steps that ran are taken up again as a new attempt; steps that waited for
    the user wait with the same question. A cancel that had been asked for is carried to its end.
    """
    if state.ended:
        return
    alive_until = state.at
    # a question may have been closed, and its owner gone before it could say where that leaves the run
    waits_for_nothing = state.status == "waiting_user" and not state.asks
    if state.status == "running" or state.slots_used or waits_for_nothing:
        reason = "the process that owned the run is gone"
        emit(ev.RunInterrupted(reason=reason, alive_until=alive_until))
    for step in state.order:
        if step.status in HOLDS_SLOT:
            emit(
                ev.StepInterrupted(
                    step_id=step.id, attempt=step.attempt_number, reason=_GONE, alive_until=alive_until
                )
            )
    if state.cancelling:
        close_cancelled(state, emit)


def show_interrupted(state: RunState, on_event: ev.OnEvent = lambda event: None) -> None:
    """Let a state say what `recover` would make of it, for whoever only looks: nothing of it is stored.

    The events keep the number of the last stored one. `on_event` hears of each.
    """

    def seen(event: ev.RuntimeEvent) -> None:
        event.seq, event.at, event.run_id = state.seq, state.at, state.run_id
        reduce(state, event)
        on_event(event)

    recover(state, seen)


def close_cancelled(
    state: RunState,
    emit: ev.OnEvent,
    *,
    by: str = "user",
    open_steps: Iterable[str] | None = None,
    processes_left: int = 0,
) -> None:
    """Carry a cancel to its end once nothing runs any more: no step is left that could still change.

    `open_steps` are the steps that had not ended when the cancel was asked for; by default, those that have
    not now.
    """
    for ask in list(state.asks.values()):
        emit(ev.AskWithdrawn(step_id=ask.step_id, attempt=ask.attempt, ask_id=ask.id, reason="run cancelled"))
    if open_steps is None:
        open_steps = [step.id for step in state.order if step.status not in TERMINAL]
    for step in map(state.steps.__getitem__, open_steps):
        # one that its cancelled dependency has just blocked was open, and is cancelled with the run
        if step.status not in TERMINAL or step.status == "blocked":
            emit(ev.StepCancelled(step_id=step.id, attempt=step.attempt_number, by=by, reason=state.reason))
    if state.workflow is None:
        emit(ev.PlanCancelled(plan_id=state.plan_id))
    emit(ev.RunCancelled(reason=state.reason, processes_left=processes_left))
