"""Forks a process for every order on stdin, lets it live the run, and kills it at the point in the order.

Forking costs a few milliseconds where a new interpreter would cost a second. An order and its outcome are one
line of JSON each: {"root", "workspace", "diary", "killAt", "torn"} and {"points", "killed", "failed"}.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import Any

import anyio

from piplan_tui.run import handoff
from piplan_tui.store import lock
from piplan_tui.store.disk import Disk
from piplan_tui.store.file import FileRuntimeStore
from tests.hardening.life import live


class Points:
    """Counts what is done to the disk, in every part of the program, and kills this process before number `at`."""

    def __init__(self, at: int, torn: bool) -> None:
        self.at = at
        self.torn = torn
        self.count = 0

    def reached(self) -> bool:
        self.count += 1
        return self.count == self.at

    def pass_or_die(self) -> None:
        if self.reached():
            _die()


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class CountingDisk(Disk):
    def __init__(self, points: Points) -> None:
        self._points = points

    def open_append(self, path: Path, *, create: bool = False) -> int:
        if create:
            self._points.pass_or_die()
        return super().open_append(path, create=create)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self._points.reached():
            if self._points.torn:
                os.write(fd, data[: len(data) // 2])
            _die()
        return super().write(fd, data)

    def truncate(self, fd: int, size: int) -> None:
        self._points.pass_or_die()
        super().truncate(fd, size)

    def sync(self, fd: int) -> None:
        self._points.pass_or_die()
        super().sync(fd)

    def sync_folder(self, path: Path) -> None:
        self._points.pass_or_die()
        super().sync_folder(path)

    def make_folder(self, path: Path) -> None:
        self._points.pass_or_die()
        super().make_folder(path)

    def rename(self, old: Path, new: Path) -> None:
        self._points.pass_or_die()
        super().rename(old, new)

    def unlink(self, path: Path) -> None:
        self._points.pass_or_die()
        super().unlink(path)


def _count_elsewhere(points: Points) -> None:
    """The handoff files and the lock are not written through the store's disk."""
    for module, name in (
        (handoff, "_replace_file"),
        (handoff, "_sync_folder"),
        (handoff, "_make_folder"),
        (lock, "_write"),
    ):
        original = getattr(module, name)

        def counted(*args: Any, original: Any = original) -> Any:
            points.pass_or_die()
            return original(*args)

        setattr(module, name, counted)


def _live(order: dict[str, Any], result: int) -> None:
    diary = os.open(order["diary"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def write(*words: object) -> None:
        os.write(diary, (" ".join(map(str, words)) + "\n").encode())

    points = Points(order["killAt"], order["torn"])
    _count_elsewhere(points)
    store = FileRuntimeStore(order["root"], disk=CountingDisk(points))
    anyio.run(live, store, Path(order["workspace"]), write)
    os.write(result, str(points.count).encode())


def main() -> None:
    for line in sys.stdin:
        order = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(reading)
            try:
                _live(order, writing)
            except BaseException:
                os.write(writing, traceback.format_exc().encode())
                os._exit(1)
            os._exit(0)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            said = pipe.read()
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        outcome = {
            "killed": status == -signal.SIGKILL,
            "points": int(said) if status == 0 else 0,
            "failed": said if status == 1 else "",
        }
        print(json.dumps(outcome), flush=True)


if __name__ == "__main__":
    main()
