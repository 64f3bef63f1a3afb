"""The last thing between what is drawn and the terminal.

Text is cleaned where it comes in; this filter makes sure for every widget, also those of Textual, titles and
notifications. The other one draws everything in ASCII.
"""

from __future__ import annotations

from collections.abc import Callable

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

from piplan_tui.clean import clean_text
from piplan_tui.tui.widgets.soft_wrap import graphemes
from piplan_tui.views.formatting import ASCII_GLYPHS, GLYPHS, SPINNER


def _replaced(
    segments: list[Segment], is_fine: Callable[[str], bool], replace: Callable[[str], str]
) -> list[Segment]:
    """The line with other text where it is not fine; most lines are, and stay what they are."""
    if all(is_fine(segment.text) for segment in segments):
        return segments
    return [
        segment if segment.control or is_fine(segment.text) else Segment(replace(segment.text), segment.style)
        for segment in segments
    ]


class CleanFilter(LineFilter):
    """No escape sequence or control character reaches the terminal as text."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return _replaced(segments, str.isprintable, _cleaned)


def _cleaned(text: str) -> str:
    clean = clean_text(text, keep_newlines=False)
    missing = cell_len(text) - cell_len(clean)
    return clean + " " * missing if missing > 0 else clean


_ASCII: dict[int, str] = {
    **{ord(char): ASCII_GLYPHS["running"] for char in SPINNER},
    **{ord(GLYPHS[status]): ASCII_GLYPHS[status] for status in GLYPHS},
    **dict.fromkeys(map(ord, "─━═╌┄▁▔▀▄"), "-"),
    **dict.fromkeys(map(ord, "│┃║╎▌▐▎▏▊▕┆"), "|"),
    **dict.fromkeys(map(ord, "┌┐└┘├┤┬┴┼╭╮╯╰╔╗╚╝┏┓┗┛"), "+"),
    **dict.fromkeys(map(ord, "█▓▇▆▅▉▋"), "#"),
    **dict.fromkeys(map(ord, "░▒▂▃"), ":"),
    ord("…"): "~",
    ord("·"): "-",
    ord("•"): "*",
    ord("▸"): "+",
    ord("▾"): "-",
    ord("→"): ">",
    ord("←"): "<",
    ord("↑"): "^",
    ord("↓"): "v",
    ord("—"): "-",
    ord("–"): "-",
    ord("“"): '"',
    ord("”"): '"',
    ord("‘"): "'",
    ord("’"): "'",
    ord("\u00a0"): " ",
}


class AsciiFilter(LineFilter):
    """Every cell that is not ASCII becomes one that is; widths stay."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        return _replaced(segments, str.isascii, to_ascii)


def to_ascii(text: str) -> str:
    """`text` in as many cells, all of them ASCII; what has no likeness is `?`."""
    text = text.translate(_ASCII)
    if text.isascii():
        return text
    pieces = ((text[start:end], cells) for start, end, cells in graphemes(text))
    return "".join(piece if piece.isascii() else "?" * cells for piece, cells in pieces)
