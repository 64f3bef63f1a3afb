"""Any part of a transcript's file, and where in all of it a text occurs, without ever holding the whole file."""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple

import msgspec

from piplan_tui.agents.protocol import (
    AskRaised,
    Notice,
    Retrying,
    SessionEvent,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    UserSaid,
)
from piplan_tui.clean import clean_text

_TAB_SIZE = 4
_HIDDEN = (b"\\u", b"\\t", b"\xc2", b"\xe2\x80")
"""What may stand between the characters of a word and is not shown, or not shown so."""
_decoder: msgspec.json.Decoder[SessionEvent] = msgspec.json.Decoder(SessionEvent)


class Part(NamedTuple):
    """Whole lines of a transcript, from byte `start` up to `end` of `size`, each with its place."""

    said: list[tuple[int, SessionEvent]]
    start: int
    end: int
    size: int


def read_part(path: Path, start: int, max_bytes: int, until: int | None = None) -> Part:
    """The first line that begins at `start` or later, and those after it, about `max_bytes` of them, but none that
    begins at `until` or later.

    A line that is not whole yet is left for later. Blocks: for a thread. A file that cannot be read is empty.
    """
    try:
        with open(path, "rb") as file:
            size = file.seek(0, 2)
            start = _line_start(file, start, size)
            said: list[tuple[int, SessionEvent]] = []
            end = start
            for place, line in _lines(file, start):
                if until is not None and place >= until:
                    break
                end = place + len(line)
                if (event := _event(line)) is not None:
                    said.append((place, event))
                if end - start >= max_bytes:
                    break
            return Part(said, start, end, size)
    except OSError:
        return Part([], 0, 0, 0)


def read_part_before(path: Path, end: int, max_bytes: int) -> Part:
    """About `max_bytes` of lines that end at `end`, which must be where a line begins (or beyond the end)."""
    try:
        end = min(end, path.stat().st_size)
    except OSError:
        return Part([], 0, 0, 0)
    while True:
        start = max(0, end - max_bytes)
        part = read_part(path, start, end - start, end)
        if start == 0 or part.end > part.start:
            return part
        max_bytes = 8 * max_bytes + 1  # a line that is longer than what was asked for


def _line_start(file: BinaryIO, start: int, size: int) -> int:
    start = max(0, min(start, size))
    if start == 0:
        file.seek(0)
        return 0
    file.seek(start - 1)
    file.readline()
    return file.tell()


def _lines(file: BinaryIO, place: int) -> Iterator[tuple[int, bytes]]:
    for line in file:
        if not line.endswith(b"\n"):
            return
        yield place, line
        place += len(line)


def _event(line: bytes) -> SessionEvent | None:
    try:
        return _decoder.decode(line)
    except msgspec.DecodeError:
        return None  # torn in a crash; the rest is still worth reading


def _replaced(event: SessionEvent) -> str | None:
    """The tool call whose earlier outputs are not shown any more after this, if there is one."""
    if isinstance(event, ToolOutput):
        return None if event.continues else event.call_id
    return event.call_id if isinstance(event, ToolEnded) and event.text else None


class Found(NamedTuple):
    """A match: the line of the file that it is in, and which match of that line it is, from 0."""

    place: int
    number: int


class TranscriptFind:
    """Goes through a transcript for `text`, a slice at a time: `scan` in a thread until `done`.

    Upper and lower case are the same unless `text` has an upper-case letter. An output that was replaced by a
    later one of the same tool call does not count, because it is not shown.
    """

    def __init__(self, path: Path, text: str) -> None:
        self.text = text
        self.done = False
        self.scanned = 0
        self.size = 0
        self._path = path
        self._folds = text == text.lower()
        encoded = msgspec.json.encode(text)[1:-1]
        # outside of ASCII, upper and lower case of a letter may be other bytes
        self._needle = encoded if text.isascii() or not self._folds else b""
        self._places: array[int] = array("q")
        self._counts: array[int] = array("l")
        self._outputs: dict[str, list[int]] = {}
        self._total = 0

    @property
    def total(self) -> int:
        """Matches so far."""
        return self._total

    def scan(self, max_bytes: int) -> None:
        """Go through the next `max_bytes`. After `done`, what was written since."""
        try:
            with open(self._path, "rb") as file:
                self.size = file.seek(0, 2)
                file.seek(self.scanned)
                until = self.scanned + max_bytes
                for place, line in _lines(file, self.scanned):
                    self._look(place, line)
                    self.scanned = place + len(line)
                    if self.scanned >= until:
                        self.done = False
                        return
        except OSError:
            pass
        self.done = True

    def _look(self, place: int, line: bytes) -> None:
        if b'"tool_' not in line[:24] and not self._may_hold(line):
            return
        event = _event(line)
        if event is None:
            return
        if (call_id := _replaced(event)) is not None:
            for index in self._outputs.pop(call_id, ()):
                self._total -= self._counts[index]
                self._counts[index] = 0
        count = self._count(event) if self._may_hold(line) else 0
        if not count:
            return
        if isinstance(event, ToolOutput):
            self._outputs.setdefault(event.call_id, []).append(len(self._places))
        self._places.append(place)
        self._counts.append(count)
        self._total += count

    def _may_hold(self, line: bytes) -> bool:
        if not self._needle or any(sign in line for sign in _HIDDEN):
            return True
        return self._needle in (line.lower() if self._folds else line)

    def _count(self, event: SessionEvent) -> int:
        text = clean_text(_shown(event))
        if "\t" in text:
            text = text.expandtabs(_TAB_SIZE)
        return (text.lower() if self._folds else text).count(self.text)

    def position(self, found: Found) -> int:
        """Which of all matches it is, from 1."""
        index = self._index(found.place)
        return sum(self._counts[:index]) + found.number + 1

    def next(self, after: Found | None, by: int) -> Found | None:
        """The match after (`by` = 1) or before (-1) this one, and round; from `None`, the first or the last."""
        if not self._total:
            return None
        index = self._index(after.place) if after is not None else (-1 if by > 0 else len(self._places))
        if after is not None and index < len(self._places) and self._places[index] == after.place:
            number = after.number + by
            if 0 <= number < self._counts[index]:
                return Found(after.place, number)
        elif after is not None and by > 0:
            index -= 1
        for _ in range(len(self._places) + 1):
            index = (index + by) % len(self._places)
            if count := self._counts[index]:
                return Found(self._places[index], 0 if by > 0 else count - 1)
        return None

    def nearest(self, place: int) -> Found | None:
        """The first match at or after a place of the file, or else the last one."""
        index = self._index(place)
        for at in (*range(index, len(self._places)), *range(index - 1, -1, -1)):
            if self._counts[at]:
                return Found(self._places[at], 0 if at >= index else self._counts[at] - 1)
        return None

    def _index(self, place: int) -> int:
        low, high = 0, len(self._places)
        while low < high:
            middle = (low + high) // 2
            if self._places[middle] < place:
                low = middle + 1
            else:
                high = middle
        return low


def _shown(event: SessionEvent) -> str:
    """The text of an event that the transcript shows."""
    match event:
        case TextDelta() | ThinkingDelta() | ToolOutput() | ToolEnded() | Notice() | UserSaid():
            return event.text
        case ToolStarted():
            return f"{event.tool}  {event.target}"
        case Retrying():
            return event.error
        case AskRaised():
            message = event.request.get("message", "")
            return message if isinstance(message, str) else ""
    return ""
