"""What stands where a step would be shown while the cursor is on a phase, or on a step that says nothing yet."""

from __future__ import annotations

from datetime import timedelta

import pytest
from textual.widgets import Static

from piplan_tui.run import events as ev
from piplan_tui.tui.phase_detail import phase_lines
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.tab_bar import TabBar
from tests.tui.screens.test_run_screen import said, settle, shown
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import deck, step


def test_a_phase_says_how_its_steps_stand_who_asks_and_what_failed() -> None:
    run = deck()
    text = "".join(span.text for span in phase_lines(run.state, run.state.phases["Research"], run.now()))
    assert "✗ 1 failed" in text
    assert "? topic-choice  Which audience should the deck target? (for 3m12s)" in text
    assert "✗ interviews  429 rate limit" in text
    assert "18.6k tokens" in text
    assert "survey" in text


def test_a_phase_that_stands_still_grows_no_older() -> None:
    run = RunDouble([step("first", "First", "Only"), step("second", "Second", "Only")])
    run.emit(ev.RunStarted())
    run.started("first")
    run.later(60).completed("first")
    phase = run.state.phases["Only"]
    text = "".join(span.text for span in phase_lines(run.state, phase, run.now() + timedelta(hours=1)))
    assert "\n1m00s" in text


@pytest.mark.anyio
async def test_the_pane_shows_the_phase_under_the_cursor() -> None:
    async with shown(deck(asking=False), (120, 40)) as (pilot, screen):
        await pilot.press("g")
        await settle(pilot)
        pane = screen.query_one(DetailPane)
        assert "1 Scope" in str(pane.query_one("#detail-title", Static).render())
        assert "1 completed" in str(pane.query_one("#text-body", Static).render())
        assert not pane.query_one(TabBar).display
        await pilot.press("2")
        assert "Select a step first" in said(pilot.app)[-1]  # type: ignore[arg-type]  # it is the app of this package
        screen.run_tree.select_step("survey")
        await settle(pilot)
        assert pane.query_one(TabBar).display


@pytest.mark.anyio
async def test_the_pane_stays_on_its_phase_when_the_run_is_taken_over() -> None:
    async with shown(deck(asking=False), (120, 40)) as (pilot, screen):
        await pilot.press("g")
        await settle(pilot)
        pane = screen.query_one(DetailPane)
        again = deck(asking=False)
        pane.use(again)  # type: ignore[arg-type]  # a double of a run
        assert pane.phase is again.state.phases["Scope"]
        assert "1 Scope" in str(pane.query_one("#detail-title", Static).render())


@pytest.mark.anyio
async def test_the_output_of_a_step_that_waits_says_why_there_is_none() -> None:
    async with shown(deck(asking=False), (120, 40)) as (pilot, screen):
        screen.run_tree.select_step("survey")
        await pilot.press("2")
        await settle(pilot)
        text = str(screen.query_one("#text-body", Static).render())
        assert text.startswith("Nothing was said yet.")
        assert "survey needs topic-choice" in text or "survey is blocked by interviews" in text
