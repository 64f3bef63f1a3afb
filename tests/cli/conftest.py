"""The command line as a user meets it: in a process of its own, with an empty home."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from piplan_tui.store.lock import look_at_lock

if TYPE_CHECKING:
    from tests.cli.terminal import Terminal

SECONDS = 30
R = f"r{os.getpid()}"
"""A run's id that no test of another worker uses: processes that are left over are found by it."""


@dataclass
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


class Running:
    """A command that goes on while the test looks."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.seen: list[str] = []

    def until(self, text: str) -> str:
        """Read stderr up to the first line with `text`."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.seen.append(line)
            if text in line:
                return line
        raise AssertionError(f"{text!r} was never printed:\n{''.join(self.seen)}")

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def end(self) -> Ran:
        out, err = self.process.communicate(timeout=SECONDS)
        return Ran(self.process.returncode, out or "", "".join(self.seen) + err)


@dataclass
class Cli:
    """`piplan-tui` in a folder of its own; the demo agent without waiting is the default agent."""

    folder: Path
    env: dict[str, str]
    started: list[Running] = field(default_factory=list)

    def __call__(self, *words: object, stdin: str = "", env: dict[str, str] | None = None) -> Ran:
        done = subprocess.run(
            [sys.executable, "-m", "piplan_tui", *map(str, words)],
            cwd=self.folder,
            env={**self.env, **(env or {})},
            input=stdin,
            capture_output=True,
            text=True,
            timeout=SECONDS,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *words: object) -> Running:
        running = Running(
            subprocess.Popen(
                [sys.executable, "-m", "piplan_tui", *map(str, words)],
                cwd=self.folder,
                env=self.env,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
        self.started.append(running)
        return running

    def plan(self, *steps: dict[str, Any], mode: str = "serial", name: str = "plan.json") -> str:
        """Write a plan; each step is given its id and what else matters."""
        document = {
            "id": "p",
            "title": "A plan",
            "executionMode": mode,
            "steps": [{"title": step["id"], "goal": f"Do {step['id']}.", **step} for step in steps],
        }
        (self.folder / name).write_text(json.dumps(document))
        return name

    def script(self, body: str) -> str:
        """The name of an agent that is this shell script; `done` prints a completed result."""
        path = self.folder / "agent.sh"
        path.write_text(
            "#!/bin/sh\n"
            "cat > /dev/null\n"
            'done_() { printf \'{"status": "completed", "summary": "%s is done"}\\n\' "$PIPLAN_STEP_ID"; }\n'
            + textwrap.dedent(body)
        )
        path.chmod(0o755)
        return f"command:{path}"

    def fifo(self, name: str) -> Path:
        """A pipe to wait at: reading it returns when the other side has written."""
        path = self.folder / name
        os.mkfifo(path)
        return path


@pytest.fixture
def cli(tmp_path: Path) -> Iterator[Cli]:
    folder = tmp_path / "work"
    folder.mkdir()
    env = {key: value for key, value in os.environ.items() if not key.startswith(("PIPLAN_", "XDG_"))}
    env |= {
        "HOME": str(tmp_path / "home"),
        "PIPLAN_STORE": str(tmp_path / "state"),
        "PIPLAN_AGENT": "demo",
        "PIPLAN_DEMO_PACE": "0",
    }
    made = Cli(folder, env)
    yield made
    for running in made.started:
        if running.process.poll() is None:
            running.process.kill()
        running.process.communicate()
    for lock in (tmp_path / "state").glob("runs/*/lock"):
        owner, _ = look_at_lock(lock)
        if owner is not None:  # a run that was left to a process of its own
            os.kill(owner.pid, signal.SIGKILL)


@pytest.fixture
def terminals() -> Iterator[list[Terminal]]:
    """What a test opens and puts in here is closed after it."""
    opened: list[Terminal] = []
    yield opened
    for terminal in opened:
        terminal.close()


ASK: dict[str, Any] = {
    "id": "topic",
    "demo": {
        "ask": {
            "message": "Which audience?",
            "fields": [
                {
                    "name": "audience",
                    "type": "choice",
                    "options": [{"value": "seed"}, {"value": "enterprise"}],
                },
                {"name": "slides", "type": "integer", "minimum": 1, "maximum": 20, "default": 5},
            ],
        }
    },
}
"""A step that asks; its question has a required field without a default."""
