"""Which fields of a form are on the screen together."""

from __future__ import annotations

from collections.abc import Sequence

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Field

_MOST_FIELDS = 12
"""On one page, so that a form of a hundred fields still answers every key at once."""


class Pages:
    """The fields in order, a page for each run of them with the same `page` name, none of them long."""

    def __init__(self, fields: Sequence[Field]) -> None:
        self._pages: list[list[Field]] = []
        name: str | None = None
        for field in fields:
            if field.page != name or len(self._pages[-1]) >= _MOST_FIELDS:
                self._pages.append([])
                name = field.page
            self._pages[-1].append(field)
        self.index = 0

    @property
    def count(self) -> int:
        return len(self._pages)

    @property
    def current(self) -> list[Field]:
        return self._pages[self.index] if self._pages else []

    @property
    def named(self) -> bool:
        """Whether the asker gave any page a name."""
        return any(fields[0].page for fields in self._pages)

    @property
    def names(self) -> list[str]:
        """What to call each page: its own name, or its number."""
        return [
            clean_text(fields[0].page, keep_newlines=False).strip() or str(number)
            for number, fields in enumerate(self._pages, 1)
        ]

    def turn(self, by: int) -> bool:
        """Go on or back; False at either end."""
        index = self.index + by
        if not 0 <= index < len(self._pages):
            return False
        self.index = index
        return True

    def index_of(self, name: str) -> int | None:
        """The page of a field."""
        for index, fields in enumerate(self._pages):
            if any(field.name == name for field in fields):
                return index
        return None
