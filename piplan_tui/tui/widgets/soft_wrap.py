"""Where to break a line so that it fits a width in terminal cells."""

from __future__ import annotations

from rich.cells import cell_len, split_graphemes

Grapheme = tuple[int, int, int]
"""Characters from, to, and how many cells they take."""
_JOINS_NOTHING = "\u200d\ufe0f"
_PER_CELL = 32
"""Characters in a cell at most: marks upon marks are cut off."""
_FLAG_LETTERS = range(0x1F1E6, 0x1F200)


def graphemes(text: str) -> list[Grapheme]:
    """What a reader sees as one character, without a gap between them. Flags stay whole, and what joins nothing
    at the start of the text belongs to what follows it."""
    start = len(text) - len(text.lstrip(_JOINS_NOTHING))
    found: list[Grapheme] = []
    flag_open = False
    for left, right, cells in split_graphemes(text[start:])[0]:
        is_flag_letter = ord(text[start + left]) in _FLAG_LETTERS
        if is_flag_letter and flag_open:
            before = found[-1]
            found[-1] = (before[0], start + right, before[2] + cells)
            flag_open = False
        else:
            found.append((start + left if found else 0, start + right, cells))
            flag_open = is_flag_letter
    return found or [(0, len(text), 0)]


def soft_wrap(text: str, width: int) -> list[tuple[int, int]]:
    """The rows of `text` as `(start, end)` slices of it, each at most `width` (at least 2) cells wide.

    Breaks at spaces, which are then part of no row, and beside wide (CJK) characters; a word that is too long
    is cut. Never splits a grapheme. Always gives at least one row.
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
    pieces = graphemes(text)
    if sum(cells for _, _, cells in pieces) <= width:
        return [(0, len(text))]
    rows = []
    row_start = row_start_cells = position = 0
    end = after = after_cells = -1
    was_wide = False
    for start, stop, size in pieces:
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
    if width <= 1:
        return "…"[:width]
    if text.isascii():
        return text[: width - 1].rstrip() + "…"
    end = room = 0
    # a grapheme without cells takes no room, but a line of nothing else must not be measured to its end
    for _, stop, cells in graphemes(text[: _PER_CELL * width]):
        room += cells
        if room > width - 1:
            break
        end = stop
    return text[:end].rstrip() + "…"
