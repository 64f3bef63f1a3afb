"""What each reader of untrusted text promises, as one function of bytes per reader: it returns or asserts."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import msgspec
from pydantic import ValidationError

from piplan_tui.agents.acp.asks import input_request
from piplan_tui.agents.acp.transport import Call, ChildTransport
from piplan_tui.agents.acp.updates import TurnReader
from piplan_tui.agents.pi.decode import (
    Undecodable,
    arguments_of,
    decode,
    message_of,
    result_text,
    state_of,
)
from piplan_tui.plan.load import load_plan_text
from piplan_tui.run.asks import FieldError, check_values, defaults_of, read_request
from piplan_tui.run.events import decode_event, encode_event
from piplan_tui.run.model import StepResult
from piplan_tui.run.result_finder import ResultProblem, find_result
from piplan_tui.store.lines import Reading
from piplan_tui.store.protocol import RunCorrupt


def event(data: bytes) -> None:
    """A line of events is an event, which can be written again, or a `ValueError`."""
    try:
        found = decode_event(data)
    except (ValueError, RecursionError):
        return
    assert decode_event(encode_event(found)) == found


def events(data: bytes) -> None:
    """A file of events is read up to where it is whole; the rest is a torn tail or damage with a place."""
    reading = Reading(io.BytesIO(data), Path("events.jsonl"))
    found, error = reading.read_some()
    assert [each.seq for each in found] == list(range(1, len(found) + 1))
    assert error is None or isinstance(error, RunCorrupt)
    assert reading.cursor.offset <= len(data)


def plan(data: bytes) -> None:
    """A plan is loaded or has a problem with a place inside the file."""
    loaded = load_plan_text(data, "plan.json")
    lines = data.count(b"\n") + data.count(b"\r") + 1
    assert (loaded.spec is None) == any(problem.severity == "error" for problem in loaded.problems)
    for problem in loaded.problems:
        assert problem.message
        assert 0 <= problem.line <= lines


def result(data: bytes) -> None:
    """An answer has a result or there is something to tell its author."""
    found = find_result(data.decode(errors="replace"))
    assert isinstance(found, StepResult | ResultProblem)
    if isinstance(found, StepResult):
        msgspec.json.encode(found)
        assert (found.input_request is not None) == (found.status == "waiting_user")


def request(data: bytes) -> None:
    """Any value is a form; any answer to it fits or has sentences about what does not."""
    raw: Any = data.decode(errors="replace")
    answer: Any = {}
    try:
        raw = json.loads(data)
    except (ValueError, RecursionError):
        pass
    else:
        if isinstance(raw, dict):
            answer = raw.get("answer", {})
    form = read_request(raw)
    assert form.message or form.fields or form.actions
    names = [field.name for field in form.fields]
    assert len(names) == len(set(names))
    for values in (answer, dict.fromkeys(names, raw), defaults_of(form) or {}):
        if not isinstance(values, dict):
            continue
        checked = check_values(form, values)
        if isinstance(checked, list):
            assert checked
            assert all(isinstance(error, FieldError) and error.message for error in checked)
        else:
            msgspec.json.encode(checked.values)
            assert not any(
                secret in json.dumps(checked.values)
                for field in form.fields
                if field.type == "secret" and len(secret := str(checked.secrets.get(field.name, ""))) > 8
            )


def pi(data: bytes) -> None:
    """A line of Pi's is a record whose parts can be read, or undecodable."""
    try:
        record = decode(data)
        for part in (message_of, state_of):
            part(record)
    except Undecodable:
        return
    assert isinstance(arguments_of(record), dict)
    assert isinstance(result_text(record.result), str)


class _Said:
    """A child process that has said all that it ever will."""

    def __init__(self, data: bytes) -> None:
        self._chunks = [data[at : at + 50] for at in range(0, len(data), 50)]

    async def receive(self) -> bytes:
        return self._chunks.pop(0) if self._chunks else b""


def acp(data: bytes) -> None:
    """Lines of an agent over ACP: each is a message, an update whose parts are events, or garbage that is told."""
    turn = TurnReader(Path("/project"), lambda terminal_id: "")

    async def updated(params: dict[str, Any]) -> None:
        for each in turn.feed(params["update"]):
            msgspec.json.encode(each)

    def garbage(line: str) -> None:
        assert line.isprintable()

    async def read() -> None:
        transport = ChildTransport(_Said(data), updated, garbage)  # type: ignore[arg-type]  # only read from
        while (message := await transport.receive()) is not None:
            if "method" in message:
                call = message["params"]
                assert isinstance(call, Call)
                with suppress(ValidationError, KeyError):  # told to the agent as an invalid request
                    request(json.dumps(input_request(message["method"], call.params)).encode())
            else:
                assert "result" in message or isinstance(message["error"], dict)

    coroutine = read()
    try:
        coroutine.send(None)  # it never waits
    except StopIteration:
        pass
    else:
        raise AssertionError("it waits")
    for each in turn.finish(True):
        msgspec.json.encode(each)
    assert isinstance(turn.text, str)


TARGETS: dict[str, Callable[[bytes], None]] = {
    "event": event,
    "events": events,
    "plan": plan,
    "result": result,
    "request": request,
    "pi": pi,
    "acp": acp,
}
