"""How a turn of either version is read, without a process."""

from __future__ import annotations

import json
from typing import Any

import pytest

from piplan_tui.agents.pi import create_pi_session_event_bridge
from piplan_tui.agents.pi.decode import Record, decode
from piplan_tui.agents.pi.turn import TurnReader
from piplan_tui.agents.protocol import (
    AskRaised,
    AskWithdrawn,
    Notice,
    Recovered,
    Retrying,
    SessionEvent,
    TextDelta,
    ToolEnded,
    ToolStarted,
    UsageReported,
)
from piplan_tui.run.model import Usage


def record(**fields: Any) -> Record:
    return decode(json.dumps(fields).encode())


def message_end(text: str, stop: str = "stop", **usage: Any) -> Record:
    message = {"role": "assistant", "content": [{"type": "text", "text": text}], "stopReason": stop}
    if stop == "error":
        message["errorMessage"] = "529 overloaded"
    return record(type="message_end", message={**message, "usage": usage})


def state(*, streaming: bool = False, compacting: bool = False) -> Record:
    return record(type="response", success=True, data={"isStreaming": streaming, "isCompacting": compacting})


RETRY = record(type="auto_retry_start", attempt=1, maxAttempts=3, delayMs=2000, errorMessage="529")
START = record(type="agent_start")
OLD_END = record(type="agent_end", messages=[])


def new_end(will_retry: bool) -> Record:
    return record(type="agent_end", messages=[], willRetry=will_retry)


def feed(turn: TurnReader, *records: Record) -> list[SessionEvent]:
    return [event for one in records for event in turn.feed(one)]


def test_the_newer_version_is_over_when_it_has_settled() -> None:
    turn = TurnReader()
    feed(turn, START, message_end("a"), new_end(False))
    assert (turn.over, turn.perhaps_over) == (False, False)
    feed(turn, record(type="agent_settled"))
    assert turn.over


def test_the_newer_version_retries_after_its_end() -> None:
    turn = TurnReader()
    events = feed(turn, START, message_end("", "error"), new_end(True), RETRY, START, message_end("b"))
    assert events == [Retrying(1, 3, 2.0, "529")]
    assert not turn.over
    assert feed(turn, record(type="auto_retry_end", success=True, attempt=1)) == [Recovered(True)]
    feed(turn, new_end(False), record(type="agent_settled"))
    assert (turn.over, turn.text, turn.error) == (True, "b", "")


def test_the_older_version_is_over_when_nothing_follows_its_end() -> None:
    turn = TurnReader()
    feed(turn, START, message_end("a"), OLD_END)
    assert turn.perhaps_over
    assert not turn.state_answered(state(streaming=True))
    assert turn.state_answered(state())


def test_the_older_version_retries_after_its_end() -> None:
    turn = TurnReader()
    feed(turn, START, message_end("", "error"), OLD_END, RETRY)
    assert not turn.perhaps_over
    assert not turn.state_answered(state())  # asked before the retry was known
    feed(turn, START, message_end("b"), OLD_END)
    assert turn.state_answered(state())
    assert (turn.text, turn.error) == ("b", "")


def test_the_older_version_gives_up_retrying() -> None:
    turn = TurnReader()
    feed(turn, START, message_end("", "error"), OLD_END)
    assert feed(turn, record(type="auto_retry_end", success=False)) == [Recovered(False)]
    assert turn.state_answered(state())
    assert (turn.stop_reason, turn.error) == ("error", "529 overloaded")


@pytest.mark.parametrize("will_retry", [True, False])
def test_the_older_version_compacts_after_its_end(will_retry: bool) -> None:
    turn = TurnReader()
    feed(turn, START, message_end("a"), OLD_END)
    events = feed(turn, record(type="compaction_start", reason="threshold"))
    assert [type(event) for event in events] == [Notice]
    assert not turn.state_answered(state(compacting=True))
    assert not turn.state_answered(state())
    feed(turn, record(type="compaction_end", willRetry=will_retry, errorMessage="too long"))
    assert turn.perhaps_over is not will_retry


def test_usage_adds_up_and_zeros_are_no_report() -> None:
    turn = TurnReader(Usage(input=5))
    events = feed(
        turn,
        message_end("a", input=10, output=2, cacheRead=0, cacheWrite=0, cost={"total": 0.5}),
        message_end("b", input=0, output=0, cacheRead=0, cacheWrite=0, cost={"total": 0}),
        message_end("c", input=1, output=1),
    )
    assert events == [
        UsageReported(Usage(input=15, output=2, cache_read=0, cache_write=0, cost_usd=0.5)),
        UsageReported(Usage(input=16, output=3, cache_read=0, cache_write=0, cost_usd=0.5)),
    ]


def test_questions_are_withdrawn_with_their_tool_or_turn() -> None:
    ask = record(type="extension_ui_request", id="q", method="input", title="Name?")
    start = record(type="tool_execution_start", toolCallId="c", toolName="ask", args={})
    turn = TurnReader()
    raised, *_ = [e for e in feed(turn, START, start, ask) if isinstance(e, AskRaised)]
    assert raised.ask_id == "q"
    assert turn.waits_for_others
    events = feed(turn, record(type="tool_execution_end", toolCallId="c", result={}))
    assert [type(event) for event in events] == [AskWithdrawn, ToolEnded]
    assert not turn.waits_for_others
    feed(turn, ask)
    assert [type(event) for event in feed(turn, OLD_END)] == [AskWithdrawn]


def test_what_extensions_tell() -> None:
    turn = TurnReader()
    events = feed(
        turn,
        record(type="extension_ui_request", id="1", method="notify", message="careful", notifyType="warning"),
        record(type="extension_ui_request", id="2", method="setStatus", statusKey="k", statusText="x"),
        record(type="extension_error", extensionPath="a.ts", event="x", error="boom"),
    )
    assert events == [Notice("careful", "warning"), Notice("a.ts: boom", "error")]


def test_the_bridge_takes_lines_and_objects() -> None:
    events: list[SessionEvent] = []
    take = create_pi_session_event_bridge(events.append)
    update = {"type": "message_update", "assistantMessageEvent": {"type": "text_delta", "delta": "hi"}}
    take(update)
    take(json.dumps(update))
    take(json.dumps(update).encode())
    take({"type": "tool_execution_start", "toolCallId": "c", "toolName": "read", "args": {"path": "a.md"}})
    take("not json")
    take({"type": "message_end", "message": {"role": []}})
    assert events[:4] == [*[TextDelta("hi")] * 3, ToolStarted("c", "read", "a.md", {"path": "a.md"})]
    assert [type(event) for event in events[4:]] == [Notice, Notice]
