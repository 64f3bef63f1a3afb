"""Where to break a line so that it fits a width in terminal cells."""

from __future__ import annotations

from rich.cells import cell_len, set_cell_size, split_graphemes


def soft_wrap(text: str, width: int) -> list[tuple[int, int]]:
    """The rows of `text` as `(start, end)` slices of it, each at most `width` (at least 2) cells wide.

    Breaks at spaces, which are then part of no row, and beside wide (CJK) characters; a word that is too long
    is cut. Never splits a grapheme. Always gives at least one row. A zero-width joiner that joins nothing (at the
    start of the text, or after another one) has no width of its own that could be relied on: a row with one may
    be a cell too wide, and is cropped when it is drawn.
    """
    width = max(2, width)
    if text.isascii():
        return [(0, len(text))] if len(text) <= width else _wrap_narrow(text, width)
    return _wrap_graphemes(text, width)


def _wrap_narrow(text: str, width: int) -> list[tuple[int, int]]:
    rows = []
    start, length = 0, len(text)
    while length - start > width:
        end = text.rfind(" ", start, start + width + 1)
        # a break inside the indentation would leave an empty row
        if end <= start or text[start:end].isspace():
            end = after = start + width
        else:
            after = end + 1
        rows.append((start, end))
        start = after
    rows.append((start, length))
    return rows


def _wrap_graphemes(text: str, width: int) -> list[tuple[int, int]]:
    graphemes, cells = split_graphemes(text)
    if cells <= width:
        return [(0, len(text))]
    rows = []
    row_start = row_start_cells = position = 0
    end = after = after_cells = -1
    was_wide = False
    for start, stop, size in graphemes:
        is_space = text[start:stop] == " "
        if is_space:
            end, after, after_cells = start, stop, position + size
        elif (size == 2 or was_wide) and start > row_start:
            end, after, after_cells = start, start, position
        if position + size - row_start_cells > width and start > row_start:
            if end <= row_start or text[row_start:end].isspace():
                end, after, after_cells = start, start, position
            rows.append((row_start, end))
            row_start, row_start_cells = after, after_cells
            end = -1
        position += size
        was_wide = size == 2
    rows.append((row_start, len(text)))
    return rows


def clip(text: str, width: int) -> str:
    """`text` in at most `width` cells; an ellipsis stands for what is cut off."""
    if cell_len(text) <= width:
        return text
    return set_cell_size(text, width - 1).rstrip() + "…" if width > 1 else "…"[:width]
