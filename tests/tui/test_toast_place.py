"""Notices hide nothing that is needed for the next key."""

from __future__ import annotations

from typing import Any

import pytest
from textual.geometry import Region
from textual.pilot import Pilot
from textual.widget import Widget
from textual.widgets._toast import Toast

from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.toast_place import HEADER_ROWS, MOST_ROWS, toast_rows
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.tui.support.scenes import AUDIENCE, app_on, deck
from tests.tui.test_sizes import settle

LONG = "interviews has not been tried yet, so there is nothing to retry in it; E goes to the step that failed"
SIZES = [(80, 24), (30, 8), (40, 10), (120, 40)]


@pytest.mark.parametrize("height", range(8, 40))
@pytest.mark.parametrize("in_list", [True, False])
def test_the_keys_and_what_is_needed_stay_in_sight_at_every_height(height: int, in_list: bool) -> None:
    first = 0 if height < 16 else HEADER_ROWS
    for row in range(HEADER_ROWS, height - 1):
        top, rows = toast_rows(range(row, row + 1), first, height, in_list=in_list)
        assert rows >= 2
        assert 0 <= top <= top + rows <= height - 1
        assert not top <= row < top + rows, (row, top, rows)


def test_it_is_under_the_header_unless_the_cursor_is_there() -> None:
    assert toast_rows(None, HEADER_ROWS, 24, in_list=True) == (HEADER_ROWS, MOST_ROWS)
    assert toast_rows(range(12, 13), HEADER_ROWS, 24, in_list=True) == (HEADER_ROWS, MOST_ROWS)
    assert toast_rows(range(3, 4), HEADER_ROWS, 24, in_list=True) == (4, MOST_ROWS)
    assert toast_rows(range(4, 6), HEADER_ROWS, 24, in_list=False) == (0, MOST_ROWS)


async def told(pilot: Pilot[Any], *notices: str) -> Region:
    """Where the notices are, once they are on the screen."""
    for notice in notices:
        pilot.app.notify(notice, markup=False)
    for _ in range(100):
        await pilot.pause()
        toasts = list(pilot.app.screen.query(Toast))
        if len(toasts) == len(notices) and all(toast.region.area for toast in toasts):
            break
    await settle(pilot)
    for toast in toasts:
        assert 0 <= toast.region.x < toast.region.right <= pilot.app.size.width
    return Region.from_union([shown(toast) for toast in toasts])


def shown(widget: Widget) -> Region:
    """What of a widget is on the screen."""
    found = widget.screen._compositor.visible_widgets.get(widget)
    if found is None:
        return Region()
    region, clip = found
    return region.intersection(clip).intersection(widget.screen.region)


@pytest.mark.anyio
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("row", [0, 2, 5, 9])
async def test_over_the_tree(size: tuple[int, int], row: int) -> None:
    app = app_on(deck(asking=False))
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        tree = app.screen.query_one(RunTree)
        tree.move_to(row)
        await settle(pilot)
        toast = await told(pilot, LONG)
        cursor = tree.content_region.y + tree.cursor - tree.scroll_offset.y
        assert toast.area
        assert not toast.y <= cursor < toast.bottom
        assert toast.bottom <= app.screen.query_one(KeyBar).region.y
        assert toast.width <= 60
        assert toast.height <= MOST_ROWS


@pytest.mark.anyio
@pytest.mark.parametrize("size", SIZES)
async def test_over_an_open_form(size: tuple[int, int]) -> None:
    run = deck(asking=False)
    run.asks("topic-choice", AUDIENCE)
    app = app_on(run)
    async with app.run_test(size=size, notifications=True) as pilot:
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        focused = app.screen.focused
        assert focused is not None
        toast = await told(pilot, LONG, "and another one")
        assert toast.area
        needed = [focused, app.screen.query_one(KeyBar), *app.screen.query("AskForm Button, .ask-hint")]
        for widget in needed:
            assert not toast.overlaps(shown(widget)), (widget, shown(widget), toast)


def lines(app: PiplanApp) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


@pytest.mark.anyio
async def test_a_sentence_is_whole_on_the_smallest_screen() -> None:
    app = app_on(deck(asking=False))
    async with app.run_test(size=(30, 8), notifications=True) as pilot:
        await settle(pilot)
        said = "no step failed or was stopped, so there is nothing to retry"
        await told(pilot, said)
        seen = " ".join(line.strip(" \u258c") for line in lines(app))
        assert said in " ".join(seen.split())
