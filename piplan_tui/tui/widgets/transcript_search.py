"""Where a text occurs in a transcript, and which of the places the user is at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from piplan_tui.tui.widgets.transcript_blocks import Line, Row


class Match(NamedTuple):
    """`line.text[start:end]`."""

    line: Line
    start: int
    end: int


class Search:
    """One search over rows that keep changing; `forget` its places whenever they did."""

    def __init__(self) -> None:
        self.pattern: re.Pattern[str] | None = None
        self.current: Match | None = None
        self._found: list[Match] | None = None

    def begin(self, text: str) -> None:
        """Search for `text`; upper and lower case are the same unless it has an upper-case letter."""
        case = re.IGNORECASE if text == text.lower() else re.NOFLAG
        self.pattern = re.compile(re.escape(text), case) if text else None
        self.current = None
        self._found = None

    def forget(self) -> None:
        self._found = None

    def found(self, rows: Iterable[Row]) -> list[Match]:
        """Every match in the lines of `rows`, in order."""
        if self._found is None:
            self._found = [] if self.pattern is None else list(_find(rows, self.pattern))
        return self._found

    def index(self, rows: Iterable[Row]) -> int:
        """The place of the current match among all; -1 when it is gone."""
        current = self.current
        if current is None:
            return -1
        places = enumerate(self.found(rows))
        return next((i for i, m in places if m.line is current.line and m.start == current.start), -1)

    def step(self, rows: Iterable[Row], by: int) -> Match | None:
        """The match after (or before) the current one, from the last to the first."""
        found = self.found(rows)
        if not found:
            return None
        index = self.index(rows)
        if index < 0:
            index = -1 if by > 0 else 0
        return found[(index + by) % len(found)]

    def in_row(self, row: Row) -> Iterator[tuple[int, int, bool]]:
        """The parts of matches that this row shows, as slices of its line, and whether each is the current."""
        if self.pattern is None:
            return
        for place in self.pattern.finditer(row.line.text):
            start, end = max(place.start(), row.start), min(place.end(), row.end)
            if start < end:
                current = self.current
                is_current = (
                    current is not None and current.line is row.line and current.start == place.start()
                )
                yield start, end, is_current


def _find(rows: Iterable[Row], pattern: re.Pattern[str]) -> Iterator[Match]:
    last: Line | None = None
    for row in rows:
        if row.line is not last:
            last = row.line
            for place in pattern.finditer(last.text):
                yield Match(last, place.start(), place.end())
