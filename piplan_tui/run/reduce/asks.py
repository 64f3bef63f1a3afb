"""Questions to the user: open, answered, void."""

from __future__ import annotations

from datetime import datetime

from piplan_tui.run import events as ev
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.attempt_state import AttemptState, Decision
from piplan_tui.run.model import UserInput
from piplan_tui.run.permission import choice_of, question_of, sameness
from piplan_tui.run.reduce.attempts import attempt_of, stop_waiting
from piplan_tui.run.reduce.step_status import rest, set_status
from piplan_tui.run.state import BUDGETS, RunState, StepState
from piplan_tui.run.time_limit import time_limit


def open_ask(state: RunState, e: ev.AskOpened | ev.StepWaitingUser) -> None:
    if found := attempt_of(state, e):
        step, attempt = found
        live = isinstance(e, ev.AskOpened)
        state.asks[e.ask_id] = AskState(
            e.ask_id,
            e.step_id,
            e.attempt,
            e.request,
            e.at,
            live,
            sameness=sameness(e.request) if live else "",
            limit=time_limit(e.request, live=live, step=step.document, plan=state.plan),
        )
        step.asks.append(e.ask_id)
        attempt.status = "waiting_user"
        attempt.waiting_since = attempt.waiting_since or e.at
        if isinstance(e, ev.StepWaitingUser):
            attempt.summary = e.summary
            attempt.open_tools.clear()
        set_status(state, step, "waiting_user")


def run_asked(state: RunState, e: ev.RunAsked) -> None:
    state.asks[e.ask_id] = AskState(e.ask_id, "", 0, e.request, e.at, live=False, kind=e.kind, about=e.about)


def _settle(state: RunState, ask: AskState, e: ev.AskAnswered) -> None:
    """What an answer to the run itself changes."""
    if e.action != "accept":
        return
    decision = e.values.get("decision")
    if ask.kind == "fanOut" and decision == "go":
        state.agreed.add(ask.about)
    elif ask.kind == "budget" and ask.about in BUDGETS and decision in ("raise", "lift"):
        limit = e.values.get("limit") if decision == "raise" else None
        setattr(state, BUDGETS[ask.about], limit)


def ask_answered(state: RunState, e: ev.AskAnswered) -> None:
    ask = _close_ask(state, e.ask_id)
    if ask is not None and ask.kind:
        _settle(state, ask, e)
    found = attempt_of(state, e)
    if found is not None:
        found[1].decisions.append(_decision(e, ask))
    if ask is not None and found is not None:
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


_WHO = {"human": "user"}


def _decision(e: ev.AskAnswered, ask: AskState | None) -> Decision:
    request = ask.request if ask is not None else None
    return Decision(
        ask_id=e.ask_id,
        at=e.at,
        question=e.question or question_of(request),
        action=e.action,
        choice=e.action_id or choice_of(request, e.values),
        by=_WHO.get(e.by, e.by),
        surface=e.surface,
        policy=e.policy,
        same_as=e.same_as,
    )


def ask_withdrawn(state: RunState, e: ev.AskWithdrawn) -> None:
    ask = _close_ask(state, e.ask_id)
    if ask is not None and (found := attempt_of(state, e)):
        _go_on_when_answered(state, *found, e.at)


def _close_ask(state: RunState, ask_id: str) -> AskState | None:
    ask = state.asks.pop(ask_id, None)
    if ask is not None and (step := state.steps.get(ask.step_id)):
        step.asks.remove(ask_id)
    return ask


def _go_on_when_answered(state: RunState, step: StepState, attempt: AttemptState, at: datetime) -> None:
    if step.status == "waiting_user" and not step.asks:
        stop_waiting(attempt, at)
        step.continues = True
        rest(state, step)
