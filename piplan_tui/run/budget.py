"""Limits on what a run may use: tokens of all kinds together, output tokens, or US dollars.

The limit is hard: no agent starts once it is reached. The run pauses and asks; what runs goes on to its end, so
that nothing done is lost.
"""

from __future__ import annotations

import math
from typing import Any

from piplan_tui.run import events as ev
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks import FieldError
from piplan_tui.run.events import BudgetExceeded
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.state import RunState

_OPTIONS = {
    "tokens": "--budget-tokens",
    "outputTokens": "--budget-output-tokens",
    "usd": "--budget-usd",
}
_UNITS = {"tokens": "tokens", "outputTokens": "output tokens", "usd": "US dollars"}


def spent(state: RunState) -> BudgetExceeded | None:
    """The limit that is reached, if one is. What no agent reported counts as nothing used."""
    tokens, usd = state.usage.tokens, state.usage.cost_usd
    if state.budget_tokens is not None and tokens is not None and tokens >= state.budget_tokens:
        return BudgetExceeded(kind="tokens", limit=state.budget_tokens, spent=tokens)
    if state.budget_usd is not None and usd is not None and usd >= state.budget_usd:
        return BudgetExceeded(kind="usd", limit=state.budget_usd, spent=usd)
    output = state.usage.output
    if state.budget_output_tokens is not None and output is not None and output >= state.budget_output_tokens:
        return BudgetExceeded(kind="outputTokens", limit=state.budget_output_tokens, spent=output)
    return None


def pause_when_spent(state: RunState, emit: ev.OnEvent) -> bool:
    """Let no further agent start, and ask, when a limit is reached. True when the run does not go on."""
    if state.status not in ("running", "waiting_user") or (over := spent(state)) is None:
        return False
    emit(over)
    emit(ev.RunPaused(reason=f"budget reached: {over.amounts}", by="budget"))
    ask(state, emit, over)
    return True


def ask(state: RunState, emit: ev.OnEvent, over: BudgetExceeded) -> None:
    """Put the question what is to become of the run, unless it is open."""
    if question_of(state, over.kind) is None:
        request = budget_request(over)
        emit(ev.RunAsked(ask_id=f"budget-{state.seq + 1}", kind="budget", about=over.kind, request=request))


def question_of(state: RunState, kind: str) -> AskState | None:
    """The open question about a limit."""
    return next((a for a in state.asks.values() if a.kind == "budget" and a.about == kind), None)


def settle_questions(state: RunState, emit: ev.OnEvent) -> None:
    """Withdraw what is asked about limits that are not reached (any more): they were raised in another way."""
    for kind in _OPTIONS:
        known = question_of(state, kind)
        over = spent(state)
        if known is not None and (over is None or over.kind != kind):
            emit(ev.AskWithdrawn(step_id="", ask_id=known.id, reason="the limit was raised"))


def refuse_when_spent(state: RunState, emit: ev.OnEvent) -> None:
    """Do not let a run go on that would stop at once; ask what is to become of it.

    Raises:
        ControlRefused: its budget is spent.
    """
    over = spent(state)
    if over is not None:
        ask(state, emit, over)
        raise ControlRefused(
            f"the budget is spent: {over.amounts}; answer the question about it, "
            f"or raise it with {_OPTIONS[over.kind]}"
        )


def budget_request(over: BudgetExceeded) -> dict[str, Any]:
    """The question as a form."""
    unit = _UNITS[over.kind]
    suggested = higher_limit(over)
    used = f"${over.spent:,.2f}" if over.kind == "usd" else f"{over.spent:,.0f} {unit}"
    limit = f"${over.limit:,.2f}" if over.kind == "usd" else f"{over.limit:,.0f} {unit}"
    return {
        "title": f"The budget of {limit} is spent",
        "message": f"{used} were used when this was asked. No agent starts beyond the limit. What runs goes on to "
        "its end, and may use more by then; nothing done is lost.",
        "urgency": "high",
        "fields": [
            {
                "name": "decision",
                "type": "choice",
                "label": "How does the run go on?",
                "options": [
                    {"value": "raise", "label": "with a higher limit", "recommended": True},
                    {"value": "lift", "label": "without this limit"},
                    {"value": "stop", "label": "not at all: stop it"},
                ],
            },
            {
                "name": "limit",
                "type": "number" if over.kind == "usd" else "integer",
                "label": f"The higher limit, in {unit}",
                "required": False,
                "default": suggested,
            },
        ],
    }


def higher_limit(over: BudgetExceeded) -> float:
    """A limit to go on with: twice the one that is reached, and well above what is used already."""
    higher = max(2 * over.limit, over.spent + over.limit / 2)
    return round(higher, 2) if over.kind == "usd" else math.ceil(higher)


def answer_problem(state: RunState, asked: AskState, values: dict[str, Any]) -> list[FieldError]:
    """What is wrong with an answer beyond its fields: a limit that is used up already."""
    if asked.kind != "budget" or values.get("decision") != "raise":
        return []
    used = {"tokens": state.usage.tokens, "outputTokens": state.usage.output, "usd": state.usage.cost_usd}
    limit, least = values.get("limit"), used.get(asked.about) or 0
    if isinstance(limit, int | float) and limit > least:
        return []
    shown = f"${least:,.2f}" if asked.about == "usd" else f"{least:,.0f}"
    unit = "" if asked.about == "usd" else f" {_UNITS[asked.about]}"
    return [FieldError("limit", f"The limit must be above the {shown}{unit} that are used already.")]
