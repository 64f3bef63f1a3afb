"""Where notices stand: over nothing that is needed for the next key."""

from __future__ import annotations

from textual.css.query import NoMatches
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets._toast import ToastRack

from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.widgets.home_list import HomeList
from piplan_tui.tui.widgets.run_tree import RunTree

MOST_ROWS = 4
MOST_CELLS = 60
HEADER_ROWS = 2
_SMALL = 6
"""Rows up to which all of a widget with the focus is needed; of a larger one it is not known what."""


def place_toasts(screen: Screen[object]) -> None:
    """Put the notices of a screen where they are to stand now."""
    try:
        rack = screen.get_child_by_type(ToastRack)
    except NoMatches:
        return
    focused = screen.focused
    in_list = isinstance(focused, RunTree | HomeList)
    first = 0 if screen.has_class("-few-rows") else HEADER_ROWS
    top, rows = toast_rows(_needed(focused), first, screen.size.height, in_list=in_list)
    width = screen.size.width
    cells = width if wants_plain_list(screen.app) else min(width, MOST_CELLS)
    rack.styles.width = cells
    rack.styles.margin = (top, 0, 0, width - cells)
    rack.styles.max_height = rows


def toast_rows(needed: range | None, first: int, height: int, *, in_list: bool) -> tuple[int, int]:
    """Where notices begin, and how many rows they may take.

    From the row `first` on: under the header, on a short screen over it. Where rows that are `needed` are in the
    way: below the cursor of a list, but above a field, whose buttons and hints stand below it. Never on the last
    row, which has the keys.
    """
    if needed is None or needed.stop <= first or needed.start - first >= MOST_ROWS:
        return first, MOST_ROWS
    below = height - 1 - needed.stop
    if in_list and below >= MOST_ROWS - 1:
        return needed.stop, min(MOST_ROWS, below)
    return (0, min(MOST_ROWS, needed.start)) if needed.start >= HEADER_ROWS else (first, MOST_ROWS)


def _needed(focused: Widget | None) -> range | None:
    if focused is None:
        return None
    region = focused.content_region
    if isinstance(focused, RunTree | HomeList):
        row = region.y + max(0, focused.cursor) - focused.scroll_offset.y
        return range(row, row + 1)
    return range(region.y, region.bottom) if 0 < region.height <= _SMALL else None
