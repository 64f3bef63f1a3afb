"""From events to the state."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from piplan_tui.run import events as ev
from piplan_tui.run.reduce import asks, plan, run, sessions, steps
from piplan_tui.run.state import RunState


def reduce(state: RunState, event: ev.RuntimeEvent) -> RunState:
    """Apply one event. Events about steps that the plan does not have change nothing but `seq`."""
    state.seq = event.seq
    state.at = event.at
    handler = _HANDLERS.get(type(event))
    if handler is not None:
        handler(state, event)
    return state


def fold(events: Iterable[ev.RuntimeEvent]) -> RunState:
    """The state after these events."""
    state = RunState()
    for event in events:
        reduce(state, event)
    return state


_HANDLERS: dict[type[ev.RuntimeEvent], Callable[[RunState, Any], None]] = {
    ev.RunCreated: run.run_created,
    ev.RunConfigured: run.run_configured,
    ev.PlanCreated: plan.plan_created,
    ev.WorkflowCreated: plan.workflow_created,
    ev.WorkflowNested: plan.workflow_nested,
    ev.PhaseStarted: plan.phase_started,
    ev.StepCreated: plan.step_created,
    ev.StepReused: steps.step_reused,
    ev.RunStarted: run.run_started,
    ev.RunResumed: run.run_goes_on,
    ev.RunReopened: run.run_goes_on,
    ev.RunWaitingUser: run.run_waiting,
    ev.RunPaused: run.run_paused,
    ev.RunInterrupted: run.run_interrupted,
    ev.RunCancelRequested: run.run_cancel_requested,
    ev.RunCancelled: run.run_ended,
    ev.RunCompleted: run.run_ended,
    ev.RunFailed: run.run_ended,
    ev.BudgetExceeded: run.budget_exceeded,
    ev.ProviderLimited: run.provider_limited,
    ev.ProviderRecovered: run.provider_recovered,
    ev.StepContext: steps.step_context,
    ev.StepStarted: steps.step_started,
    ev.StepResumed: steps.step_resumed,
    ev.StepWaitingUser: asks.open_ask,
    ev.StepCompleted: steps.step_completed,
    ev.StepFailed: steps.step_failed,
    ev.StepCancelled: steps.step_cancelled,
    ev.StepSkipped: steps.step_skipped,
    ev.StepInterrupted: steps.step_interrupted,
    ev.StepRetried: steps.step_retried,
    ev.StepEdited: steps.step_edited,
    ev.StepSteered: steps.step_steered,
    ev.SessionStarted: sessions.session_started,
    ev.SessionToolStarted: sessions.tool_started,
    ev.SessionToolEnded: sessions.tool_ended,
    ev.SessionUsage: sessions.session_usage,
    ev.SessionRetrying: sessions.session_retrying,
    ev.SessionRecovered: sessions.session_recovered,
    ev.SessionReprompted: sessions.session_reprompted,
    ev.SessionPlanned: sessions.planned,
    ev.StepChanged: steps.step_changed,
    ev.StepOverlapped: steps.step_overlapped,
    ev.AskOpened: asks.open_ask,
    ev.RunAsked: asks.run_asked,
    ev.AskAnswered: asks.ask_answered,
    ev.AskWithdrawn: asks.ask_withdrawn,
}
