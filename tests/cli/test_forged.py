"""Events with a right checksum that are no events, or say what cannot be: a sentence at every door, no traceback."""

from __future__ import annotations

import json
from typing import Any
from zlib import crc32

import pytest

from piplan_tui.run import events as ev
from tests.cli.conftest import Cli
from tests.cli.terminal import Terminal
from tests.run.plans import plan_document

DOORS = [
    ["show", "r"],
    ["show", "r", "--json"],
    ["asks", "r"],
    ["answer", "r", "a", "x=1"],
    ["cancel", "r"],
    ["retry", "r", "a"],
    ["resume", "r", "--on-ask", "exit"],
    ["attach", "r"],
    ["export", "r"],
    ["runs"],
    ["runs", "--json"],
]
BEGUN = [
    ev.RunCreated(title="Plan", plan_id="p", workspace="/", mode="parallel", max_concurrency=2, agent="demo"),
    ev.PlanCreated(plan=plan_document({"a": [], "b": ["a"]})),
    ev.RunStarted(),
    ev.StepStarted(step_id="a", attempt=1),
]
NOT_EVENTS: dict[str, bytes] = {
    "a list": b"[1]",
    "text": b'"step.completed"',
    "no JSON": b"{broken",
    "not UTF-8": b'{"type":"log","seq":5,"at":"2026-03-01T00:00:00Z","runId":"r","message":"\xff"}',
    "nested deeply": b'{"type":"log","seq":5,"at":"2026-03-01T00:00:00Z","runId":"r","data":' + b"[" * 50_000,
    "no time": b'{"type":"step.completed","seq":5,"runId":"r","stepId":"a"}',
    "no time zone": b'{"type":"step.completed","seq":5,"at":"2026-03-01T00:00:00","runId":"r","stepId":"a"}',
    "a type of another kind": b'{"type":7,"seq":5,"at":"2026-03-01T00:00:00Z","runId":"r"}',
    "a step of another kind": b'{"type":"step.completed","seq":5,"at":"2026-03-01T00:00:00Z","runId":"r","stepId":5}',
    "a sequence of another kind": b'{"type":"run.started","seq":"5","at":"2026-03-01T00:00:00Z","runId":"r"}',
    "a huge number": b'{"type":"step.started","seq":5,"at":"2026-03-01T00:00:00Z","runId":"r","attempt":9%s}'
    % (b"0" * 400),
    "a plan once more": b'{"type":"plan.created","seq":5,"at":"2026-03-01T00:00:00Z","runId":"r","plan":{"steps":[]}}',
}
ODD: dict[str, list[dict[str, Any]]] = {
    f"a request that is {type(request).__name__} {number}": [
        {"type": "step.waiting_user", "stepId": "a", "attempt": 1, "askId": "q", "request": request}
    ]
    for number, request in enumerate(
        [
            None,
            7,
            "\u001b]52;c;x\u0007",
            [],
            [[[]]],
            {"message": {"x": 1}, "fields": 3, "expires": {"afterSeconds": "x", "then": 4}},
            {
                "fields": [{"name": 5, "type": {}, "options": "x", "default": {"a": []}}],
                "actions": 1,
                "context": {},
            },
        ]
    )
}
ODD["settings and metadata of other kinds"] = [
    {"type": "run.configured", "settings": {"steps": 4, "permissions": [], "agents": "x", "isolation": {}}},
]
ODD["a time before there were computers"] = [
    {"type": "step.completed", "stepId": "a", "attempt": 1, "at": "0001-01-01T00:00:00Z"}
]


def forge(cli: Cli, *bodies: bytes) -> str:
    """A run `r` whose owner is gone, of these events after the first four; where they are."""
    assert cli("run", cli.plan({"id": "a"}, {"id": "b"}), "--run-id", "r").code == 0
    lines = []
    events = [
        json.dumps(
            {**json.loads(ev.encode_event(event)), "at": "2026-03-01T00:00:00Z", "seq": seq, "runId": "r"}
        )
        for seq, event in enumerate(BEGUN, 1)
    ]
    for seq, body in enumerate([*(event.encode() for event in events), *bodies], 1):
        rest = b'"batch":%d,"event":%b}' % (seq - 1, body)
        lines.append(b'{"crc":"%08x",%b\n' % (crc32(rest), rest))
    folder = cli.folder.parent / "state" / "runs" / "r"
    for cache in folder.glob("snapshot*"):
        cache.unlink()
    (folder / "events.jsonl").write_bytes(b"".join(lines))
    return str(folder / "events.jsonl")


@pytest.mark.parametrize("forged", NOT_EVENTS)
def test_what_is_no_event_is_told_with_its_place(cli: Cli, forged: str) -> None:
    place = forge(cli, NOT_EVENTS[forged])
    # not the last line: that may be torn by a crash, and is then left out
    data = cli.folder.parent / "state" / "runs" / "r" / "events.jsonl"
    rest = b'"batch":5,"event":{"type":"log","seq":6,"at":"2026-03-01T00:00:00Z","runId":"r","message":"x"}}'
    data.write_bytes(data.read_bytes() + b'{"crc":"%08x",%b\n' % (crc32(rest), rest))
    for words in DOORS:
        ran = cli(*words)
        assert "Traceback" not in ran.out + ran.err, (words, ran.err)
        if words[0] != "runs":
            assert ran.code in (1, 2), (words, ran.code, ran.out, ran.err)
            assert place in ran.err, (words, ran.err)
            assert len(ran.err.strip().splitlines()) <= 3, (words, ran.err)


@pytest.mark.parametrize("forged", ODD)
def test_what_is_odd_is_shown_or_told(cli: Cli, forged: str) -> None:
    bodies = [
        json.dumps({"at": "2026-03-01T00:00:01Z", **body, "seq": 5 + number, "runId": "r"}).encode()
        for number, body in enumerate(ODD[forged])
    ]
    forge(cli, *bodies)
    for words in DOORS:
        ran = cli(*words)
        assert "Traceback" not in ran.out + ran.err, (words, ran.err)
        assert "internal error" not in ran.out + ran.err, (words, ran.err)
        assert "\x1b]52" not in ran.out + ran.err


@pytest.mark.parametrize("forged", ["a step of another kind", "nested deeply"])
def test_the_view_of_a_forged_run_says_so(cli: Cli, terminals: list[Terminal], forged: str) -> None:
    forge(cli, NOT_EVENTS[forged])
    data = cli.folder.parent / "state" / "runs" / "r" / "events.jsonl"
    rest = b'"batch":5,"event":{"type":"log","seq":6,"at":"2026-03-01T00:00:00Z","runId":"r","message":"x"}}'
    data.write_bytes(data.read_bytes() + b'{"crc":"%08x",%b\n' % (crc32(rest), rest))
    (cli.folder / "plan.json").unlink()  # so that the run is the first of the list
    terminal = Terminal(cli)
    terminals.append(terminal)
    terminal.until("A plan")
    terminal.press("\r")
    terminal.until("events.jsonl")
    terminal.press("q")
    terminal.end()
    assert "Traceback" not in terminal.text
