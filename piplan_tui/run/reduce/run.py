"""What the run is set to and where it stands, with the limits that hold it."""

from __future__ import annotations

from datetime import datetime

from piplan_tui.run import events as ev
from piplan_tui.run.state import ProviderLimit, RunState, RunStatus


def run_created(state: RunState, e: ev.RunCreated) -> None:
    state.run_id = e.run_id
    state.schema_version = e.schema_version
    state.created_at = e.at
    for name in ("kind", "title", "plan_id", "source", "workspace", "mode", "max_concurrency"):
        setattr(state, name, getattr(e, name))
    for name in (
        "agent",
        "model",
        "budget_tokens",
        "budget_usd",
        "budget_output_tokens",
        "settings",
        "metadata",
    ):
        setattr(state, name, getattr(e, name))


def run_configured(state: RunState, e: ev.RunConfigured) -> None:
    for name in (
        "agent",
        "model",
        "max_concurrency",
        "budget_tokens",
        "budget_usd",
        "budget_output_tokens",
        "settings",
    ):
        value = getattr(e, name)
        if value is not None:
            setattr(state, name, value)
    state.bring_back()


def set_run_status(state: RunState, status: RunStatus, *, since: datetime | None = None) -> None:
    """`since` is when it came to stand still, if that was before it was noticed."""
    if state.waiting_since is not None and status != "waiting_user":
        # the clock may have been set back meanwhile
        state.blocked_by_user_seconds += max(0.0, (state.at - state.waiting_since).total_seconds())
        state.waiting_since = None
    if status == "waiting_user" and state.waiting_since is None:
        state.waiting_since = state.at
    if status not in ("running", "waiting_user"):
        state.still_since = state.still_since or since or state.at
    elif state.still_since is not None:
        state.still_seconds += max(0.0, (state.at - state.still_since).total_seconds())
        state.still_since = None
    state.status = status


def run_started(state: RunState, e: ev.RunStarted) -> None:
    state.started_at = state.started_at or e.at
    set_run_status(state, "running")


def run_goes_on(state: RunState, e: ev.RunResumed | ev.RunReopened) -> None:
    state.started_at = state.started_at or e.at
    state.ended_at = None
    state.reason = ""
    if isinstance(e, ev.RunReopened):
        state.cancelling = False
    for limit in state.limits.values():
        # whoever takes a run up again wants to know now whether it goes on, and one step is enough to find out
        limit.since = limit.until = e.at
        limit.refusals = 0
    state.bring_back()
    set_run_status(state, "running")


def run_waiting(state: RunState, e: ev.RunWaitingUser) -> None:
    set_run_status(state, "waiting_user")


def run_paused(state: RunState, e: ev.RunPaused) -> None:
    state.reason, state.paused_by = e.reason, e.by
    set_run_status(state, "paused")


def run_interrupted(state: RunState, e: ev.RunInterrupted) -> None:
    state.reason = e.reason
    set_run_status(state, "interrupted", since=e.alive_until)


def run_cancel_requested(state: RunState, e: ev.RunCancelRequested) -> None:
    state.cancelling = True
    state.reason = e.reason


def run_ended(state: RunState, e: ev.RunCompleted | ev.RunFailed | ev.RunCancelled) -> None:
    state.ended_at = e.at
    state.cancelling = False
    if isinstance(e, ev.RunCompleted):
        state.result = e.result
        set_run_status(state, "completed")
    elif isinstance(e, ev.RunFailed):
        state.reason = e.reason
        set_run_status(state, "failed")
    else:
        state.reason = e.reason
        set_run_status(state, "cancelled")


def budget_exceeded(state: RunState, e: ev.BudgetExceeded) -> None:
    state.reason = f"budget reached: {e.amounts}"


def provider_limited(state: RunState, e: ev.ProviderLimited) -> None:
    limit = state.limits.get(e.provider)
    if limit is None:
        state.limits[e.provider] = ProviderLimit(e.provider, e.at, e.until, e.reason, e.at)
    else:
        limit.until, limit.reason, limit.said_at = e.until, e.reason, e.at
        limit.refusals += 1


def provider_recovered(state: RunState, e: ev.ProviderRecovered) -> None:
    state.limits.pop(e.provider, None)
    state.bring_back()
