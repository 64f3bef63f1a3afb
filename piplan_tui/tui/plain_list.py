"""Rows as lines of words, for screen readers: whether they are wanted, and a sentence put on a line."""

from __future__ import annotations

from collections.abc import Iterable

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Role, Span
from piplan_tui.views.spoken_rows import in_words

MARK_CELLS = 2
"""What the mark of the cursor takes, or blanks in its place."""
_CUT = "..."


def wants_plain_list(app: object) -> bool:
    """Whether the user asked for lines of words."""
    return bool(getattr(app, "plain_list", False))


def separator(app: object) -> str:
    """What stands between two things on a line."""
    return ", " if wants_plain_list(app) else " · "


def content_for(app: object, spans: Iterable[Span]) -> Content:
    """The spans as they are shown: with our own signs as words, where words are wanted."""
    return to_content(in_words(spans) if wants_plain_list(app) else spans)


def sentence_line(sentence: str, width: int, *, cursor: bool | None, role: Role = "plain") -> list[Span]:
    """The sentence behind the mark of the cursor, or where that is already, in exactly `width` cells."""
    text = sentence if cursor is None else f"{'> ' if cursor else '  '}{sentence}"
    if cell_len(text) > width:
        text = set_cell_size(text, max(0, width - len(_CUT))) + _CUT
    return [Span(set_cell_size(text, width), "strong" if cursor else role)]
