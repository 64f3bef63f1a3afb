"""A real (pseudo) terminal with the terminal view on it."""

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
import time
from collections.abc import Mapping, Sequence

from tests.cli.conftest import SECONDS, Cli

SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[\]P_^][^\x07\x1b]*(?:\x07|\x1b\\)|.)")


class Terminal:
    """A process on a terminal, of 100 columns and 30 lines unless another `size` is given.

    `program` stands for `python -m piplan_tui`; `env` is added to the environment.
    """

    def __init__(
        self,
        cli: Cli,
        *words: str,
        size: tuple[int, int] = (100, 30),
        program: Sequence[str] = ("-m", "piplan_tui"),
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.master, slave = pty.openpty()
        self.resize(*size)
        self.attributes = termios.tcgetattr(self.master)
        self.raw = b""
        self.process = subprocess.Popen(
            [sys.executable, *program, *words],
            cwd=cli.folder,
            env={**cli.env, "TERM": "xterm-256color", "TEXTUAL_ANIMATIONS": "none", **(env or {})},
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
        self.raw += data
        self.text += SEQUENCE.sub("", data.decode(errors="replace"))
        return bool(data)

    def until(self, text: str) -> None:
        deadline = time.monotonic() + SECONDS
        while text not in self.text:
            # the screen's clock keeps writing, so silence alone does not tell that it will not come
            assert time.monotonic() < deadline, f"{text!r} never came:\n{self.text[-2000:]}"
            assert self.read(), f"{text!r} never came:\n{self.text[-2000:]}"

    def drain(self) -> None:
        """Take in what the last keys led to, until nothing has come for a moment."""
        while select.select([self.master], [], [], 0.3)[0] and self.read():
            pass

    def resize(self, columns: int, lines: int) -> None:
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def press(self, keys: str) -> None:
        os.write(self.master, keys.encode())

    def hang_up(self, *signals: signal.Signals) -> int:
        """Go away; a closed window sends SIGHUP and SIGCONT at once to those whom it controls."""
        os.close(self.master)
        self.master = -1
        for number in signals:
            self.process.send_signal(number)
        return self.process.wait(SECONDS)

    def end(self) -> int:
        while self.read():
            pass
        return self.process.wait(SECONDS)

    def close(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.master != -1:
            os.close(self.master)
            self.master = -1
