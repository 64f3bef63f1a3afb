"""A store of plain files: one folder per run, its events one line each.

    <root>/runs/<runId>/
        plan.json | workflow.*   what was run, byte for byte
        run.json                 the run's line in the list
        events.jsonl             the truth, see `piplan_tui.store.lines`
        events.jsonl.torn        ends of it that a crash had torn, kept for looking at
        attempts/                transcripts
        drafts/                  half-written answers
        control/                 requests from other processes, see `piplan_tui.store.control`
        lock                     its owner

Nothing outside the runs' folder is read or written through a symlink inside it.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar, TypeVarTuple

import anyio
import anyio.to_thread
import msgspec
import platformdirs

from piplan_tui.run.events import RuntimeEvent
from piplan_tui.store.disk import Disk, doing
from piplan_tui.store.event_log import EventLog
from piplan_tui.store.folders import EVENTS, INFO, LOCK, RunFolders
from piplan_tui.store.lines import Cursor, Reading, line_of
from piplan_tui.store.lock import RunLock, look_at_lock, take_lock
from piplan_tui.store.names import file_name_for
from piplan_tui.store.protocol import Owner, RunCorrupt, RunInfo, RunNotFound, RunOwned, StoreError
from piplan_tui.store.repair import Repair, repair_events

T = TypeVar("T")
Args = TypeVarTuple("Args")

_CHUNK = 1 << 18
"""Bytes of lines that a reader decodes at a time."""


class _OpenRun:
    def __init__(self, lock: RunLock, log: EventLog) -> None:
        self.lock = lock
        self.log = log
        self.guard = anyio.Lock(fast_acquire=True)


class _Draft(msgspec.Struct, rename="camel", kw_only=True):
    ask_id: str
    draft: dict[str, Any]


class FileRuntimeStore:
    """Keeps runs in folders below `root`, by default `$PIPLAN_STORE` or the platform's user state folder.

    The folder is made when the first run is. A durable append costs one fdatasync; while those are quick
    they are done in place, and on a slow disk in a thread, so that the event loop never waits for one.
    """

    def __init__(self, root: Path | str | None = None, *, disk: Disk | None = None) -> None:
        self.root = Path(root or os.environ.get("PIPLAN_STORE") or _default_root()).expanduser().absolute()
        self._disk = disk or Disk()
        self._folders = RunFolders(self.root, self._disk)
        self._open: dict[str, _OpenRun] = {}
        self._cursors: dict[str, Cursor] = {}

    def run_dir(self, run_id: str) -> Path:
        """The folder of a run, which need not be there.

        Raises:
            StoreError: the id is not safe as a folder name.
        """
        return self._folders.path(run_id)

    async def create_run(self, info: RunInfo, source: bytes, source_name: str) -> None:
        self._open[info.run_id] = await _in_thread(self._create, info, source, source_name)

    async def open_run(self, run_id: str) -> list[RuntimeEvent]:
        self._open[run_id], events = await _in_thread(self._open_run, run_id)
        return events

    async def close_run(self, run_id: str) -> None:
        run = self._open.get(run_id)
        if run is None:
            return
        async with run.guard:
            if self._open.pop(run_id, None) is run:
                await _in_thread(_close, run)

    async def append(self, run_id: str, events: Sequence[RuntimeEvent], *, durable: bool) -> None:
        run = self._open.get(run_id)
        if run is None:
            raise StoreError(f"run {run_id} is not open in this process; open it before writing to it")
        async with run.guard:
            if self._open.get(run_id) is not run:
                raise StoreError(f"run {run_id} was closed; open it before writing to it")
            lines = run.log.encode(events)
            if run.log.is_quick(lines, durable=durable):
                run.log.append(lines, len(events), durable=durable)
            else:
                await _in_thread(lambda: run.log.append(lines, len(events), durable=durable))

    async def read(self, run_id: str, *, after: int = 0) -> AsyncIterator[RuntimeEvent]:
        folder = await _in_thread(self._folders.existing, run_id)
        reading = await _in_thread(self._start_reading, folder, self._cursors.get(run_id), after)
        try:
            while True:
                events, error = await _in_thread(reading.read_some, _CHUNK)
                # lets the next read of a watcher go on here instead of at the beginning
                self._cursors[run_id] = reading.cursor
                for event in events:
                    if event.seq > after:
                        yield event
                if error is not None:
                    raise error
                if not events:
                    return
        finally:
            reading.close()

    async def write_info(self, info: RunInfo) -> None:
        await _in_thread(self._write_info, info)

    async def list_runs(self) -> list[RunInfo]:
        return await _in_thread(self._folders.list)

    async def owner(self, run_id: str) -> Owner | None:
        folder = await _in_thread(self._folders.existing, run_id)
        return (await _in_thread(look_at_lock, folder / LOCK))[0]

    async def delete_run(self, run_id: str) -> None:
        await _in_thread(self._delete, run_id)
        self._cursors.pop(run_id, None)

    async def source(self, run_id: str) -> tuple[str, bytes]:
        return await _in_thread(self._folders.source, run_id)

    def attempts_dir(self, run_id: str) -> Path | None:
        return self.run_dir(run_id) / "attempts"

    async def save_draft(self, run_id: str, ask_id: str, draft: dict[str, Any] | None) -> None:
        data = b"" if draft is None else msgspec.json.encode(_Draft(ask_id=ask_id, draft=draft))
        await _in_thread(self._save_draft, run_id, ask_id, data)

    async def load_draft(self, run_id: str, ask_id: str) -> dict[str, Any] | None:
        return await _in_thread(self._load_draft, run_id, ask_id)

    async def place_of(self, run_id: str, seq: int) -> str:
        """Where an event stands, as `file:line`; the file alone when it has no such event.

        Raises:
            RunNotFound
        """
        return await _in_thread(self._place_of, run_id, seq)

    async def repair_run(self, run_id: str, *, look_only: bool = False) -> Repair:
        """Make a run that `open_run` refuses as corrupt usable again, with the events before the damage.

        A copy of the whole file is kept beside it. Nothing is done to a run that is whole, and with `look_only`
        to none: the answer is then what would be kept and dropped.

        Raises:
            RunNotFound, RunOwned, StoreError
        """
        return await _in_thread(self._repair, run_id, look_only)

    # -- in a thread -------------------------------------------------------------------------------

    def _create(self, info: RunInfo, source: bytes, source_name: str) -> _OpenRun:
        with self._folders.new(info.run_id) as folder:
            self._folders.fill(folder, info, source, source_name)
            lock = take_lock(folder / LOCK)
            try:
                with doing("create", folder / EVENTS):
                    log = EventLog.create(self._disk, folder / EVENTS)
                self._folders.publish(folder, info.run_id)
            except BaseException:
                lock.release()
                raise
        log.path = self.run_dir(info.run_id) / EVENTS
        return _OpenRun(lock, log)

    def _open_run(self, run_id: str) -> tuple[_OpenRun, list[RuntimeEvent]]:
        folder = self._folders.existing(run_id)
        lock = take_lock(folder / LOCK)
        try:
            log, events = EventLog.open(self._disk, folder / EVENTS, promised=lock.synced)
            with doing("lock", folder / LOCK):
                lock.mark(log.synced_seq)
        except BaseException:
            lock.release()
            raise
        return _OpenRun(lock, log), events

    def _start_reading(self, folder: Path, cursor: Cursor | None, after: int) -> Reading:
        path = folder / EVENTS
        promised = look_at_lock(folder / LOCK)[1]
        with doing("read", path):
            try:
                file = os.fdopen(self._disk.open_read(path), "rb", buffering=_CHUNK)
            except FileNotFoundError:
                if not folder.exists():
                    raise RunNotFound(f"run {folder.name} was deleted") from None
                raise RunCorrupt(f"{path} is missing; put it back from a copy, or delete the run") from None
            start = cursor if cursor is not None and cursor.seq <= after and cursor.holds(file) else Cursor()
            return Reading(file, path, start, promised=promised)

    def _write_info(self, info: RunInfo) -> None:
        path = self._folders.existing(info.run_id) / INFO
        with doing("write", path):
            self._disk.replace(path, msgspec.json.encode(info))

    def _delete(self, run_id: str) -> None:
        folder = self._folders.existing(run_id)
        if run_id in self._open:
            raise RunOwned(f"run {run_id} is open here; close it before deleting it")
        lock = take_lock(folder / LOCK)
        try:
            gone = self._folders.set_aside(folder)
        finally:
            lock.release()
        self._folders.clear_away(gone)

    def _place_of(self, run_id: str, seq: int) -> str:
        path = self._folders.existing(run_id) / EVENTS
        with doing("read", path), os.fdopen(self._disk.open_read(path), "rb", buffering=_CHUNK) as file:
            line = line_of(file, seq)
        return f"{path}:{line}" if line else str(path)

    def _repair(self, run_id: str, look_only: bool) -> Repair:
        folder = self._folders.existing(run_id)
        lock = take_lock(folder / LOCK)
        try:
            repair = repair_events(self._disk, folder / EVENTS, look_only=look_only)
            if not look_only:
                lock.synced = repair.kept
        finally:
            lock.release()
        return repair

    def _draft_path(self, run_id: str, ask_id: str) -> Path:
        return self._folders.inner(run_id, "drafts") / f"{file_name_for(ask_id)}.json"

    def _save_draft(self, run_id: str, ask_id: str, data: bytes) -> None:
        path = self._draft_path(run_id, ask_id)
        with doing("write", path):
            if data:
                self._disk.replace(path, data)
            else:
                try:
                    self._disk.unlink(path)
                except FileNotFoundError:
                    return
            self._disk.sync_folder(path.parent)

    def _load_draft(self, run_id: str, ask_id: str) -> dict[str, Any] | None:
        path = self._draft_path(run_id, ask_id)
        with doing("read", path):
            try:
                found = msgspec.json.decode(self._disk.read(path), type=_Draft)
            except (FileNotFoundError, msgspec.DecodeError):
                return None
        return found.draft if found.ask_id == ask_id else None


def _default_root() -> Path:
    return platformdirs.user_state_path("piplan")


def _close(run: _OpenRun) -> None:
    try:
        run.log.close()
    finally:
        run.lock.release(run.log.synced_seq)


async def _in_thread(work: Callable[[*Args], T], *args: *Args) -> T:
    """Do it in a thread, and to its end: a cancelled caller must not leave a lock or half a write behind."""
    with anyio.CancelScope(shield=True):
        result = await anyio.to_thread.run_sync(work, *args)
    return result  # noqa: RET504  (mypy takes the scope for one that may swallow errors)
