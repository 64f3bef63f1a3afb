"""Dialogs of extensions as input requests and back."""

from __future__ import annotations

import json
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


def asked_by_tool(prefill: str, **changes: Any) -> Dialog:
    return Dialog(**{"id": "q", "method": "editor", "title": "piplan:ask:1", "prefill": prefill, **changes})


def test_what_our_tool_asks_is_the_request_itself() -> None:
    field = {"name": "audience", "type": "choice", "options": [{"value": "seed"}]}
    asked = {"message": "Who?", "fields": [field], "expires": {"afterSeconds": 1, "then": "fail"}}
    request = input_request(asked_by_tool(json.dumps(asked)))
    assert (request["message"], request["fields"]) == ("Who?", [field])
    assert request["source"]["dialect"] == "pi-ask-user"
    assert "expires" not in request
    without_fields = input_request(asked_by_tool('{"message": "Who?"}'))
    assert without_fields["fields"] == [{"name": "answer", "type": "multiline", "label": "Answer"}]


@pytest.mark.parametrize("action", ["accept", "decline", "cancel"])
def test_our_tool_is_told_what_the_user_did(action: Any) -> None:
    values = {"audience": "seed"} if action == "accept" else {}
    told = response(asked_by_tool('{"message": "Who?"}'), AskReply(action=action, values=values))
    assert json.loads(told["value"]) == {"action": action, "values": values}
    assert "cancelled" not in told


@pytest.mark.parametrize("prefill", ["", "no json", "[1]", '"text"', "{"])
def test_a_dialog_that_only_looks_like_ours_is_an_editor(prefill: str) -> None:
    dialog = asked_by_tool(prefill)
    assert input_request(dialog)["source"]["dialect"] == "pi-extension-ui"
    assert response(dialog, AskReply(action="accept", values={"answer": "x"}))["value"] == "x"
    titled = asked_by_tool('{"message": "Who?"}', title="Notes")
    assert input_request(titled)["source"]["dialect"] == "pi-extension-ui"
