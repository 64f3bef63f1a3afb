"""Texts in as many cells as they are given: padded, or cut where least is lost, with `…` for what is left out."""

from __future__ import annotations

import re

from rich.cells import cell_len, set_cell_size

_LEAST_FOR_MIDDLE = 4
_NUMBER_AT_END = re.compile(r"[-_ .#]?\d{1,6}$")


def fit(text: str, width: int) -> str:
    """From its beginning, in exactly `width` cells."""
    if cell_len(text) <= width:
        return text + " " * (width - cell_len(text))
    return set_cell_size(text, width - 1) + "…" if width > 0 else ""


def fit_middle(text: str, width: int, *, end: float = 1 / 3) -> str:
    """Beginning and end, in exactly `width` cells.

    `end` is the share of the room that the end gets; all of a number there is kept, so that texts that differ by
    nothing else do not look alike.
    """
    if cell_len(text) <= width or width < _LEAST_FOR_MIDDLE:
        return fit(text, width)
    number = _NUMBER_AT_END.search(text)
    room = max(int((width - 1) * end), len(number[0]) if number else 0)
    last = _last_cells(text, min(room, width - 2))
    return fit(f"{set_cell_size(text, width - 1 - cell_len(last))}…{last}", width)


def fit_right(text: str, width: int) -> str:
    """At the right edge of `width` cells; without a blank before it there is no room for it."""
    return " " * (width - cell_len(text)) + text if cell_len(text) < width else fit(text, width)


def _last_cells(text: str, width: int) -> str:
    last = text[len(text) - width :] if width > 0 else ""
    # a mark without a cell of its own belongs to what is cut off
    while last and (cell_len(last) > width or cell_len(last[0]) == 0):
        last = last[1:]
    return last
