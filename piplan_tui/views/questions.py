"""Open questions: what each wants to know, and which to answer first."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from piplan_tui.run.ask_state import AskState
from piplan_tui.run.permission import is_permission, question_of
from piplan_tui.run.state import RunState
from piplan_tui.views.line import one_line


def question(ask: AskState) -> str:
    """What an ask wants to know, on one line, whatever shape its request has."""
    request = ask.request
    if isinstance(request, dict):
        for key in ("title", "message", "question", "prompt", "text"):
            if isinstance(value := request.get(key), str) and value.strip():
                return one_line(value)
        if is_permission(request):
            return one_line(f"Allow {question_of(request)}?")
        questions = request.get("questions")
        if isinstance(questions, list) and questions:
            return question(AskState(ask.id, ask.step_id, ask.attempt, questions[0], ask.opened_at, ask.live))
    if isinstance(request, str) and request.strip():
        return one_line(request)
    return "an answer"


def whole_question(ask: AskState) -> str:
    """The sentence that is asked, where the request has one besides its title."""
    message = ask.request.get("message") if isinstance(ask.request, dict) else None
    return one_line(message) if isinstance(message, str) and message.strip() else question(ask)


def ask_order(state: RunState) -> list[AskState]:
    """Open questions, the one to answer first in front: urgency, then how many steps it frees, then age.

    Of permissions that are the same question only the oldest is there; see `RunState.same_asks`.
    """

    def rank(ask: AskState) -> tuple[int, int, datetime]:
        request: Any = ask.request
        urgency = request.get("urgency") if isinstance(request, dict) else None
        level = {"high": 0, "low": 2}.get(urgency if isinstance(urgency, str) else "", 1)
        step = state.steps.get(ask.step_id)
        freed = sum(after.status != "blocked" for after in state.dependents[step.index]) if step else 0
        return level, -freed, ask.opened_at

    alone = [ask for ask in state.asks.values() if not ask.sameness]
    # of equal ones the oldest stays: it comes last here, and the last value of a key wins
    together = {ask.sameness: ask for ask in reversed(state.asks.values()) if ask.sameness}
    return sorted([*alone, *together.values()], key=rank)
