"""The open `events.jsonl` of a run that this process owns: appending, syncing, and getting well again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter
from typing import Literal

import msgspec

from piplan_tui.run.events import RuntimeEvent
from piplan_tui.store.disk import Disk, doing, explain
from piplan_tui.store.lines import Reading, encode_lines
from piplan_tui.store.protocol import RunCorrupt, StoreError

FAST_SECONDS = 0.001
"""Up to this moving average, in seconds, writing and syncing is done on the event loop; a thread would cost more."""

MAX_UNSYNCED_BYTES = 1 << 20
"""Events that nobody waits for are synced after this much, so that what a failed sync takes is bounded."""


class EventLog:
    """Appends to one file. Not thread-safe: one call at a time, on any thread.

    `seq` is the last event written. What was written since the last sync is kept in memory too: when a
    sync fails, the system may have dropped those pages although a later sync succeeds, so the descriptor
    is given up and they are written again to a new one.
    """

    def __init__(self, disk: Disk, path: Path, fd: int, *, seq: int, size: int, sync_seconds: float) -> None:
        self.path = path
        self.seq = seq
        self.synced_seq = seq
        self._disk = disk
        self._fd = fd
        self._size = size
        self._synced_size = size
        self._unsynced = bytearray()
        self._broken: Literal["", "write", "sync"] = ""
        self._sync_seconds = sync_seconds
        self._write_seconds = 0.0

    @classmethod
    def create(cls, disk: Disk, path: Path) -> EventLog:
        """A new, empty, synced file (its name is not synced). Errors are `OSError`."""
        fd = disk.open_append(path, create=True)
        started = perf_counter()
        disk.sync(fd)
        return cls(disk, path, fd, seq=0, size=0, sync_seconds=perf_counter() - started)

    @classmethod
    def open(cls, disk: Disk, path: Path, *, promised: int) -> tuple[EventLog, list[RuntimeEvent]]:
        """The log and its events, after setting a torn tail aside and making the rest durable.

        `promised` is the `seq` up to which events are known to have been stored.

        Raises:
            RunCorrupt: an event that was stored is gone or damaged.
            StoreError: the disk refuses.
        """
        with doing("open", path):
            try:
                fd = disk.open_append(path)
            except FileNotFoundError:
                raise RunCorrupt(f"{path} is missing; put it back from a copy, or delete the run") from None
        try:
            with os.fdopen(os.dup(fd), "rb", buffering=1 << 20) as file:
                reading = Reading(file, path, promised=promised)
                events = reading.events()
            size = reading.cursor.offset
            if reading.torn:
                torn = path.with_name(path.name + ".torn")
                with doing("set the torn end of the events aside in", torn):
                    _keep(disk, torn, reading.torn, size)
                with doing("repair", path):
                    disk.truncate(fd, size)
            with doing("write to", path):
                started = perf_counter()
                disk.sync(fd)
                spent = perf_counter() - started
        except BaseException:
            disk.close(fd)
            raise
        return cls(disk, path, fd, seq=reading.cursor.seq, size=size, sync_seconds=spent), events

    def is_quick(self, lines: bytes, *, durable: bool) -> bool:
        """Whether appending these is quick enough to be done on the event loop, going by those before."""
        seconds = self._write_seconds + (self._sync_seconds if self._is_to_sync(lines, durable) else 0.0)
        return not self._broken and seconds < FAST_SECONDS

    def encode(self, events: Sequence[RuntimeEvent]) -> bytes:
        """Lines for the next events.

        Raises:
            ValueError: they do not continue after `seq`.
        """
        return encode_lines(events, seq=self.seq, batch=self.synced_seq)

    def append(self, lines: bytes, count: int, *, durable: bool) -> None:
        """Add `count` encoded events; with `durable`, return when all so far survive a power loss.

        Raises:
            StoreError: nothing of `lines` is kept. The next call first tries to get well.
        """
        if self._broken:
            self._recover()
        at: Literal["write", "sync"] = "write"
        try:
            if lines:
                self._write(lines)
            if self._is_to_sync(lines, durable):
                at = "sync"
                self._sync()
                self._unsynced.clear()
            else:
                self._unsynced += lines
        except BaseException as error:
            self._give_up(at)
            if isinstance(error, OSError):
                raise StoreError(explain(error, "write to", self.path)) from error
            raise
        self._size += len(lines)
        self.seq += count
        if at == "sync":
            self._synced_size = self._size
            self.synced_seq = self.seq

    def close(self) -> None:
        """Sync what was written and give the file back.

        Raises:
            StoreError: the last events that were not durable may be lost.
        """
        try:
            if self._unsynced or self._broken:
                try:
                    self.append(b"", 0, durable=True)
                except StoreError:
                    self.append(b"", 0, durable=True)  # with a new descriptor
        finally:
            if self._fd >= 0:
                self._disk.close(self._fd)
                self._fd = -1

    def _is_to_sync(self, lines: bytes, durable: bool) -> bool:
        return durable or len(self._unsynced) + len(lines) > MAX_UNSYNCED_BYTES

    def _write(self, lines: bytes) -> None:
        started = perf_counter()
        self._disk.write_all(self._fd, lines)
        self._write_seconds += 0.2 * (perf_counter() - started - self._write_seconds)

    def _sync(self) -> None:
        started = perf_counter()
        self._disk.sync(self._fd)
        self._sync_seconds += 0.2 * (perf_counter() - started - self._sync_seconds)

    def _give_up(self, at: Literal["write", "sync"]) -> None:
        """Take back what was written of a failed batch, and write no more with this descriptor."""
        self._broken = at
        with suppress(OSError):  # tried again before anything else is written
            self._disk.truncate(self._fd, self._size)
        with suppress(OSError):
            self._disk.close(self._fd)
        self._fd = -1

    def _recover(self) -> None:
        """Open the file anew and bring it to where it was before the failure, synced."""
        with doing("write to", self.path):
            fd = self._disk.open_append(self.path)
            try:
                kept = self._size if self._broken == "write" else self._synced_size
                if os.fstat(fd).st_size < kept:
                    raise RunCorrupt(f"{self.path} has become shorter while the run had it open")
                self._disk.truncate(fd, kept)
                if self._broken == "sync":
                    self._verify(fd)
                    # dirty again what the failed sync may have dropped although it can still be read
                    self._disk.write_all(fd, self._unsynced)
                self._broken = "sync"
                self._disk.sync(fd)
            except BaseException:
                self._disk.close(fd)
                raise
        self._fd = fd
        self._broken = ""
        self._unsynced.clear()
        self._synced_size = self._size
        self.synced_seq = self.seq

    def _verify(self, fd: int) -> None:
        with os.fdopen(os.dup(fd), "rb", buffering=1 << 20) as file:
            reading = Reading(file, self.path, promised=self.synced_seq)
            while reading.events(1 << 20):
                pass
        if reading.torn or reading.cursor.seq != self.synced_seq:
            raise RunCorrupt(f"{self.path} no longer holds the events that were written to it")


class _Cut(msgspec.Struct, rename="camel", kw_only=True):
    cut_at: datetime
    offset: int
    size: int


def _keep(disk: Disk, torn: Path, tail: bytes, offset: int) -> None:
    """Add a tail, under a line that says what it is, to the file of torn tails."""
    head = msgspec.json.encode(_Cut(cut_at=datetime.now(UTC), offset=offset, size=len(tail)))
    data = head + b"\n" + tail + b"\n"
    try:
        fd = disk.open_append(torn)
    except FileNotFoundError:
        disk.write_new(torn, data)
        disk.sync_folder(torn.parent)
        return
    try:
        disk.write_all(fd, data)
        disk.sync(fd)
    finally:
        disk.close(fd)
