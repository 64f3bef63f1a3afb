"""Starts one program and stays for as long as anything that it started lives. Linux only; run as a script.

`python -I -S warden.py STATUS_FD OWNER_PID PROGRAM [ARGUMENT…]`

The warden is a subreaper: whatever of the program leaves its group, its session or its parent, with or without
its environment, stays a descendant of the warden. When its owner dies, or at SIGTERM, it ends them all: SIGTERM
and, after a grace, SIGKILL, until the system says that it has no child. It ends by itself when nothing is left.

STATUS_FD is told, a line each, the program's pid and how it ended (its wait status), or `!` and the error number with
which it could not be executed. Only the standard library is used, since nothing else can be imported here.
"""

from __future__ import annotations

import ctypes
import errno
import os
import signal
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_GRACE_SECONDS = 2.0
"""How long the processes of an owner that died have for SIGTERM."""
_OWNER_SECONDS = 30.0
"""How long a living owner, which told them itself, may take to end them."""
_KILL_AGAIN_SECONDS = 0.02

_HEARD = {signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGCHLD}


def main(words: Sequence[str]) -> int:
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    if prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) or prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0):
        return 1
    if words == ["--check"]:
        return 0
    status_fd, owner = int(words[0]), int(words[1])
    os.set_inheritable(status_fd, False)
    if os.getppid() != owner:
        return 1  # it died before it could be noticed
    signal.pthread_sigmask(signal.SIG_BLOCK, _HEARD)
    program = os.fork()
    if program == 0:
        prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        _execute(list(words[2:]), status_fd)
    _tell(status_fd, b"%d" % program)
    null = os.open(os.devnull, os.O_RDWR)
    for fd in range(3):  # the pipes are the program's alone
        os.dup2(null, fd)
    _Warden(program, status_fd, owner).watch()
    return 0


def _execute(command: list[str], status_fd: int) -> None:
    try:
        os.setpgid(0, 0)  # what it sends to its own group is not for the warden
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # ignored by Python, and inherited
            signal.signal(number, signal.SIG_DFL)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEARD)
        try:
            os.execvp(command[0], command)
        except OSError as error:
            if error.errno != errno.ENOEXEC:
                raise
            os.execv("/bin/sh", ["sh", *command])
    except OSError as error:
        _tell(status_fd, b"!%d" % (error.errno or errno.EIO))
    finally:
        os._exit(127)


def _tell(status_fd: int, line: bytes) -> None:
    with suppress(OSError):  # nobody may be there to read it
        os.write(status_fd, line + b"\n")


class _Warden:
    def __init__(self, program: int, status_fd: int, owner: int) -> None:
        self._program = program
        self._status_fd = status_fd
        self._owner = owner
        self._kill_at = float("inf")

    def watch(self) -> None:
        while self._reap():
            left = self._kill_at - time.monotonic()
            if left <= 0:
                _send(signal.SIGKILL)
                left = _KILL_AGAIN_SECONDS
            heard = signal.sigtimedwait(_HEARD, min(left, 3600.0))
            if heard is not None and heard.si_signo != signal.SIGCHLD:
                self._end()

    def _reap(self) -> bool:
        """Take note of the dead; false when no child is left, and so no descendant."""
        try:
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return True
                if pid == self._program:
                    _tell(self._status_fd, b"%d" % status)
        except ChildProcessError:
            return False

    def _end(self) -> None:
        if os.getppid() == self._owner:
            grace = _OWNER_SECONDS
        else:
            grace = _GRACE_SECONDS
            _send(signal.SIGTERM)
        self._kill_at = min(self._kill_at, time.monotonic() + grace)


def _send(number: signal.Signals) -> None:
    for pid in _descendants(os.getpid()):
        with suppress(OSError):
            os.kill(pid, number)
            if number == signal.SIGTERM:
                os.kill(pid, signal.SIGCONT)  # a stopped process cannot act on SIGTERM


def _descendants(root: int) -> list[int]:
    children: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    # the name in brackets may hold anything
                    parent = int(file.read().rpartition(b")")[2].split()[1])
            except (OSError, ValueError, IndexError):
                continue
            children.setdefault(parent, []).append(int(name))
    found = [root]
    for pid in found:
        found += children.get(pid, ())
    return found[1:]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
