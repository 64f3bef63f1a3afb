"""The terminal view, started by the command line on a real (pseudo) terminal."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
from collections.abc import Iterator

import pytest

from tests.cli.conftest import ASK, SECONDS, Cli, R

SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_^][^\x07\x1b]*(?:\x07|\x1b\\)|.)")


class Terminal:
    """A process on a terminal of 100 columns and 30 lines."""

    def __init__(self, cli: Cli, *words: str) -> None:
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 30, 100, 0, 0))
        self.process = subprocess.Popen(
            [sys.executable, "-m", "piplan_tui", *words],
            cwd=cli.folder,
            env={**cli.env, "TERM": "xterm-256color", "TEXTUAL_ANIMATIONS": "none"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )
        os.close(slave)
        self.text = ""

    def read(self) -> bool:
        """Take in what comes next; false once the terminal is closed."""
        readable, _, _ = select.select([self.master], [], [], SECONDS)
        assert readable, f"nothing more came:\n{self.text[-2000:]}"
        try:
            data = os.read(self.master, 65_536)
        except OSError:
            return False
        self.text += SEQUENCE.sub("", data.decode(errors="replace"))
        return bool(data)

    def until(self, text: str) -> None:
        while text not in self.text:
            assert self.read(), f"{text!r} never came:\n{self.text[-2000:]}"

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def hang_up(self) -> int:
        """Go away as a closed window does: the terminal is gone, SIGHUP and SIGCONT come at once."""
        os.close(self.master)
        self.master = -1
        self.process.send_signal(signal.SIGHUP)
        self.process.send_signal(signal.SIGCONT)
        return self.process.wait(SECONDS)

    def end(self) -> int:
        while self.read():
            pass
        return self.process.wait(SECONDS)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        if terminal.process.poll() is None:
            terminal.process.kill()
            terminal.process.wait()
        if terminal.master != -1:
            os.close(terminal.master)


def test_a_plan_that_is_not_started_was_declined(cli: Cli, terminals: list[Terminal]) -> None:
    terminal = Terminal(cli, cli.plan({"id": "first-step"}))
    terminals.append(terminal)
    terminal.until("first-step")
    terminal.press("q")
    assert terminal.end() == 3
    assert cli("runs", "--json").json["runs"] == []


def test_a_run_in_the_terminal_takes_an_answer_from_outside(cli: Cli, terminals: list[Terminal]) -> None:
    plan = cli.plan(ASK, {"id": "after", "dependsOn": ["topic"]})
    terminal = Terminal(cli, plan, "--yes", "--run-id", R)
    terminals.append(terminal)
    terminal.until("Which audience?")
    done = cli("answer", R, "topic", "audience=seed")
    assert (done.code, done.err) == (0, "the answer was taken\n")
    terminal.until("COMPLETED")
    terminal.press("q")
    assert terminal.end() == 0
    assert f"run {R} COMPLETED" in terminal.text
    assert f"next: piplan-tui show {R}" in terminal.text


def test_a_terminal_that_goes_away_leaves_the_run_paused_and_resumable(
    cli: Cli, terminals: list[Terminal]
) -> None:
    demo = {"seconds": 600}
    plan = cli.plan({"id": "long", "demo": demo}, {"id": "longer", "demo": demo})
    terminal = Terminal(cli, plan, "--yes", "--run-id", R, "--agent", "demo", "--demo-pace", "1")
    terminals.append(terminal)
    terminal.until("RUNNING")
    assert terminal.hang_up() != 0
    [run] = cli("runs", "--json").json["runs"]
    assert (run["status"], run["counts"]) == ("paused", {"queued": 1, "pending": 1}) or run["counts"] == {
        "queued": 2
    }
    done = cli("resume", R, "--demo-pace", "0", "--ui", "quiet")
    assert done.code == 0
