"""What is written is what changed, and nothing is forgotten."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from piplan_tui.tui.terminal_cells import TerminalCells

WIDTH = 24
STYLES = [Style(), Style(bold=True), Style(color="red", bgcolor="black")]
texts = st.text(st.sampled_from("ab c─✓日本👩é"), max_size=8)
pictures = st.lists(st.tuples(texts, st.sampled_from(STYLES)), max_size=6)


def strip_of(pieces: list[tuple[str, Style]]) -> Strip:
    return Strip([Segment(text, style) for text, style in pieces if text]).adjust_cell_length(
        WIDTH, STYLES[0]
    )


class Grid:
    """A terminal of one line: each cell has the text that covers it, and its style."""

    def __init__(self) -> None:
        self.cells: list[tuple[str, Style | None]] = [("?", None)] * WIDTH
        self.written = 0

    def write(self, x: int, pieces: list[tuple[str, Style | None]]) -> None:
        for text, style in pieces:
            for char in text:
                width = cell_len(char)
                self.written += width
                for offset in range(width):
                    self.cells[x + offset] = (char if not offset else "", style)
                x += width


def drawn(strip: Strip) -> list[tuple[str, Style | None]]:
    grid = Grid()
    grid.write(0, [(segment.text, segment.style) for segment in strip])
    return grid.cells


@given(st.lists(pictures, min_size=1, max_size=6))
def test_the_terminal_shows_every_picture(sequence: list[list[tuple[str, Style]]]) -> None:
    cells, grid = TerminalCells(), Grid()
    cells.resize(WIDTH, 1)
    for pieces in sequence:
        strip = strip_of(pieces)
        for x, run in cells.changes(0, 0, [strip]):
            grid.write(x, run)
        assert grid.cells == drawn(strip)
        assert list(cells.changes(0, 0, [strip])) == [], "the same picture again costs nothing"


def runs(cells: TerminalCells, x: int, text: str, style: Style = STYLES[0]) -> list[tuple[int, str]]:
    found = cells.changes(0, x, [Strip([Segment(text, style)])])
    return [(at, "".join(piece for piece, _ in pieces)) for at, pieces in found]


def test_only_cells_that_differ_are_written() -> None:
    cells = TerminalCells()
    cells.resize(40, 1)
    assert runs(cells, 0, "⠋ outline      working   0:09") == [(0, "⠋ outline      working   0:09")]
    assert runs(cells, 0, "⠙ outline      working   0:10") == [(0, "⠙"), (27, "10")]
    assert runs(cells, 25, "0:11") == [(28, "1")]
    assert runs(cells, 25, "0:11", STYLES[1]) == [(25, "0:11")], "another style is a change"


def test_what_is_not_known_is_written_again() -> None:
    cells = TerminalCells()
    cells.resize(10, 1)
    assert runs(cells, 0, "abc")
    cells.resize(10, 1)
    assert not runs(cells, 0, "abc")
    cells.forget()
    cells.resize(10, 1)
    assert runs(cells, 0, "abc") == [(0, "abc")]
    cells.resize(12, 2)
    assert runs(cells, 0, "abc") == [(0, "abc")]


def test_what_a_terminal_does_not_show_is_no_change() -> None:
    cells = TerminalCells()
    cells.resize(10, 1)
    assert runs(cells, 0, "abc", Style(meta={"offset": (0, 1)}))
    assert not runs(cells, 0, "abc", Style(meta={"offset": (0, 2)}))
