"""What agents write, in a real terminal: shown as text, and the terminal stays as it was."""

from __future__ import annotations

import json
import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(not shutil.which("tmux"), reason="needs tmux, a terminal that can be asked")

AGENT = r"""#!{python}
import json, os, sys
evil = (
    "SHOWN-HERE"
    "\x1b]0;OWNED-TITLE\x07\x1b]2;OWNED-TITLE\x1b\\"
    "\x1b]52;c;T1dORUQtQ0xJUA==\x07"
    "\x1b[2J\x1b[1;1HOWNED-CORNER\x1b[3;4r\x1b[?1049l\x1b[?1049h\x1b[?2004h\x1b[?1003h\x1b[?25l\x1b[4h"
    "\x1b[31mRED\x1b[0m\x9b2J\x9d0;OWNED-TITLE\x9c\x1bPq#0\x1b\\\x1b_OWNED-APC\x1b\\\x1bc\x0e"
    "\u202eDESREVER\u202c\u2066\u200b"
    "[/][bold][@click=app.quit]CLICK-ME[/]\\[red]"
    "\x00\x08\x7f\r" + "TEXT-END"
)
step = os.environ["PIPLAN_STEP_ID"]
out = sys.stdout.buffer
out.write(evil.encode() + b"\xff\xfe\xc3\x28\xed\xa0\x80\n")
sys.stderr.write(evil + "\n")
if step == "fails":
    result = {{"status": "failed", "summary": evil, "error": evil}}
elif step == "asks":
    result = {{"status": "waiting_user", "summary": evil, "inputRequest": {{
        "title": evil, "message": evil, "fields": [
            {{"name": "a", "type": "choice", "label": evil, "help": evil,
              "options": [{{"value": "x", "label": evil, "description": evil}}]}}]}}}}
else:
    result = {{"status": "completed", "summary": evil}}
out.write(json.dumps(result).encode() + b"\n")
"""

CONTROL = [
    b"\x1b]0;OWNED",
    b"\x1b]2;OWNED",
    b"\x1b]52;",
    b"OWNED-TITLE\x07",
    b"\x1b[1;1HOWNED",
    b"\x1b[3;4r",
    b"\x1b[4h",
    b"\x1bc",
    b"\x1b_OWNED",
    b"\x1bPq#0",
    b"\xc2\x9b",
    b"\xc2\x9d",
    "\u202e".encode(),
    "\u2066".encode(),
    b"\x0e",
]
"""What must not reach the terminal in these forms. Without the first byte it is text."""


class Tmux:
    """A private tmux server with one window, and a record of every byte that was written to it."""

    def __init__(self, place: Path) -> None:
        self.place = place
        self.raw = place / "raw"
        self._socket = f"hard-{secrets.token_hex(4)}"
        # all of it from one client: a server that has no window for a moment would go before the next one comes
        options = {"exit-empty": "off", "remain-on-exit": "on", "set-clipboard": "on", "allow-rename": "on"}
        words = [word for name, value in options.items() for word in ("set-option", "-g", name, value, ";")]
        self("start-server", ";", *words, "new-session", "-d", "-x", "110", "-y", "40", "-s", "t", "exec cat")

    def __call__(self, *words: str) -> str:
        env = {**os.environ, "TMUX": "", "TMUX_TMPDIR": str(self.place)}
        command = ["tmux", "-u", "-L", self._socket, "-f", "/dev/null", *words]
        done = subprocess.run(command, env=env, check=False, capture_output=True, text=True)
        assert done.returncode == 0, (words, done.stderr)
        return done.stdout

    def run(self, command: list[str], env: dict[str, str]) -> None:
        words = [f"-e{name}={value}" for name, value in env.items()]
        program = ["respawn-window", "-k", *words, "-t", "t", "exec " + " ".join(map(_quoted, command))]
        # at once, so that nothing is written before it is recorded
        self(*program, ";", "pipe-pane", "-t", "t", f"exec cat > {self.raw}")

    def tell(self, what: str) -> str:
        return self("display-message", "-p", "-t", "t", f"#{{{what}}}").strip()

    def screen(self) -> str:
        return self("capture-pane", "-p", "-t", "t")

    def wait_for_end(self) -> str:
        """The screen once the program has ended."""
        deadline = time.monotonic() + 30
        while self.tell("pane_dead") != "1":
            assert time.monotonic() < deadline, self.screen()
            time.sleep(0.05)
        return self.screen()

    def wait_for(self, *texts: str) -> str:
        deadline = time.monotonic() + 30
        while time.monotonic() < deadline:
            screen = self.screen()
            if all(text in screen for text in texts):
                return screen
            time.sleep(0.05)
        pytest.fail(f"{texts} never came:\n{screen}")

    def written(self, last: bytes) -> bytes:
        """All that was written to the terminal, up to `last` at least: the recorder may lag behind the screen."""
        deadline = time.monotonic() + 30
        while last not in (raw := self.raw.read_bytes() if self.raw.exists() else b""):
            assert time.monotonic() < deadline, raw[-2000:]
            time.sleep(0.01)
        return raw

    def close(self) -> None:
        subprocess.run(
            ["tmux", "-L", self._socket, "kill-server"],
            env={**os.environ, "TMUX": "", "TMUX_TMPDIR": str(self.place)},
            check=False,
            capture_output=True,
        )


def _quoted(word: str) -> str:
    return "'" + word.replace("'", "'\\''") + "'"


@pytest.fixture
def tmux(tmp_path: Path) -> Iterator[Tmux]:
    tmux = Tmux(tmp_path)
    yield tmux
    tmux.close()


def _command(place: Path, *words: str) -> tuple[list[str], dict[str, str]]:
    agent = place / "agent.py"
    agent.write_text(AGENT.format(python=sys.executable))
    agent.chmod(0o755)
    steps = [
        {"id": name, "title": f"Step {name}", "goal": "g", "dependsOn": []}
        for name in ("completes", "fails", "asks")
    ]
    plan = {"id": "p", "title": "Plan of attack", "executionMode": "serial", "steps": steps}
    (place / "plan.json").write_text(json.dumps(plan))
    command = [sys.executable, "-m", "piplan_tui", "run", str(place / "plan.json"), "--workspace", str(place)]
    command += ["--agent", f"command:{agent}", "--store", str(place / "store"), "--yes", *words]
    return command, {"TERM": "xterm-256color", "COLORTERM": "truecolor", "TEXTUAL_ANIMATIONS": "none"}


def _is_as_it_was(tmux: Tmux, raw: bytes) -> None:
    assert "OWNED" not in tmux.tell("pane_title")
    assert "OWNED" not in tmux.tell("window_name")
    assert tmux("list-buffers") == "", "the clipboard was written to"
    assert tmux.tell("insert_flag") == "0"
    assert (tmux.tell("scroll_region_upper"), tmux.tell("scroll_region_lower")) == ("0", "39")
    for sequence in CONTROL:
        assert sequence not in raw, sequence


def test_plain_lines_show_it_as_text(tmux: Tmux, tmp_path: Path) -> None:
    command, env = _command(tmp_path, "--ui", "plain", "--on-ask", "exit", "-vv")
    tmux.run(command, env)
    screen = tmux.wait_for_end()
    assert "SHOWN-HERE" in screen
    assert "[@click=app.quit]CLICK-ME[/]" in "".join(screen.split("\n"))
    assert "TEXT-END" in "".join(screen.split("\n"))
    raw = tmux.written(b"piplan-tui show ")
    _is_as_it_was(tmux, raw)
    assert tmux.tell("alternate_on") == "0"
    assert tmux.tell("mouse_any_flag") == "0"
    for private_mode in (b"?25l", b"?1049", b"?2004h", b"?1003h"):
        assert b"\x1b[" + private_mode not in raw


def test_the_terminal_view_shows_it_as_text(tmux: Tmux, tmp_path: Path) -> None:
    command, env = _command(tmp_path, "--ui", "tui")
    tmux.run(command, env)
    screen = tmux.wait_for("Plan of attack", "SHOWN-HERE", "NEEDS YOU")
    assert "OWNED-CORNER" not in screen.splitlines()[0]
    assert tmux.tell("alternate_on") == "1"
    for key in ("Down", "Enter", "Down", "Enter", "Escape", "Tab", "Down", "End", "Home"):
        tmux("send-keys", "-t", "t", key)
    tmux("send-keys", "-t", "t", "C-c")  # its dialog comes when all keys before have done what they do
    tmux.wait_for("The run is not finished")
    assert tmux.tell("pane_dead") == "0", "the view was closed by what an agent wrote"
    _is_as_it_was(tmux, tmux.written(b"The run is not finished"))
