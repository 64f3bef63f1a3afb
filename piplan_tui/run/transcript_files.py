"""Appends to the files of transcripts beside the event loop, in the order in which it was told to."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import anyio
import anyio.to_thread

MAX_WAITING_BYTES = 64_000_000
"""Beyond this a disk that is too slow holds up who writes: memory must not fill up instead."""

T = TypeVar("T")


class TranscriptFiles:
    """`put` takes what is to be appended, `write` sees to it. The disk is not synced: transcripts are bulk."""

    def __init__(self) -> None:
        self._waiting: list[tuple[Path, bytes]] = []
        self._bytes = 0
        self._guard = threading.Lock()
        """For what waits, which threads take."""
        self._disk = threading.Lock()
        """One writer at a time, so that what was put first is written first."""
        self.reading = anyio.Lock()
        """While it is held, nothing is written but by who holds it (or because far too much waits)."""
        self.problem = ""
        """Why something was not written lately."""

    def put(self, path: Path, data: bytes) -> None:
        if not data:
            return
        with self._guard:
            self._waiting.append((path, data))
            self._bytes += len(data)
        if self._bytes > MAX_WAITING_BYTES:
            self._write_waiting()

    async def write(self) -> None:
        """Return when all that was put so far is written, or was given up with a `problem`."""
        if self._waiting or self.reading.locked():
            async with self.reading:
                if self._waiting:  # otherwise who was before has written it, with what else there was
                    await self.write_and(lambda: None)

    async def write_and(self, read: Callable[[], T]) -> T:
        """Write what waits, then do `read` in the same thread. To be awaited while `reading` is held."""

        def work() -> T:
            self._write_waiting()
            return read()

        return await anyio.to_thread.run_sync(work)

    def unwritten(self, path: Path) -> bytes:
        """What was put for a file and is not in it, as long as `reading` is held."""
        with self._guard:
            return b"".join(data for where, data in self._waiting if where == path)

    def _write_waiting(self) -> None:
        with self._disk:
            with self._guard:
                work, self._waiting, self._bytes = self._waiting, [], 0
            together: dict[Path, list[bytes]] = {}
            for path, data in work:
                together.setdefault(path, []).append(data)
            for path, parts in together.items():
                self._append(path, b"".join(parts))

    def _append(self, path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            if path.parent.is_symlink():
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
            with open(path, "ab", opener=_private) as file:
                file.write(data)
            self.problem = ""
        except OSError as error:
            self.problem = f"transcripts are not being kept: {path}: {error.strerror or error}"


def _private(path: str, flags: int) -> int:
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0), 0o600)
