"""Lines of both Pi versions."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.agents.pi.decode import (
    Undecodable,
    decode,
    message_of,
    result_text,
    state_of,
    text_of,
)


def line(record: dict[str, Any]) -> bytes:
    """As JSON.stringify writes it."""
    return json.dumps(record, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")


def old_update(delta: str, kind: str = "text_delta") -> dict[str, Any]:
    message = {"role": "assistant", "content": [{"type": "text", "text": delta}]}
    event = {"type": kind, "contentIndex": 0, "delta": delta, "partial": message}
    return {"type": "message_update", "assistantMessageEvent": event, "message": message}


def new_update(delta: str, kind: str = "text_delta") -> dict[str, Any]:
    event = {"type": kind, "contentIndex": 0, "delta": delta}
    return {"type": "message_update", "usage": {"input": 1}, "assistantMessageEvent": event}


texts = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(
    [',"partial":{', '\\",\\"partial\\":{', 'x","partial":{"a":1}', "\u2028", '"', "\\"]
)


@given(texts, st.sampled_from(["text_delta", "thinking_delta", "toolcall_delta"]))
def test_a_delta_is_the_same_from_both_versions(delta: str, kind: str) -> None:
    for update in (old_update(delta, kind), new_update(delta, kind)):
        event = decode(line(update)).assistant_message_event
        assert event is not None
        assert (event.type, event.delta) == (kind, delta)


def test_the_message_that_a_delta_repeats_is_not_decoded() -> None:
    whole = line(old_update("new"))
    cut = whole[: whole.index(b'"partial":{') + len(b'"partial":{')]
    event = decode(cut + b"anything at all").assistant_message_event
    assert event is not None
    assert event.delta == "new"


def test_a_tool_call_with_an_argument_called_partial() -> None:
    call = {"id": "c", "name": "t", "arguments": {"x": 1, "partial": {"y": 2}}}
    event = {"type": "toolcall_end", "contentIndex": 1, "toolCall": call, "partial": {}}
    record = decode(line({"type": "message_update", "assistantMessageEvent": event, "message": {}}))
    assert record.assistant_message_event is not None
    assert record.assistant_message_event.type == "toolcall_end"


def test_messages_states_and_results() -> None:
    record = decode(
        line(
            {
                "type": "message_end",
                "message": {
                    "role": "assistant",
                    "content": [
                        {"type": "text", "text": "Let me "},
                        {"type": "toolCall", "id": "c", "name": "bash", "arguments": {"command": "ls"}},
                        {"type": "text", "text": "look."},
                    ],
                    "usage": {"input": 100, "output": 20, "cacheRead": 3, "cost": {"input": 1, "total": 0.5}},
                    "stopReason": "toolUse",
                },
            }
        )
    )
    message = message_of(record)
    assert text_of(message.content) == "Let me look."
    assert message.usage is not None
    assert (message.usage.cache_read, message.usage.cache_write) == (3, None)
    assert message.usage.cost is not None
    assert message.usage.cost.total == 0.5
    state = state_of(
        decode(
            line({"type": "response", "command": "get_state", "success": True, "data": {"sessionId": "s"}})
        )
    )
    assert (state.session_id, state.model, state.is_streaming) == ("s", None, False)
    assert text_of("plain") == "plain"
    end = decode(line({"type": "tool_execution_end", "toolCallId": "c", "result": {"content": [1]}}))
    assert result_text(end.result) == ""


@pytest.mark.parametrize(
    "text", [b"", b"hello", b"[]", b"{", b'{"no":"type"}', b'{"type":7}', b"\xff\xfe", b"null"]
)
def test_what_is_no_record(text: bytes) -> None:
    with pytest.raises(Undecodable):
        decode(text)


def test_unknown_records_and_fields_pass() -> None:
    assert (
        decode(b'{"type":"entry_appended","entry":{"type":"context_edit"},"error":{"a":1}}').type
        == "entry_appended"
    )
