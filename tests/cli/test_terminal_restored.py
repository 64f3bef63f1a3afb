"""However the terminal view ends, the terminal is as it was before."""

from __future__ import annotations

import re
import signal
import termios
import time

import psutil
import pytest

from tests.cli.conftest import SECONDS, Cli, R
from tests.cli.terminal import Terminal

MODES = {
    b"1049": "the alternate screen",
    b"1000": "the mouse",
    b"1003": "the mouse",
    b"1006": "the mouse",
    b"2004": "bracketed paste",
    b"1004": "reports of the focus",
}
CURSOR = b"25"
LONG = {"id": "long", "demo": {"seconds": 600}}

BREAKS = """
import sys
from piplan_tui.tui.widgets.why_line import WhyLine
whole = WhyLine.render
def render(self):
    if "pricing" in str(self.why.spans):
        raise RuntimeError("a widget that breaks")
    return whole(self)
WhyLine.render = render
from piplan_tui.cli import main
sys.exit(main())
"""


def open_run(cli: Cli, terminals: list[Terminal], *steps: dict[str, object], **how: object) -> Terminal:
    plan = cli.plan(*(steps or (LONG,)))
    words = (plan, "--yes", "--run-id", R, "--agent", "demo", "--demo-pace", "1")
    terminal = Terminal(cli, *words, **how)  # type: ignore[arg-type]  # passed on
    terminals.append(terminal)
    terminal.until("RUNNING")
    assert state_of(terminal.raw, b"1049") == b"h"
    assert state_of(terminal.raw, CURSOR) == b"l"
    assert termios.tcgetattr(terminal.master)[3] != terminal.attributes[3], "it reads keys one by one"
    return terminal


def state_of(raw: bytes, mode: bytes) -> bytes:
    """What was last done to a private mode: `h` for on, `l` for off."""
    found = re.findall(rb"\x1b\[\?" + mode + rb"([hl])", raw)
    return found[-1] if found else b""


def assert_restored(terminal: Terminal) -> None:
    for mode, name in MODES.items():
        assert state_of(terminal.raw, mode) == b"l", name
    assert state_of(terminal.raw, CURSOR) == b"h", "the cursor"
    assert state_of(terminal.raw, b"7") == b"h", "the wrapping of long lines"
    assert termios.tcgetattr(terminal.master) == terminal.attributes


def test_leaving_by_the_dialog(cli: Cli, terminals: list[Terminal]) -> None:
    terminal = open_run(cli, terminals)
    terminal.press("\x03")
    terminal.until("The run is not finished")
    terminal.press("l")
    terminal.end()
    assert_restored(terminal)
    after = terminal.raw.rpartition(b"\x1b[?1049l")[2]
    assert f"piplan-tui resume {R}".encode() in after, "the summary stands on the normal screen"
    assert cli("runs", "--json").json["runs"][0]["status"] == "paused"


@pytest.mark.parametrize(
    "number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT], ids=lambda number: number.name
)
def test_a_signal(cli: Cli, terminals: list[Terminal], number: signal.Signals) -> None:
    terminal = open_run(cli, terminals)
    terminal.process.send_signal(number)
    terminal.end()
    assert_restored(terminal)
    assert cli("runs", "--json").json["runs"][0]["status"] == "paused"


def test_a_widget_that_raises(cli: Cli, terminals: list[Terminal]) -> None:
    steps = ({**LONG, "id": "first"}, {**LONG, "id": "pricing"})
    terminal = open_run(cli, terminals, *steps, program=("-c", BREAKS))
    terminal.press("j")
    assert terminal.end() == 1
    assert_restored(terminal)
    assert "a widget that breaks" in terminal.text
    assert cli("runs", "--json").json["runs"][0]["status"] == "paused", "work is never lost by it"


def test_suspending_and_coming_back(cli: Cli, terminals: list[Terminal]) -> None:
    terminal = open_run(cli, terminals)
    process = psutil.Process(terminal.process.pid)
    terminal.process.send_signal(signal.SIGTSTP)
    deadline = time.monotonic() + SECONDS
    while process.status() != psutil.STATUS_STOPPED:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    terminal.drain()
    assert_restored(terminal)
    before = len(terminal.raw)
    terminal.text = ""
    terminal.process.send_signal(signal.SIGCONT)
    terminal.until("RUNNING")
    terminal.until("F follow on")
    assert state_of(terminal.raw[before:], b"1049") == b"h"
    terminal.press("q")
    terminal.until("The run is not finished")
    terminal.press("l")
    terminal.end()
    assert_restored(terminal)


def test_an_agent_that_is_killed(cli: Cli, terminals: list[Terminal]) -> None:
    agent = cli.script("kill -KILL $$\n")
    terminal = Terminal(cli, cli.plan({"id": "a"}), "--yes", "--run-id", R, "--agent", agent)
    terminals.append(terminal)
    terminal.until("FAILED")
    assert state_of(terminal.raw, b"1049") == b"h", "the view goes on"
    terminal.press("q")
    assert terminal.end() == 1
    assert_restored(terminal)


def test_a_terminal_that_stops_reading_holds_up_nothing(cli: Cli, terminals: list[Terminal]) -> None:
    steps = [{"id": f"s{number}", "demo": {"seconds": 0.02}} for number in range(24)]
    plan = cli.plan(*steps)
    words = (plan, "--yes", "--run-id", R, "--agent", "demo", "--demo-pace", "1")
    terminal = Terminal(cli, *words, size=(200, 50))
    terminals.append(terminal)
    terminal.until("RUNNING")
    # from here on nobody reads, while whole screens change
    events = cli.folder.parent / "state" / "runs" / R / "events.jsonl"
    deadline = time.monotonic() + SECONDS
    keys = 0
    while keys < 24 or b'"run.completed"' not in events.read_bytes():
        assert time.monotonic() < deadline, "the run stood still"
        if keys < 24:  # to the timeline and back; more than it can draw would only hold up itself
            terminal.press("t")
            keys += 1
        time.sleep(0.05)
    before = len(terminal.raw)
    terminal.until("COMPLETED")
    assert len(terminal.raw) - before < 200_000, "old pictures are left out"
    terminal.press("q")
    assert terminal.end() == 0
    assert_restored(terminal)
