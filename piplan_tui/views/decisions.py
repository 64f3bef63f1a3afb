"""Who decided what: questions and permissions that were answered, each in a line."""

from __future__ import annotations

from typing import Any

from piplan_tui.clean import clean_text
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.attempt_state import Decision
from piplan_tui.run.state import RunState

_WORDS = {"accept": "answered", "decline": "declined", "cancel": "dismissed", "expire": "expired"}
_WHO = {"user": "you", "default": "the defaults of its fields", "timeout": "its time limit"}
_MAX_NAMES = 4


def decided(action: str) -> str:
    """An action in the past tense."""
    return _WORDS.get(action, action)


def decided_by(decision: Decision) -> str:
    """Who, in words."""
    return f"the policy {decision.policy}" if decision.by == "policy" else _WHO.get(decision.by, decision.by)


def decision_line(decision: Decision) -> str:
    """`allowed once by the policy allow-read-only: Read notes.md`."""
    what = decision.choice or decided(decision.action)
    if decision.by == "policy":
        what = "allowed once" if decision.action == "accept" else "denied"
    who = decided_by(decision)
    where = f" ({decision.surface})" if decision.surface else ""
    also = " together with an equal question" if decision.same_as else ""
    text = f"{what} by {who}{where}{also}: {decision.question or 'a question without a text'}"
    return clean_text(text, keep_newlines=False)


def decision_document(decision: Decision) -> dict[str, Any]:
    """A decision in JSON. `by` is `user`, `policy`, `timeout`, `default` or `file`."""
    return {
        "askId": decision.ask_id,
        "at": decision.at,
        "question": decision.question,
        "action": decision.action,
        "choice": decision.choice or None,
        "by": decision.by,
        "surface": decision.surface or None,
        "policy": decision.policy or None,
        "sameAs": decision.same_as or None,
    }


def applies_to(state: RunState, ask: AskState) -> str:
    """`applies to 4: build, test, lint, docs`; empty for a question of one step only."""
    same = state.same_asks(ask.id)
    if len(same) < 2:
        return ""
    names = [clean_text(other.step_id, keep_newlines=False) for other in same]
    more = f" and {len(names) - _MAX_NAMES:,} more" if len(names) > _MAX_NAMES else ""
    return f"applies to {len(names):,}: {', '.join(names[:_MAX_NAMES])}{more}"
