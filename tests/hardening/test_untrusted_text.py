"""Whatever stands in a file or comes from an agent: its reader answers, or says what is wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from zlib import crc32

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from piplan_tui.plan.load import load_plan_text
from piplan_tui.run.result_finder import find_result
from piplan_tui.store.lines import BadLine, decode_line
from tests.hardening.fuzz.targets import TARGETS
from tests.hardening.size import sized
from tests.support.processor_time import takes_less_than

SEEDS: dict[str, list[bytes]] = {
    "event": [
        b'{"type":"step.completed","seq":3,"at":"2026-01-01T00:00:00Z","runId":"r","stepId":"a","attempt":1}',
        b'{"type":"ask.answered","seq":3,"at":"2026-01-01T00:00:00Z","runId":"r","stepId":"a","askId":"q",'
        b'"action":"accept","values":{"a":[1,null,{"b":"c"}]}}',
        b'{"type":"from.tomorrow","seq":3,"at":"2026-01-01T00:00:00Z","runId":"r","x":1e400}',
        b'{"type":"plan.created","seq":2,"at":"2026-01-01T00:00:00Z","runId":"r","plan":{"steps":[{"id":"a"}]}}',
    ],
    "plan": [
        b'{"id":"p","title":"P","steps":[{"id":"a","title":"A","goal":"g","dependsOn":["b"]},{"id":"b"}]}',
        b'{"id":"../x","title":"\\u202e","executionMode":"parallel","steps":[{"id":"con","title":"","goal":1}]}',
    ],
    "result": [
        b'text {"status": "completed", "summary": "x"} text ```json {"status": "failed"} ```',
        b'{"status":"waiting_user","inputRequest":{"message":"?","fields":[{"name":"a","type":"choice"}]}}',
        b'{"result": "{\\"status\\": \\"done\\"}"}',
    ],
    "request": [
        b'{"message":"?","fields":[{"name":"a","type":"secret"},{"name":"a","type":"choice","options":["x"]}],'
        b'"answer":{"a":"0123456789"}}',
        b'{"questions":[{"question":"?","options":[{"label":"a"}],"multiSelect":true}]}',
        b'{"message":"?","requestedSchema":{"type":"object","properties":{"n":{"type":"integer","minimum":1}}}}',
        b'{"fields":[{"name":"a","type":"text","pattern":"(a+)+$"}],"answer":{"a":"aaaaaaaaaaaaaaaaaaaaaaaa!"}}',
    ],
    "pi": [
        b'{"type":"message_update","assistantMessageEvent":{"type":"text_delta","delta":"x","partial":{"a":1}}}',
        b'{"type":"tool_execution_end","toolCallId":"1","result":{"content":[{"type":"text","text":"x"}]}}',
        b'{"type":"extension_ui_request","id":"1","method":"select","title":"t","options":["a"]}',
    ],
    "acp": [
        b'{"jsonrpc":"2.0","method":"session/update","params":{"sessionId":"s","update":{"sessionUpdate":'
        b'"tool_call","toolCallId":"1","title":"t","kind":"edit","status":"pending","content":[{"type":"diff",'
        b'"path":"a","oldText":"x","newText":"y"}],"locations":[{"path":"/project/a","line":1}]}}}\n'
        b'{"jsonrpc":"2.0","method":"session/update","params":{"update":{"sessionUpdate":"tool_call_update",'
        b'"toolCallId":"1","status":"completed","rawOutput":{"output":"x"}}}}\n',
        b'{"jsonrpc":"2.0","id":1,"method":"session/request_permission","params":{"sessionId":"s","toolCall":'
        b'{"toolCallId":"1"},"options":[{"optionId":"a","name":"A","kind":"allow_once"}]}}\n{"id":2,"result":{}}\n',
        b'{"jsonrpc":"2.0","id":"x","method":"elicitation/create","params":{"mode":"form","message":"?",'
        b'"requestedSchema":{"type":"object","properties":{"a":{"type":"string"}}}}}\n{"id":3,"error":7}\n',
        b'{"method":"session/update","params":{"update":{"sessionUpdate":"plan","entries":[{"content":"c",'
        b'"priority":"high","status":"pending"}]}}}\n',
    ],
}


def _line(seq: int, batch: int = 0, body: bytes = b"") -> bytes:
    body = body or b'{"type":"log","seq":%d,"at":"2026-01-01T00:00:00Z","runId":"r","message":"m"}' % seq
    rest = b'"batch":%d,"event":%b}' % (batch, body)
    return b'{"crc":"%08x",%b\n' % (crc32(rest), rest)


SEEDS["events"] = [_line(1) + _line(2, 1) + _line(3, 2), _line(1) + _line(1) + _line(2)[:-5], _line(1, 9)]


SCRAPS = [b"", b"\0", b"\xff", b"\xed\xa0\x80", b"\xe2\x80\xae", b"[" * 40, b"{}", b"null", b"true", b"1e999"]
SCRAPS += [b'"', b"\\", b"\n", b"-0", b"99999999999999999999", b'"\\ud800"', b"\x1b[2J"]
KEYS = ["message", "fields", "name", "type", "options", "value", "label", "status", "inputRequest", "default"]
KEYS += ["questions", "schema", "properties", "actions", "expires", "visibleWhen", "min", "max", "pattern"]


@st.composite
def damaged(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """A good text with a few pieces cut out, doubled, put in or replaced."""
    data = draw(st.sampled_from(seeds))
    for _ in range(draw(st.integers(0, 4))):
        at, end = sorted(draw(st.tuples(st.integers(0, len(data)), st.integers(0, len(data)))))
        piece = draw(st.sampled_from([data[at:end] * 2, *SCRAPS]) | st.binary(max_size=6))
        data = data[:at] + piece + data[end:]
    return data


@pytest.mark.parametrize("name", TARGETS)
def test_damaged_text_is_answered(name: str) -> None:
    @settings(max_examples=sized(150, 20_000), deadline=None)
    @given(damaged(SEEDS[name]) | st.binary(max_size=200))
    @example(b"")
    @example(b'"\\ud800"')
    @example(b"[" * 10_000)
    @example(b'{"a":' * 10_000 + b"1" + b"}" * 10_000)
    def check(data: bytes) -> None:
        TARGETS[name](data)

    check()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(KEYS) | st.text(max_size=4),
            inner,
            max_size=5,
        )
    ),
    max_leaves=25,
)


@pytest.mark.parametrize("name", ["request", "result", "plan", "pi", "acp"])
def test_json_of_any_shape_is_answered(name: str) -> None:
    @settings(max_examples=sized(150, 20_000), deadline=None)
    @given(json_values)
    def check(value: object) -> None:
        TARGETS[name](json.dumps(value).encode())

    check()


HUGE: dict[str, Callable[[], bytes]] = {
    "a field of 10 MB": lambda: (
        b'{"status":"completed","id":"p","title":"%b","message":"?"}' % (b"x" * 10_000_000)
    ),
    "10 MB of open brackets": lambda: b'{"status":' + b"[" * 10_000_000,
    "10,000 levels": lambda: b'{"status":"completed","x":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "the same key again and again": lambda: b"{" + b",".join([b'"status":"completed"'] * 100_000) + b"}",
    "a number of a million digits": lambda: b'{"status":"completed","n":' + b"9" * 1_000_000 + b"}",
    "quotes": lambda: b'{"status":"' + b'\\"' * 1_000_000,
}


@pytest.mark.parametrize("name", TARGETS)
@pytest.mark.parametrize("what", HUGE)
def test_huge_text_is_answered_in_time(name: str, what: str) -> None:
    data = HUGE[what]()
    with takes_less_than(15):
        TARGETS[name](data)


def test_a_key_twice_is_a_problem_of_a_plan_and_the_last_of_a_result_counts() -> None:
    loaded = load_plan_text(
        b'{"id":"p","id":"q","title":"P","steps":[{"id":"a","title":"A","goal":"g"}]}', "p"
    )
    assert any("id" in problem.message for problem in loaded.problems)
    found = find_result('{"status": "failed", "status": "completed"}')
    assert getattr(found, "status", "") == "completed"


def test_a_line_whose_batch_is_no_number_is_a_bad_line() -> None:
    body = _line(1)[18:-1].replace(b'"batch":0', b'"batch":[')
    line = b'{"crc":"%08x",%b\n' % (crc32(body), body)
    TARGETS["events"](line + _line(2, 1))
    with pytest.raises(BadLine):
        decode_line(line)
