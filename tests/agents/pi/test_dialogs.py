"""Dialogs of extensions as input requests and back."""

from __future__ import annotations

from typing import Any

import pytest

from piplan_tui.agents.pi.decode import Dialog
from piplan_tui.agents.pi.dialogs import input_request, response
from piplan_tui.agents.protocol import AskReply


def test_a_confirmation_with_a_time_limit() -> None:
    dialog = Dialog(id="q", method="confirm", title="Write?", message="This writes deck.md", timeout=5000)
    assert input_request(dialog) == {
        "version": 1,
        "title": "Write?",
        "message": "This writes deck.md",
        "fields": [{"name": "answer", "label": "Write?", "type": "boolean"}],
        "source": {"dialect": "pi-extension-ui", "id": "q", "method": "confirm"},
        "expires": {"afterSeconds": 5.0, "then": "decline", "owner": "agent"},
    }


def test_a_selection_without_options_can_still_be_answered() -> None:
    [field] = input_request(Dialog(id="q", method="select", title="Which?"))["fields"]
    assert field["type"] == "text"


def test_a_question_without_words_still_has_a_message() -> None:
    assert input_request(Dialog(id="q", method="input"))["message"]


@pytest.mark.parametrize(
    ("method", "reply", "expected"),
    [
        ("select", AskReply(action="accept", values={"answer": "b"}), {"value": "b"}),
        ("input", AskReply(action="accept", values={"answer": 7}), {"value": "7"}),
        ("editor", AskReply(action="accept"), {"value": ""}),
        ("confirm", AskReply(action="accept", values={"answer": True}), {"confirmed": True}),
        ("confirm", AskReply(action="accept", values={"answer": False}), {"confirmed": False}),
        ("confirm", AskReply(action="decline"), {"confirmed": False}),
        ("confirm", AskReply(action="cancel"), {"cancelled": True}),
        ("input", AskReply(action="decline", values={"answer": "draft"}), {"cancelled": True}),
    ],
)
def test_answers(method: str, reply: AskReply, expected: dict[str, Any]) -> None:
    assert response(Dialog(id="q", method=method), reply) == {
        "type": "extension_ui_response",
        "id": "q",
        **expected,
    }
