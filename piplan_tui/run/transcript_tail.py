"""The transcripts of a run that another process writes, followed as they grow."""

from __future__ import annotations

import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio
import anyio.to_thread

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.run.transcript import OnSaid, decode_transcript
from piplan_tui.run.transcript_reader import Part, read_part, read_part_before

MAX_FOLLOWED = 32
"""How many attempts are followed at once; beyond it the one that was asked for first is let go."""

_MOST_AT_ONCE = 4_000_000
"""Bytes that one look at a transcript reads; the next one goes on from there."""

_Key = tuple[str, int]


class TranscriptTails:
    """Like `Transcripts`, for reading only: what `tail` was asked for is followed from there on by `poll`."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._followed: dict[_Key, int] = {}
        self._subscribers: list[OnSaid] = []

    def path(self, step_id: str, attempt: int) -> Path | None:
        """Where the transcript is, or would be."""
        return self._folder / step_id / f"{attempt}.jsonl" if self._folder else None

    def subscribe(self, on_said: OnSaid) -> Callable[[], None]:
        """Call `on_said(step_id, attempt, event)` for what is said from now on in attempts that are followed."""
        self._subscribers.append(on_said)
        return lambda: self._subscribers.remove(on_said)

    async def tail(self, step_id: str, attempt: int, max_bytes: int = 256_000) -> list[SessionEvent]:
        """The last events of an attempt, up to now; what comes after them goes to the subscribers."""
        return [event for _, event in (await self.tail_part(step_id, attempt, max_bytes)).said]

    async def tail_part(self, step_id: str, attempt: int, max_bytes: int) -> Part:
        """The same with the places of the lines; empty where nothing is on disk."""
        path = self.path(step_id, attempt)
        if path is None:
            return Part([], 0, 0, 0)
        part = await anyio.to_thread.run_sync(read_part_before, path, sys.maxsize, max_bytes)
        key = (step_id, attempt)
        told = self._followed.get(key)
        if told is None:
            self._follow(key, part.end)
            return part
        # somebody listens already: what was not told yet is told to all
        if told > part.end:
            rest = read_part(path, part.end, told - part.end, told)
            return Part([*part.said, *rest.said], part.start, told, rest.size)
        said = [(place, event) for place, event in part.said if place < told]
        return Part(said, min(part.start, told), told, part.size)

    def follow(self, step_id: str, attempt: int) -> None:
        """Tell the subscribers all that is said in an attempt, from its beginning."""
        if (step_id, attempt) not in self._followed:
            self._follow((step_id, attempt), 0)

    def _follow(self, key: _Key, offset: int) -> None:
        self._followed.pop(key, None)
        self._followed[key] = offset
        if len(self._followed) > MAX_FOLLOWED:
            del self._followed[next(iter(self._followed))]

    async def poll(self) -> bool:
        """Tell the subscribers what was said since; whether anything was."""
        work = [(path, offset, key) for key, offset in self._followed.items() if (path := self.path(*key))]
        if not work:
            return False
        grown = await anyio.to_thread.run_sync(_read_grown, work)
        for key, offset, data in grown:
            if self._followed.get(key) != offset:
                continue  # it was asked for anew meanwhile, and that read further
            self._followed[key] = offset + len(data)
            for event in decode_transcript(data.splitlines()):
                for on_said in self._subscribers:
                    on_said(*key, event)
        return bool(grown)

    async def finish(self, step_id: str, attempt: int) -> None:
        """The attempt is over, and its transcript whole: tell the rest of it and let go."""
        if (step_id, attempt) in self._followed:
            while await self.poll():
                pass
            self._followed.pop((step_id, attempt), None)

    async def last_written(self, keys: list[_Key]) -> dict[str, datetime]:
        """When something was last said in these attempts, by step."""
        work = [(step_id, path) for step_id, attempt in keys if (path := self.path(step_id, attempt))]
        return await anyio.to_thread.run_sync(_written_at, work)


def _read_grown(work: list[tuple[Path, int, _Key]]) -> list[tuple[_Key, int, bytes]]:
    found = []
    for path, offset, key in work:
        try:
            if path.stat().st_size <= offset:
                continue
            with open(path, "rb") as file:
                file.seek(offset)
                data = file.read(_MOST_AT_ONCE)
                if b"\n" not in data:
                    data += file.readline()
        except OSError:
            continue  # nothing was said yet
        if whole := data[: data.rfind(b"\n") + 1]:
            found.append((key, offset, whole))
    return found


def _written_at(work: list[tuple[str, Path]]) -> dict[str, datetime]:
    found = {}
    for step_id, path in work:
        try:
            found[step_id] = datetime.fromtimestamp(path.stat().st_mtime, UTC)
        except OSError:
            continue
    return found
