"""What the cells of a terminal show, and so which of them a new picture changes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import groupby
from operator import itemgetter

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

_ONE_CELL_EACH = re.compile(
    # what is certain to be one cell wide on every terminal and never joins with its neighbours
    r"[ -~\u00a1-\u00ac\u00ae-\u02ff\u2010-\u2027\u2500-\u259f\u2800-\u28ff]*"
).fullmatch
_WORTH_WRITING_OVER = 3
"""Unchanged cells between changed ones up to which writing them costs less than moving across."""

Cell = tuple[str | None, Style | None]
"""Text and style; text of several cells stands in the first of them, and `None` in the others."""
Run = tuple[int, list[tuple[str, Style | None]]]
"""A column, and the texts that are to be written from there in their styles."""
_style_of = itemgetter(1)


@lru_cache(maxsize=4096)
def _visible(style: Style) -> Style:
    """The style without what a terminal does not show, and the same object for equal styles."""
    return _same(style.clear_meta_and_links(), style.link)


@lru_cache(maxsize=4096)
def _same(bare: Style, link: str | None) -> Style:
    return bare.update_link(link) if link else bare


def _cells(segments: Iterable[Segment]) -> list[Cell]:
    cells: list[Cell] = []
    for text, style, control in segments:
        if control or not text:
            continue
        visible = _visible(style) if style is not None else None
        if _ONE_CELL_EACH(text):
            cells += [(char, visible) for char in text]
        else:
            cells.append((text, visible))
            cells += [(None, visible)] * (cell_len(text) - 1)
    return cells


class TerminalCells:
    """The picture on the terminal, as far as it is known."""

    def __init__(self) -> None:
        self._size = (0, 0)
        self._lines: list[list[Cell | None]] = []

    def forget(self) -> None:
        """Nothing is known any more: the terminal was cleared, or others wrote to it."""
        self._size = (0, 0)

    def resize(self, width: int, height: int) -> None:
        """Terminals keep, move or cut what they show when their size changes, so it is forgotten."""
        if self._size != (width, height):
            self._size = (width, height)
            self._lines = [[None] * width for _ in range(height)]

    def changes(self, y: int, x: int, strips: Iterable[Strip]) -> Iterator[Run]:
        """Take that these strips stand at this place from now on; what has to be written for that."""
        if not 0 <= y < len(self._lines):
            return
        new = _cells(segment for strip in strips for segment in strip)
        line = self._lines[y]
        end = x + len(new)
        before = line[x:end]
        if before == new:
            return
        line[x:end] = new
        del line[self._size[0] :]
        for first, last in _changed(before, new):
            yield (
                x + first,
                [
                    ("".join(text for text, _ in same if text is not None), style)
                    for style, same in groupby(new[first : last + 1], _style_of)
                ],
            )


def _changed(before: list[Cell | None], new: list[Cell]) -> Iterator[tuple[int, int]]:
    """The first and last cells of runs that differ; text of several cells is never cut."""
    first = last = -1
    for place, cell in enumerate(new):
        if place < len(before) and before[place] == cell:
            continue
        start = place
        while start > 0 and new[start][0] is None:
            start -= 1
        if first >= 0 and start - last - 1 <= _WORTH_WRITING_OVER:
            last = place
            continue
        if first >= 0:
            yield first, last
        first, last = start, place
    if first >= 0:
        yield first, last
