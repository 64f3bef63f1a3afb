"""The lines of `events.jsonl`: how an event is written, and what is left of a file after a crash.

    {"crc":"9af3c01b","batch":40,"event":{"type":"step.completed","seq":43,…}}

`crc` is the CRC-32 of all that follows its comma up to the end of the line. `batch` numbers the commit
batch by the `seq` of the last event that was safely on disk before the line was written, so each line
vouches for all events up to that one. After a power loss anything behind the last sync may be missing,
torn or full of zeros, with good lines after it: as long as no good line vouches for the missing event,
the file is cut there and nothing that was acknowledged is lost. If one does, the file is corrupt.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

import msgspec

from piplan_tui.run.events import RuntimeEvent, UnknownEvent, decode_event, encode_event
from piplan_tui.store.protocol import RunCorrupt

_HEAD = b'{"crc":"'
_BATCH = b'"batch":'
_EVENT = b',"event":'


class BadLine(Exception):
    """The line is not as it was written. `str()` completes "the line …"."""


def encode_lines(events: Sequence[RuntimeEvent], *, seq: int, batch: int) -> bytes:
    """Lines for events that follow event `seq`, in commit batch `batch`.

    Raises:
        ValueError: their `seq` does not continue after `seq`, or one cannot be written as JSON.
    """
    start = b'"batch":%d,"event":' % batch
    parts: list[bytes] = []
    for event in events:
        seq += 1
        if event.seq != seq or (isinstance(event, UnknownEvent) and event.raw.get("seq") != seq):
            raise ValueError(f"event {event.seq} ({event.type}) was given to the store, {seq} is the next")
        rest = b"%b%b}" % (start, encode_event(event))
        parts.append(b'{"crc":"%08x",%b\n' % (crc32(rest), rest))
    return b"".join(parts)


def decode_line(line: bytes) -> tuple[int, bytes]:
    """The batch number and the event's JSON of one line with its line end.

    Raises:
        BadLine
    """
    if line[-1:] != b"\n":
        raise BadLine("is cut off")
    rest = line[18:-1]
    if line[8:16] != b"%08x" % crc32(rest) or line[:8] != _HEAD or line[16:18] != b'",':
        raise BadLine("does not match its checksum")
    end = rest.find(_EVENT, 9, 40)
    if end < 0 or rest[:8] != _BATCH or rest[-1:] != b"}" or not rest[8:end].isdigit():
        raise BadLine("was written in a format that this version does not know")
    return int(rest[8:end]), rest[end + 9 : -1]


class Cursor(msgspec.Struct, kw_only=True):
    """Where reading goes on: behind event `seq`, `offset` bytes into the file.

    `last` is the line before, `batch` the highest `seq` that any line so far vouches for, and `doubled`
    the number of lines that only repeat the one before them, which does no harm.
    """

    seq: int = 0
    offset: int = 0
    last: bytes = b""
    batch: int = 0
    doubled: int = 0

    def holds(self, file: BinaryIO) -> bool:
        """Whether the file still is what it was up to here: it may have been cut or repaired since."""
        file.seek(self.offset - len(self.last))
        return file.read(len(self.last)) == self.last


class Reading:
    """One pass over an open file of events. `cursor` always stands behind the last good event.

    `promised` is the `seq` up to which events are known to have been on disk, from another source than
    the lines. The file may be written to meanwhile.
    """

    def __init__(
        self, file: BinaryIO, path: Path, cursor: Cursor | None = None, *, promised: int = 0
    ) -> None:
        self._file = file
        self._path = path
        self._promised = promised
        self.cursor = cursor or Cursor()
        self.torn = b""
        self._done = False
        file.seek(self.cursor.offset)

    def close(self) -> None:
        """Close the file."""
        self._file.close()

    def events(self, limit_bytes: int | None = None) -> list[RuntimeEvent]:
        """The next events, from about `limit_bytes` of lines; an empty list at the end.

        At the end, `torn` is what stands behind the last good event (empty in a file that is whole).

        Raises:
            RunCorrupt: an event is missing that was on disk. Events before it may be lost to the
                caller: `cursor` tells how far it came, see `read_some`.
        """
        events, error = self.read_some(limit_bytes)
        if error is not None:
            raise error
        return events

    def read_some(self, limit_bytes: int | None = None) -> tuple[list[RuntimeEvent], RunCorrupt | None]:
        """Like `events`, but gives what could be read together with the error."""
        events: list[RuntimeEvent] = []
        stop = None if limit_bytes is None else self.cursor.offset + limit_bytes
        while not self._done:
            problem = self._read(events, stop)
            if not problem:
                break
            if error := self._judge(problem):
                return events, error
        if self._done and not self.torn and max(self.cursor.batch, self._promised) > self.cursor.seq:
            return events, self._corrupt("the file ends here, but there were more events")
        return events, None

    def _read(self, events: list[RuntimeEvent], stop: int | None) -> str:
        """Add good events up to `stop`, the end (both: empty answer) or a bad line (what is wrong with it)."""
        cursor = self.cursor
        seq, offset, batch, line, doubled = (
            cursor.seq,
            cursor.offset,
            cursor.batch,
            cursor.last,
            cursor.doubled,
        )
        problem = ""
        for candidate in self._file:
            try:
                vouches, body = decode_line(candidate)
                event = decode_event(body)
            except BadLine as error:
                problem = str(error)
                break
            except (ValueError, RecursionError) as error:
                problem = f"holds an event of a shape that this version does not know ({error})"
                break
            if event.seq == seq and candidate == line:
                doubled += 1
                offset += len(line)
                continue
            if event.seq != seq + 1:
                problem = f"holds event {event.seq} where {seq + 1} belongs"
                break
            seq += 1
            line = candidate
            offset += len(line)
            if vouches > batch:
                batch = vouches
            events.append(event)
            if stop is not None and offset >= stop:
                break
        else:
            self._done = True
        self.cursor = Cursor(seq=seq, offset=offset, last=line, batch=batch, doubled=doubled)
        return problem

    def _judge(self, problem: str) -> RunCorrupt | None:
        """Tell a tail that a crash left from damage, by what the lines behind it vouch for."""
        cursor = self.cursor
        self._file.seek(cursor.offset)
        tail = self._file.read()
        if _is_next(tail[: tail.find(b"\n") + 1], cursor.seq):
            # the owner wrote while this was read: what looked torn is whole now
            self._file.seek(cursor.offset)
            return None
        if max(cursor.batch, self._promised, _vouched_in(tail)) > cursor.seq:
            return self._corrupt(f"the line {problem}")
        self.torn = tail
        self._done = True
        return None

    def _corrupt(self, problem: str) -> RunCorrupt:
        line = self.cursor.seq + self.cursor.doubled + 1
        return RunCorrupt(
            f"{self._path}:{line}: {problem}; the {self.cursor.seq} events before it can still be read, "
            "and `piplan-tui repair` keeps those and sets the rest aside"
        )


def line_of(file: BinaryIO, seq: int) -> int:
    """The number, from 1, of the first line that holds event `seq`; 0 when none does."""
    for number, line in enumerate(file, 1):
        # a line repeats the one before it or goes one further, so no event stands before the line of its number
        if number >= seq:
            with suppress(BadLine, ValueError, RecursionError):
                if decode_event(decode_line(line)[1]).seq == seq:
                    return number
    return 0


def _is_next(line: bytes, seq: int) -> bool:
    try:
        return decode_event(decode_line(line)[1]).seq == seq + 1
    except (BadLine, ValueError, RecursionError):
        return False


def _vouched_in(tail: bytes) -> int:
    """The highest event that any good line in `tail` says was on disk before it."""
    vouched = 0
    # a damaged line end joins two lines: look for beginnings, not for ends
    start = tail.find(_HEAD)
    while start >= 0:
        end = tail.find(b"\n", start) + 1
        with suppress(BadLine):
            vouched = max(vouched, decode_line(tail[start : end or len(tail)])[0])
        start = tail.find(_HEAD, start + 1)
    return vouched
