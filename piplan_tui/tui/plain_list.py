"""Rows as lines of words, for screen readers: whether they are wanted, and a sentence put on a line."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size

from piplan_tui.views.line import Role, Span

MARK_CELLS = 2
"""What the mark of the cursor takes, or blanks in its place."""
_CUT = "..."


def wants_plain_list(app: object) -> bool:
    """Whether the user asked for lines of words."""
    return bool(getattr(app, "plain_list", False))


def sentence_line(sentence: str, width: int, *, cursor: bool, role: Role = "plain") -> list[Span]:
    """The sentence behind the mark of the cursor, in exactly `width` cells."""
    text = f"{'> ' if cursor else '  '}{sentence}"
    if cell_len(text) > width:
        text = set_cell_size(text, max(0, width - len(_CUT))) + _CUT
    return [Span(set_cell_size(text, width), "strong" if cursor else role)]
