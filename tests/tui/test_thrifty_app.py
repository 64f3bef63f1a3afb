"""What Textual has drawn, as places on the terminal."""

from __future__ import annotations

import pytest
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.strip import Strip
from textual.widgets import Static

from piplan_tui.tui.terminal_cells import TerminalCells
from piplan_tui.tui.thrifty_app import places_of_chops, places_of_layout

WIDTH, HEIGHT = 20, 4


class Panes(App[None]):
    CSS = "Vertical, Static { width: 10; height: 4; }"

    def compose(self) -> ComposeResult:
        # a pane of its own is not drawn at all while only the other one changes, but what lies behind both is
        with Horizontal():
            with Vertical():
                yield Static("left\nleft\nleft")
            with Vertical():
                yield Static("right", id="right")


class Terminal:
    """What a terminal shows that gets nothing but the differences."""

    def __init__(self) -> None:
        self.lines = [[" "] * WIDTH for _ in range(HEIGHT)]
        self._cells = TerminalCells()
        self._cells.resize(WIDTH, HEIGHT)

    def draw(self, y: int, x: int, strips: list[Strip]) -> None:
        for column, texts in self._cells.changes(y, x, strips):
            text = "".join(text for text, _ in texts)
            self.lines[y][column : column + len(text)] = text


@pytest.mark.anyio
async def test_a_change_in_one_pane_leaves_the_other_alone() -> None:
    app, terminal = Panes(), Terminal()
    async with app.run_test(size=(WIDTH, HEIGHT)) as pilot:
        compositor = app.screen._compositor
        for y, x, strips in places_of_layout(compositor.render_full_update()):
            terminal.draw(y, x, strips)
        for text in ("one", "one\ntwo", "one\n\nthree"):
            app.query_one("#right", Static).update(text)
            await pilot.pause()
            compositor._dirty_regions = {Region(10, 0, 10, HEIGHT)}
            update = compositor.render_partial_update()
            assert update is not None
            for y, x, strips in places_of_chops(update):
                terminal.draw(y, x, strips)
            shown = ["".join(line) for line in terminal.lines]
            assert shown == [strip.text for strip in compositor.render_strips()]
            assert shown[1].startswith("left")
