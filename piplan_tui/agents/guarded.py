"""How a program is started so that it ends with its owner: behind a warden where there can be one."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import NamedTuple

import anyio
import psutil
from anyio import to_thread

from piplan_tui.agents import warden

_ON_LINUX = platform.system() == "Linux"
_WARDEN = str(Path(warden.__file__))
_TOLD_BYTES = 256


class _Launcher(NamedTuple):
    """The words before a program's own; with a warden, two more stand between."""

    words: tuple[str, ...] = ()
    has_warden: bool = False


@cache
def _launcher() -> _Launcher:
    if not _ON_LINUX:
        return _Launcher()
    words = (sys.executable, "-I", "-S", _WARDEN)
    if sys.executable and _works(*words, "--check"):
        return _Launcher(words, has_warden=True)
    # setpriv (util-linux) sets the signal and execs: a preexec function is not safe beside threads
    setpriv = shutil.which("setpriv")
    if setpriv and _works(setpriv, "--pdeathsig", "TERM", "--", "true"):
        return _Launcher((setpriv, "--pdeathsig", "TERM", "--"))
    return _Launcher()


def _works(*command: str) -> bool:
    try:
        return subprocess.run(command, capture_output=True, timeout=5, check=False).returncode == 0
    except (OSError, subprocess.SubprocessError):
        return False


class GuardedStart:
    """One start: the command line to execute, and afterwards what the warden tells. Close it at the end.

    `pid` is the program's, once `started` has returned; `pass_fds` are what the command line needs open.
    """

    def __init__(self, launcher: _Launcher, program: Sequence[str]) -> None:
        self.pid: int | None = None
        self._reading = self._writing = -1
        self._status = ""
        self._error = 0
        if launcher.has_warden:
            self._reading, self._writing = os.pipe()
            os.set_blocking(self._reading, False)
            words = [*launcher.words, str(self._writing), str(os.getpid())]
        else:
            words = list(launcher.words)
        self.command = [*words, *program]
        self.pass_fds = (self._writing,) if launcher.has_warden else ()

    @classmethod
    async def prepare(cls, program: Sequence[str]) -> GuardedStart:
        """The command line for a program."""
        return cls(await to_thread.run_sync(_launcher), program)

    async def started(self) -> None:
        """Wait until the program's own pid is known. Call it once the command line has been executed."""
        if self._writing >= 0:
            os.close(self._writing)
            self._writing = -1
        while self._reading >= 0 and self.pid is None:
            await anyio.wait_readable(self._reading)
            self._listen()

    @property
    def returncode(self) -> int | None:
        """How the program ended, as `subprocess` puts it; `None` when that is not known from here."""
        self._listen()
        if self._error:
            return 127
        return os.waitstatus_to_exitcode(int(self._status)) if self._status else None

    @property
    def is_listening(self) -> bool:
        """Whether there is a warden that may still tell how the program ended."""
        return self._reading >= 0

    @property
    def exec_error(self) -> str:
        """Why the program itself could not be executed, when that came out only after the start."""
        self._listen()
        return os.strerror(self._error) if self._error else ""

    def close(self) -> None:
        for fd in (self._reading, self._writing):
            if fd >= 0:
                os.close(fd)
        self._reading = self._writing = -1

    def _listen(self) -> None:
        if self._reading < 0:
            return
        try:
            told = os.read(self._reading, _TOLD_BYTES).decode()
        except BlockingIOError:
            return
        # each line was written at once: the pid, then an error or the wait status
        for line in told.splitlines():
            if line.startswith("!"):
                self._error = int(line[1:])
            elif self.pid is None:
                self.pid = int(line)
            else:
                self._status = line
        if not told or self._status:
            self.close()


def is_warden(process: psutil.Process) -> bool:
    """Whether a process is the warden of another."""
    try:
        return _WARDEN in process.cmdline()[:4]
    except psutil.Error:
        return False
