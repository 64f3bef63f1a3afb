"""A store that forgets everything with its process: for tests, for trying out, and for `--store memory`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from piplan_tui.run.events import RuntimeEvent
from piplan_tui.store.lock import this_process
from piplan_tui.store.names import check_run_id
from piplan_tui.store.protocol import Owner, RunExists, RunInfo, RunNotFound, RunOwned, StoreError


class _Run:
    def __init__(self, info: bytes, source: bytes, source_name: str) -> None:
        self.info = info
        self.source = source
        self.source_name = source_name
        self.events: list[RuntimeEvent] = []
        self.drafts: dict[str, bytes] = {}
        self.open = True


class MemoryRuntimeStore:
    """Keeps runs in memory. Events are kept as given and must not be changed afterwards.

    `attempts_dir` is a folder for transcripts, if those are to be kept on disk nevertheless.
    """

    def __init__(self, attempts_dir: Path | None = None) -> None:
        self._attempts_dir = attempts_dir
        self._runs: dict[str, _Run] = {}

    async def create_run(self, info: RunInfo, source: bytes, source_name: str) -> None:
        check_run_id(info.run_id)
        if info.run_id in self._runs:
            raise RunExists(f"run {info.run_id} exists already; choose another id")
        self._runs[info.run_id] = _Run(msgspec.json.encode(info), bytes(source), source_name)

    async def open_run(self, run_id: str) -> list[RuntimeEvent]:
        run = self._run(run_id)
        if run.open:
            raise RunOwned(f"run {run_id} is open already; close it first")
        run.open = True
        return list(run.events)

    async def close_run(self, run_id: str) -> None:
        if run_id in self._runs:
            self._runs[run_id].open = False

    async def append(self, run_id: str, events: Sequence[RuntimeEvent], *, durable: bool) -> None:
        run = self._run(run_id)
        if not run.open:
            raise StoreError(f"run {run_id} is not open; open it before writing to it")
        seq = len(run.events)
        for event in events:
            seq += 1
            if event.seq != seq:
                raise ValueError(
                    f"event {event.seq} ({event.type}) was given to the store, {seq} is the next"
                )
        run.events.extend(events)

    async def read(self, run_id: str, *, after: int = 0) -> AsyncIterator[RuntimeEvent]:
        events = self._run(run_id).events
        position = max(after, 0)
        while position < len(events):
            yield events[position]
            position += 1

    async def write_info(self, info: RunInfo) -> None:
        self._run(info.run_id).info = msgspec.json.encode(info)

    async def list_runs(self) -> list[RunInfo]:
        infos = [msgspec.json.decode(run.info, type=RunInfo) for run in self._runs.values()]
        return sorted(infos, key=lambda info: (-info.updated_at.timestamp(), info.run_id))

    async def owner(self, run_id: str) -> Owner | None:
        return this_process() if self._run(run_id).open else None

    async def delete_run(self, run_id: str) -> None:
        if self._run(run_id).open:
            raise RunOwned(f"run {run_id} is open; close it before deleting it")
        del self._runs[run_id]

    async def source(self, run_id: str) -> tuple[str, bytes]:
        run = self._run(run_id)
        return run.source_name, run.source

    def attempts_dir(self, run_id: str) -> Path | None:
        if self._attempts_dir is None:
            return None
        check_run_id(run_id)
        return self._attempts_dir / run_id

    async def save_draft(self, run_id: str, ask_id: str, draft: dict[str, Any] | None) -> None:
        drafts = self._run(run_id).drafts
        if draft is None:
            drafts.pop(ask_id, None)
        else:
            drafts[ask_id] = msgspec.json.encode(draft)

    async def load_draft(self, run_id: str, ask_id: str) -> dict[str, Any] | None:
        draft = self._run(run_id).drafts.get(ask_id)
        return None if draft is None else msgspec.json.decode(draft, type=dict[str, Any])

    def _run(self, run_id: str) -> _Run:
        try:
            return self._runs[run_id]
        except KeyError:
            raise RunNotFound(f"there is no run {run_id}") from None
