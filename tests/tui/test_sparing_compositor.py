"""A picture of what changed is the same, and asks only those for their lines who show some of it."""

from __future__ import annotations

import random

import pytest
from textual.app import App, ComposeResult
from textual.containers import Horizontal, Vertical
from textual.geometry import Region
from textual.screen import Screen
from textual.strip import Strip
from textual.widgets import Static

from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.sparing_compositor import SparingCompositor
from piplan_tui.tui.thrifty_app import places_of_chops

pytestmark = pytest.mark.anyio

WIDTH, HEIGHT = 40, 12


class Said(Static):
    """Counts the lines that it was asked for."""

    asked = 0

    def render_lines(self, crop: Region) -> list[Strip]:
        self.asked += crop.height
        return super().render_lines(crop)


class Layered(FocusInSight[None]):
    CSS = """
    Layered { layers: below above; }
    Vertical { border: round white; width: 1fr; }
    Said { height: 1fr; }
    #over { layer: above; width: 13; height: 5; offset: 14 3; background: red; }
    """

    def compose(self) -> ComposeResult:
        with Horizontal():
            with Vertical():
                yield Said("left\n" * 6, id="left")
                yield Said("lower", id="lower")
            with Vertical():
                yield Said("right\n" * 9, id="right")
        yield Said("over\n" * 5, id="over")


class Panes(App[None]):
    def get_default_screen(self) -> Screen[None]:
        return Layered()


@pytest.mark.parametrize("seed", range(8))
async def test_any_part_of_the_screen_is_drawn_as_it_is_in_the_whole(seed: int) -> None:
    chance = random.Random(seed)
    app = Panes()
    async with app.run_test(size=(WIDTH, HEIGHT)):
        compositor = app.screen._compositor
        assert isinstance(compositor, SparingCompositor)
        whole = [strip.text for strip in compositor.render_strips()]
        for _ in range(50):
            regions = set()
            for _ in range(chance.randint(1, 4)):
                x, y = chance.randrange(WIDTH), chance.randrange(HEIGHT)
                width, height = chance.randint(1, WIDTH - x), chance.randint(1, HEIGHT - y)
                regions.add(Region(x, y, width, height))
            compositor._dirty_regions = set(regions)
            update = compositor.render_partial_update()
            assert update is not None
            drawn: set[tuple[int, int]] = set()
            for y, x, strips in places_of_chops(update):
                text = "".join(strip.text for strip in strips)
                assert text == whole[y][x : x + len(text)]
                drawn |= {(y, x + at) for at in range(len(text))}
            wanted = {(y, x) for r in regions for y in range(r.y, r.bottom) for x in range(r.x, r.right)}
            assert wanted <= drawn


async def test_only_lines_that_are_drawn_are_asked_for() -> None:
    app = Panes()
    async with app.run_test(size=(WIDTH, HEIGHT)):
        said = {widget.id: widget for widget in app.screen.query(Said)}
        left, lower = said["left"], said["lower"]
        compositor = app.screen._compositor
        for widget in said.values():
            widget.asked = 0
        # the smallest box around these two has the other half of the screen in it
        compositor._dirty_regions = {
            Region(left.region.x, left.region.y, 3, 1),
            Region(WIDTH - 2, lower.region.y, 1, 1),
        }
        compositor.render_partial_update()
        assert left.asked == 1
        assert lower.asked == 0
