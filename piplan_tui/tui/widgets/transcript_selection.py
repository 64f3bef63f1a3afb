"""What of a transcript is selected: rows on the screen, but lines in the clipboard."""

from __future__ import annotations

from collections.abc import Sequence

from textual.geometry import Offset
from textual.selection import Selection

from piplan_tui.tui.widgets.transcript_blocks import Line, Row


def selected_text(rows: Sequence[Row], selection: Selection) -> str:
    """The selected text, with the lines as they were before they were wrapped."""
    first = 0 if selection.start is None else selection.start.y
    last = len(rows) - 1 if selection.end is None else min(selection.end.y, len(rows) - 1)
    text: list[str] = []
    line: Line | None = None
    line_end = 0
    for y in range(first, last + 1):
        row = rows[y]
        start, end = selected_part(row, selection.get_span(y) or (0, -1))
        if row.line is line:
            text.append(row.line.text[line_end:start])
        elif line is not None:
            text.append("\n")
        text.append(row.line.text[start:end])
        line, line_end = row.line, end
    return "".join(text)


def selected_part(row: Row, span: tuple[int, int]) -> tuple[int, int]:
    """The characters of the row's line that lie within these columns of the screen (-1: to the end)."""
    indent = row.line.indent
    start = min(row.end, row.start + max(0, span[0] - indent))
    end = row.end if span[1] < 0 else min(row.end, row.start + max(0, span[1] - indent))
    return start, max(start, end)


def shifted(selection: Selection, by: int) -> Selection:
    """The same text, when its rows have moved."""
    start, end = (
        offset if offset is None else Offset(offset.x, max(0, offset.y + by)) for offset in selection
    )
    return Selection(start, end)
