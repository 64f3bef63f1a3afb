"""Lines that were drawn once are not drawn again, and never shown where something else is to be seen."""

from __future__ import annotations

import pytest
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.geometry import Size
from textual.strip import Strip

from piplan_tui.tui.widgets.known_lines import KnownLines

pytestmark = pytest.mark.anyio

HEIGHT = 10


class Numbers(KnownLines):
    """Line `n` says `words[n]`; those that say `live` are never known."""

    DEFAULT_CSS = "Numbers { padding: 1 2; }"

    def __init__(self) -> None:
        super().__init__()
        self.words = [f"line {number}" for number in range(100)]
        self.drawn: list[str] = []

    def on_mount(self) -> None:
        self.virtual_size = Size(20, len(self.words))

    def line_key(self, y: int) -> str | None:
        word = self.words[y + self.scroll_offset.y]
        return None if word == "live" else word

    def render_line(self, y: int) -> Strip:
        word = self.words[y + self.scroll_offset.y]
        self.drawn.append(word)
        return Strip([Segment(word.ljust(20))])


class NumbersApp(App[None]):
    def compose(self) -> ComposeResult:
        yield Numbers()


def texts(app: App[None]) -> list[str]:
    return [strip.text.strip() for strip in app.screen._compositor.render_strips()[1:-1]]


async def test_scrolling_draws_only_what_comes_into_sight() -> None:
    app = NumbersApp()
    async with app.run_test(size=(30, HEIGHT)) as pilot:
        view = app.query_one(Numbers)
        await pilot.pause()
        view.drawn.clear()
        view.scroll_to(y=3, animate=False)
        await pilot.pause()
        assert view.drawn == ["line 8", "line 9", "line 10"]
        assert [line.split()[1] for line in texts(app)] == [str(n) for n in range(3, 11)]
        view.drawn.clear()
        view.scroll_to(y=0, animate=False)
        await pilot.pause()
        assert view.drawn == []
        assert [line.split()[1] for line in texts(app)] == [str(n) for n in range(8)]


async def test_a_line_that_changes_is_drawn() -> None:
    app = NumbersApp()
    async with app.run_test(size=(30, HEIGHT)) as pilot:
        view = app.query_one(Numbers)
        view.words[2], view.words[4] = "changed", "live"
        for _ in range(2):
            view.drawn.clear()
            view.refresh()
            await pilot.pause()
        assert view.drawn == ["live"]
        assert texts(app)[2] == "changed"


@pytest.mark.parametrize("change", ["theme", "size", "style"])
async def test_nothing_is_known_any_more_when_all_looks_different(change: str) -> None:
    app = NumbersApp()
    async with app.run_test(size=(30, HEIGHT)) as pilot:
        view = app.query_one(Numbers)
        await pilot.pause()
        view.drawn.clear()
        if change == "theme":
            app.theme = "textual-light"
        elif change == "size":
            await pilot.resize_terminal(40, HEIGHT)
        else:
            view.styles.background = "red"
        await pilot.pause()
        assert {f"line {n}" for n in range(8)} <= set(view.drawn)
