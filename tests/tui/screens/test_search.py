"""Finding a step as it is typed."""

from __future__ import annotations

import pytest
from textual.widgets import Label

from piplan_tui.tui.screens.run import RunScreen
from tests.tui.support.scenes import app_on, deck

pytestmark = pytest.mark.anyio


async def test_the_line_of_the_search_counts_and_nothing_pops_up() -> None:
    app = app_on(deck(asking=False))
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        screen = app.screen
        assert isinstance(screen, RunScreen)
        screen.run_tree.select_step("scope")
        await pilot.press("slash", *"check")
        assert str(screen.query_one("#search-found", Label).render()) == "1/2"
        assert screen.selected_id == "check-audience"
        await pilot.press(*"zzz")
        assert str(screen.query_one("#search-found", Label).render()) == "no match"
        assert not list(app._notifications)
        await pilot.press("backspace", "backspace", "backspace", "enter")
        await pilot.press("n")
        assert screen.selected_id == "check-numbers"
        await pilot.press("n")
        assert screen.selected_id == "check-audience"
        await pilot.press("N")
        assert screen.selected_id == "check-numbers"
