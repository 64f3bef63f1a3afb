"""The one reducer: `RunState = fold(reduce, events)`.

Deterministic, without clock or I/O. It changes the state in place (a copy per event would make every event
cost as much as the run is long) and returns it. The cost of an event does not depend on the history, only on
the number of direct dependents of the step that it is about.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import Any

from piplan_tui.run import events as ev
from piplan_tui.run.model import Usage, UserInput
from piplan_tui.run.state import (
    BROKEN,
    SATISFIED,
    AskState,
    AttemptState,
    AttemptStatus,
    PhaseState,
    ProviderLimit,
    ProviderRetry,
    RunState,
    RunStatus,
    StepState,
    StepStatus,
    Tool,
)


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


# -- the run ---------------------------------------------------------------------------------------


def _run_created(state: RunState, e: ev.RunCreated) -> None:
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


def _run_configured(state: RunState, e: ev.RunConfigured) -> None:
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


def _plan_created(state: RunState, e: ev.PlanCreated) -> None:
    state.plan = {key: value for key, value in e.plan.items() if key != "steps"}
    for document in e.plan.get("steps", ()):
        _add_step(state, document)
    for step in state.order:
        for dependency in step.depends_on:
            state.dependents[state.steps[dependency].index].append(step)
        step.unmet = len(step.depends_on)
    for step in state.order:
        if step.unmet == 0:
            _set_status(state, step, "queued")


def _add_step(state: RunState, document: dict[str, Any]) -> StepState:
    """A new step at the end of the order, `pending` until its dependencies are looked at."""
    step = StepState(
        index=len(state.order),
        id=document["id"],
        title=document.get("title") or document["id"],
        goal=document.get("goal", ""),
        phase=_phase_title(document.get("phase")),
        depends_on=tuple(dict.fromkeys(document.get("dependsOn", ()))),
        document=document,
    )
    state.steps[step.id] = step
    state.order.append(step)
    state.dependents.append([])
    phase = _phase(state, step.phase)
    phase.steps.append(step)
    for counts in (phase.counts, state.counts):
        counts["pending"] = counts.get("pending", 0) + 1
    return step


def _phase(state: RunState, title: str) -> PhaseState:
    phase = state.phases.get(title)
    if phase is None:
        phase = state.phases[title] = PhaseState(title)
    return phase


def _workflow_created(state: RunState, e: ev.WorkflowCreated) -> None:
    state.workflow = e
    state.plan = {"id": state.plan_id, "title": state.title, "summary": e.description}
    for phase in e.phases:
        _phase(state, _phase_title(phase.get("title"))).detail = _phase_title(phase.get("detail"))


def _phase_started(state: RunState, e: ev.PhaseStarted) -> None:
    state.phase = e.title
    phase = _phase(state, e.title)
    phase.started_at = phase.started_at or e.at


def _step_created(state: RunState, e: ev.StepCreated) -> None:
    if e.step_id not in state.steps:
        step = _add_step(state, {**e.document, "id": e.step_id, "dependsOn": []})
        _set_status(state, step, "queued")


def _step_reused(state: RunState, e: ev.StepReused) -> None:
    if step := state.steps.get(e.step_id):
        step.value, step.reused_from = e.value, f"{e.from_run}/{e.from_step}"
        _set_status(state, step, "reused")


def _phase_title(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _set_run_status(state: RunState, status: RunStatus) -> None:
    if state.waiting_since is not None and status != "waiting_user":
        state.blocked_by_user_seconds += (state.at - state.waiting_since).total_seconds()
        state.waiting_since = None
    if status == "waiting_user" and state.waiting_since is None:
        state.waiting_since = state.at
    state.status = status


def _run_started(state: RunState, e: ev.RunStarted) -> None:
    state.started_at = state.started_at or e.at
    _set_run_status(state, "running")


def _run_goes_on(state: RunState, e: ev.RunResumed | ev.RunReopened) -> None:
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
    _set_run_status(state, "running")


def _run_waiting(state: RunState, e: ev.RunWaitingUser) -> None:
    _set_run_status(state, "waiting_user")


def _run_paused(state: RunState, e: ev.RunPaused) -> None:
    state.reason = e.reason
    _set_run_status(state, "paused")


def _run_interrupted(state: RunState, e: ev.RunInterrupted) -> None:
    state.reason = e.reason
    _set_run_status(state, "interrupted")


def _run_cancel_requested(state: RunState, e: ev.RunCancelRequested) -> None:
    state.cancelling = True
    state.reason = e.reason


def _run_ended(state: RunState, e: ev.RunCompleted | ev.RunFailed | ev.RunCancelled) -> None:
    state.ended_at = e.at
    state.cancelling = False
    if isinstance(e, ev.RunCompleted):
        state.result = e.result
        _set_run_status(state, "completed")
    elif isinstance(e, ev.RunFailed):
        state.reason = e.reason
        _set_run_status(state, "failed")
    else:
        state.reason = e.reason
        _set_run_status(state, "cancelled")


def _budget_exceeded(state: RunState, e: ev.BudgetExceeded) -> None:
    state.reason = f"budget reached: {e.amounts}"


def _provider_limited(state: RunState, e: ev.ProviderLimited) -> None:
    limit = state.limits.get(e.provider)
    if limit is None:
        state.limits[e.provider] = ProviderLimit(e.provider, e.at, e.until, e.reason)
    else:
        limit.until, limit.reason = e.until, e.reason
        limit.refusals += 1


def _provider_recovered(state: RunState, e: ev.ProviderRecovered) -> None:
    state.limits.pop(e.provider, None)
    state.bring_back()


# -- steps -----------------------------------------------------------------------------------------


def _set_status(state: RunState, step: StepState, status: StepStatus) -> None:
    """Move a step, and with it those of its dependents that this lets start, blocks or frees."""
    moves: list[tuple[StepState, StepStatus | None, str]] = [(step, status, "")]
    while moves:
        step, wanted, blocked_by = moves.pop()
        old = step.status
        # a dependent's is decided only now: another move may have changed its dependencies meanwhile
        new = wanted or (_resting(step) if old in _NOT_STARTED else old)
        if old == new:
            continue
        step.status = new
        step.blocked_by = blocked_by if new == "blocked" else ""
        _count(state.counts, old, new)
        _count(state.phases[step.phase].counts, old, new)
        if new == "queued":
            step.queued_seq = state.seq
            step.queued_at = state.at
            heapq.heappush(state._ready, step.index)
        met = (new in SATISFIED) - (old in SATISFIED)
        broke = (new in BROKEN) - (old in BROKEN)
        if not met and not broke:
            continue
        for dependent in state.dependents[step.index]:
            dependent.unmet -= met
            dependent.broken += broke
            moves.append((dependent, None, step.blocked_by or step.id))


_NOT_STARTED = frozenset({"pending", "queued", "blocked"})


def _count(counts: dict[StepStatus, int], old: StepStatus, new: StepStatus) -> None:
    counts[old] -= 1
    counts[new] = counts.get(new, 0) + 1


def _resting(step: StepState) -> StepStatus:
    """Where a step that does not run stands, from its dependencies alone."""
    if step.broken:
        return "blocked"
    return "pending" if step.unmet else "queued"


def _rest(state: RunState, step: StepState) -> None:
    """Put a step back to wait for its turn."""
    _set_status(state, step, _resting(step))


def _step_context(state: RunState, e: ev.StepContext) -> None:
    if step := state.steps.get(e.step_id):
        step.next_input = e.input


def _step_started(state: RunState, e: ev.StepStarted) -> None:
    if step := state.steps.get(e.step_id):
        _set_run_moving(state)
        step.attempts.append(
            AttemptState(
                number=e.attempt,
                status="running",
                started_at=e.at,
                agent=e.agent,
                model=e.model,
                input=step.next_input,
            )
        )
        step.next_input = None
        step.continues = False
        _set_status(state, step, "running")


def _step_resumed(state: RunState, e: ev.StepResumed) -> None:
    if (step := state.steps.get(e.step_id)) and (attempt := step.attempt):
        _set_run_moving(state)
        attempt.status = "running"
        attempt.input = step.next_input or attempt.input
        step.next_input = None
        step.continues = False
        _set_status(state, step, "running")


def _set_run_moving(state: RunState) -> None:
    if state.status == "waiting_user":
        _set_run_status(state, "running")


def _end_attempt(
    state: RunState, e: ev.StepEvent, status: AttemptStatus
) -> tuple[StepState, AttemptState | None] | None:
    step = state.steps.get(e.step_id)
    if step is None:
        return None
    attempt = step.attempt
    if attempt is None or attempt.number != e.attempt:
        return step, None
    if attempt.ended_at is None:
        _stop_waiting(attempt, e.at)
        attempt.ended_at = e.at
        attempt.open_tools.clear()
        attempt.provider_retry = None
    attempt.status = status
    return step, attempt


def _step_completed(state: RunState, e: ev.StepCompleted) -> None:
    if ended := _end_attempt(state, e, "completed"):
        step, attempt = ended
        step.handoff = e.handoff
        step.value = e.value
        if attempt is not None:
            attempt.summary = e.summary
        _set_status(state, step, "completed")


def _step_failed(state: RunState, e: ev.StepFailed) -> None:
    if ended := _end_attempt(state, e, "failed"):
        step, attempt = ended
        if attempt is not None:
            attempt.error, attempt.error_kind, attempt.error_detail = e.error, e.kind, e.detail
        _set_status(state, step, "failed")


def _step_cancelled(state: RunState, e: ev.StepCancelled) -> None:
    if ended := _end_attempt(state, e, "cancelled"):
        step, attempt = ended
        if attempt is not None:
            attempt.error = e.reason
        _set_status(state, step, "cancelled")


def _step_skipped(state: RunState, e: ev.StepSkipped) -> None:
    if step := state.steps.get(e.step_id):
        if step.attempt is not None and step.attempt.ended_at is None:
            _end_attempt(state, e, "cancelled")
        _set_status(state, step, "skipped")


def _step_interrupted(state: RunState, e: ev.StepInterrupted) -> None:
    if ended := _end_attempt(state, e, "interrupted"):
        step, attempt = ended
        if attempt is not None:
            attempt.error, attempt.error_kind = e.reason, e.kind
        # its session is gone, and a question that was withdrawn with it is no answer to go on with
        step.continues = False
        _rest(state, step)


def _step_retried(state: RunState, e: ev.StepRetried) -> None:
    if step := state.steps.get(e.step_id):
        step.continues = False
        step.handoff = None
        step.value, step.reused_from = None, ""
        if e.goal is not None:
            step.goal_override = e.goal
        if e.agent is not None:
            step.agent_override = e.agent
        if e.model is not None:
            step.model_override = e.model
        _rest(state, step)


def _step_edited(state: RunState, e: ev.StepEdited) -> None:
    if step := state.steps.get(e.step_id):
        step.goal_override = e.goal


# -- sessions --------------------------------------------------------------------------------------


def _attempt(state: RunState, e: ev.StepEvent) -> tuple[StepState, AttemptState] | None:
    step = state.steps.get(e.step_id)
    if step is None or not step.attempts or step.attempts[-1].number != e.attempt:
        return None
    return step, step.attempts[-1]


def _session_started(state: RunState, e: ev.SessionStarted) -> None:
    if found := _attempt(state, e):
        found[1].session = e.session
        found[1].model = e.session.model or found[1].model


def _tool_started(state: RunState, e: ev.SessionToolStarted) -> None:
    if found := _attempt(state, e):
        step, attempt = found
        attempt.tools += 1
        attempt.open_tools[e.call_id] = Tool(e.tool, e.target, e.at)
        state.tools += 1
        state.phases[step.phase].tools += 1


def _tool_ended(state: RunState, e: ev.SessionToolEnded) -> None:
    if found := _attempt(state, e):
        found[1].open_tools.pop(e.call_id, None)


def _session_usage(state: RunState, e: ev.SessionUsage) -> None:
    if found := _attempt(state, e):
        step, attempt = found
        grown = e.usage if attempt.usage is None else _difference(e.usage, attempt.usage)
        attempt.usage = e.usage
        state.usage = state.usage.plus(grown)
        phase = state.phases[step.phase]
        phase.usage = phase.usage.plus(grown)


def _difference(new: Usage, old: Usage) -> Usage:
    def less(a: int | None, b: int | None) -> int | None:
        return a if a is None or b is None else a - b

    cost = new.cost_usd
    return Usage(
        input=less(new.input, old.input),
        output=less(new.output, old.output),
        cache_read=less(new.cache_read, old.cache_read),
        cache_write=less(new.cache_write, old.cache_write),
        cost_usd=cost if cost is None or old.cost_usd is None else cost - old.cost_usd,
    )


def _session_retrying(state: RunState, e: ev.SessionRetrying) -> None:
    if found := _attempt(state, e):
        step, attempt = found
        until = e.at + timedelta(seconds=e.delay_seconds)
        attempt.provider_retry = ProviderRetry(e.retry, e.max_retries, until, e.error)
        if step.status == "running":
            attempt.status = "retrying"
            _set_status(state, step, "retrying")


def _session_recovered(state: RunState, e: ev.SessionRecovered) -> None:
    if found := _attempt(state, e):
        step, attempt = found
        attempt.provider_retry = None
        if step.status == "retrying":
            attempt.status = "running"
            _set_status(state, step, "running")


def _session_reprompted(state: RunState, e: ev.SessionReprompted) -> None:
    if found := _attempt(state, e):
        found[1].reprompts = e.count


# -- asks ------------------------------------------------------------------------------------------


def _open_ask(state: RunState, e: ev.AskOpened | ev.StepWaitingUser) -> None:
    if found := _attempt(state, e):
        step, attempt = found
        live = isinstance(e, ev.AskOpened)
        state.asks[e.ask_id] = AskState(e.ask_id, e.step_id, e.attempt, e.request, e.at, live)
        step.asks.append(e.ask_id)
        attempt.status = "waiting_user"
        attempt.waiting_since = attempt.waiting_since or e.at
        if isinstance(e, ev.StepWaitingUser):
            attempt.summary = e.summary
            attempt.open_tools.clear()
        _set_status(state, step, "waiting_user")


def _ask_answered(state: RunState, e: ev.AskAnswered) -> None:
    ask = _close_ask(state, e.ask_id)
    if ask is not None and (found := _attempt(state, e)):
        step, attempt = found
        message = ask.request.get("message", "") if isinstance(ask.request, dict) else ask.request
        attempt.answers.append(
            UserInput(
                ask_id=e.ask_id,
                message=message if isinstance(message, str) else "",
                action=e.action,
                values=e.values,
                note=e.note,
            )
        )
        _go_on_when_answered(state, step, attempt, e.at)


def _ask_withdrawn(state: RunState, e: ev.AskWithdrawn) -> None:
    ask = _close_ask(state, e.ask_id)
    if ask is not None and (found := _attempt(state, e)):
        _go_on_when_answered(state, *found, e.at)


def _close_ask(state: RunState, ask_id: str) -> AskState | None:
    ask = state.asks.pop(ask_id, None)
    if ask is not None and (step := state.steps.get(ask.step_id)):
        step.asks.remove(ask_id)
    return ask


def _go_on_when_answered(state: RunState, step: StepState, attempt: AttemptState, at: datetime) -> None:
    if step.status == "waiting_user" and not step.asks:
        _stop_waiting(attempt, at)
        step.continues = True
        _rest(state, step)


def _stop_waiting(attempt: AttemptState, at: datetime) -> None:
    if attempt.waiting_since is not None:
        attempt.waited_seconds += (at - attempt.waiting_since).total_seconds()
        attempt.waits.append((attempt.waiting_since, at))
        attempt.waiting_since = None


_HANDLERS: dict[type[ev.RuntimeEvent], Callable[[RunState, Any], None]] = {
    ev.RunCreated: _run_created,
    ev.RunConfigured: _run_configured,
    ev.PlanCreated: _plan_created,
    ev.WorkflowCreated: _workflow_created,
    ev.PhaseStarted: _phase_started,
    ev.StepCreated: _step_created,
    ev.StepReused: _step_reused,
    ev.RunStarted: _run_started,
    ev.RunResumed: _run_goes_on,
    ev.RunReopened: _run_goes_on,
    ev.RunWaitingUser: _run_waiting,
    ev.RunPaused: _run_paused,
    ev.RunInterrupted: _run_interrupted,
    ev.RunCancelRequested: _run_cancel_requested,
    ev.RunCancelled: _run_ended,
    ev.RunCompleted: _run_ended,
    ev.RunFailed: _run_ended,
    ev.BudgetExceeded: _budget_exceeded,
    ev.ProviderLimited: _provider_limited,
    ev.ProviderRecovered: _provider_recovered,
    ev.StepContext: _step_context,
    ev.StepStarted: _step_started,
    ev.StepResumed: _step_resumed,
    ev.StepWaitingUser: _open_ask,
    ev.StepCompleted: _step_completed,
    ev.StepFailed: _step_failed,
    ev.StepCancelled: _step_cancelled,
    ev.StepSkipped: _step_skipped,
    ev.StepInterrupted: _step_interrupted,
    ev.StepRetried: _step_retried,
    ev.StepEdited: _step_edited,
    ev.SessionStarted: _session_started,
    ev.SessionToolStarted: _tool_started,
    ev.SessionToolEnded: _tool_ended,
    ev.SessionUsage: _session_usage,
    ev.SessionRetrying: _session_retrying,
    ev.SessionRecovered: _session_recovered,
    ev.SessionReprompted: _session_reprompted,
    ev.AskOpened: _open_ask,
    ev.AskAnswered: _ask_answered,
    ev.AskWithdrawn: _ask_withdrawn,
}
