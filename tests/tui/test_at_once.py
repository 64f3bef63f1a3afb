"""What a key does is on the terminal before what else comes of it is worked out."""

from __future__ import annotations

import pytest
from rich.console import RenderableType
from textual import events
from textual.screen import Screen

from piplan_tui.tui import at_once
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.screens.run import RunScreen
from tests.tui.screens.test_run_screen import settle, shown
from tests.tui.support.scenes import deck

pytestmark = pytest.mark.anyio


@pytest.fixture
def happened(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """In order: `drawn` for every picture, `detail` for every time that what is about the row is worked out."""
    said: list[str] = []
    display, show_selected = PiplanApp._display, RunScreen.show_selected

    def drawing(app: PiplanApp, screen: Screen[object], picture: RenderableType | None) -> None:
        if picture is not None:
            said.append("drawn")
        display(app, screen, picture)

    def detailing(screen: RunScreen) -> None:
        said.append("detail")
        show_selected(screen)

    monkeypatch.setattr(PiplanApp, "_display", drawing)
    monkeypatch.setattr(RunScreen, "show_selected", detailing)
    return said


async def test_the_cursor_moves_before_the_detail_is_laid_out(happened: list[str]) -> None:
    async with shown(deck(), (120, 40)) as (pilot, screen):
        await settle(pilot)
        here = screen.run_tree.cursor
        happened.clear()
        await pilot.press("k")
        await settle(pilot)
        assert screen.run_tree.cursor == here - 1
        assert happened[:2] == ["drawn", "detail"]


async def test_of_many_keys_that_come_together_not_each_is_drawn(
    happened: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(at_once, "_LEAST_SECONDS", 60.0)
    async with shown(deck(), (120, 40)) as (pilot, screen):
        await pilot.press("g")
        await settle(pilot)
        happened.clear()
        for key in "jk" * 50:
            pilot.app.post_message(events.Key(key, key))
        await settle(pilot)
        assert screen.run_tree.cursor == 0
        assert 0 < happened.count("drawn") < 50
