"""What agents say while they work: to a file per attempt, and to whoever looks.

A transcript is bulk, not state: losing its last moments in a crash loses nothing that a run depends on.
A line of the file is one `SessionEvent` as JSON.
"""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

import anyio
import msgspec

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.run.redact import Redactor
from piplan_tui.run.transcript_files import TranscriptFiles
from piplan_tui.run.transcript_reader import Part, read_part_before
from piplan_tui.run.transcript_writer import TranscriptWriter

OnSaid = Callable[[str, int, SessionEvent], None]

_RECENT_EVENTS = 2_000
_FLUSH_BYTES = 64_000
_decoder: msgspec.json.Decoder[SessionEvent] = msgspec.json.Decoder(SessionEvent)


class _Attempt:
    """The transcript of an attempt that is being written."""

    def __init__(self, path: Path | None, redactor: Redactor) -> None:
        self.path = path
        self.writer = TranscriptWriter(redactor)
        self.recent: deque[SessionEvent] | None = deque(maxlen=_RECENT_EVENTS) if path is None else None

    def add(self, event: SessionEvent) -> None:
        if self.recent is not None:
            self.recent.append(event)
        else:
            self.writer.add(event)


class Transcripts:
    """The transcripts of one run. Files are `<folder>/<stepId>/<n>.jsonl`; without a folder only the newest
    events of each attempt are kept, in memory. With `now`, each event is kept with its time."""

    def __init__(
        self, folder: Path | None, redactor: Redactor | None = None, now: Callable[[], datetime] | None = None
    ) -> None:
        self._folder = folder
        self._now = now
        self._redactor = redactor or Redactor()
        self._attempts: dict[tuple[str, int], _Attempt] = {}
        self._dirty: set[tuple[str, int]] = set()
        self._subscribers: list[OnSaid] = []
        self._files = TranscriptFiles()

    @property
    def problem(self) -> str:
        """Why transcripts are not being kept, if they are not."""
        return self._files.problem

    def path(self, step_id: str, attempt: int) -> Path | None:
        """Where the transcript is, or would be."""
        return self._folder / step_id / f"{attempt}.jsonl" if self._folder else None

    def subscribe(self, on_said: OnSaid) -> Callable[[], None]:
        """Call `on_said(step_id, attempt, event)` for everything said from now on; returns the way to stop."""
        self._subscribers.append(on_said)
        return lambda: self._subscribers.remove(on_said)

    def add(self, step_id: str, attempt: int, event: SessionEvent) -> None:
        """Keep what was said and pass it on. Nothing is written here."""
        key = (step_id, attempt)
        known = self._attempts.get(key)
        if known is None:
            known = self._attempts[key] = _Attempt(self.path(step_id, attempt), self._redactor)
        known.add(msgspec.structs.replace(event, at=self._now().timestamp()) if self._now else event)
        if known.path is not None:
            self._dirty.add(key)
            if len(known.writer.buffer) > _FLUSH_BYTES:
                self._files.put(known.path, known.writer.take())
        for on_said in self._subscribers:
            on_said(step_id, attempt, event)

    async def flush(self) -> None:
        """Write what has piled up; the disk is not synced."""
        dirty, self._dirty = self._dirty, set()
        for key in dirty:
            if (known := self._attempts.get(key)) is not None and known.path is not None:
                self._files.put(known.path, known.writer.take())
        await self._files.write()

    async def finish(self, step_id: str, attempt: int) -> None:
        """The attempt is over: write the rest of it and let go of its buffers (its file stays).

        Returns when it is written, also where it is cancelled meanwhile.
        """
        key = (step_id, attempt)
        known = self._attempts.get(key)
        if known is None or known.path is None:
            return
        del self._attempts[key]
        self._dirty.discard(key)
        self._files.put(known.path, known.writer.take(everything=True))
        with anyio.CancelScope(shield=True):
            await self._files.write()

    async def tail(self, step_id: str, attempt: int, max_bytes: int = 256_000) -> list[SessionEvent]:
        """The last events of an attempt, up to now; whole from the start when they fit into `max_bytes`."""
        known = self._attempts.get((step_id, attempt))
        if known is not None and known.recent is not None:
            return list(known.recent)
        return [event for _, event in (await self.tail_part(step_id, attempt, max_bytes)).said]

    async def tail_part(self, step_id: str, attempt: int, max_bytes: int) -> Part:
        """The same with the places of the lines; empty where nothing is on disk."""
        path = self.path(step_id, attempt)
        if path is None:
            return Part([], 0, 0, 0)
        key = (step_id, attempt)
        self._put_rest(key, path)
        async with self._files.reading:
            part = await self._files.write_and(lambda: read_part_before(path, sys.maxsize, max_bytes))
            # what was said meanwhile; nothing awaits from here on, so that subscribers hear what follows
            self._put_rest(key, path)
            rest = self._files.unwritten(path)
        said = list(part.said)
        place = part.size if rest else part.end
        for line in rest.splitlines(keepends=True):
            said += ((place, event) for event in decode_transcript([line]))
            place += len(line)
        return Part(said, part.start, place, max(part.size, place))

    def _put_rest(self, key: tuple[str, int], path: Path) -> None:
        if (known := self._attempts.get(key)) is not None:
            self._files.put(path, known.writer.take(everything=True))


def decode_transcript(lines: Iterable[bytes]) -> Iterable[SessionEvent]:
    """The events of a transcript's lines; a line that is none is left out."""
    for line in lines:
        try:
            yield _decoder.decode(line)
        except msgspec.DecodeError:
            continue  # a torn line after a crash; the rest is still worth reading
