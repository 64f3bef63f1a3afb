"""The timeline: a cursor on its rows, the way to a step, the critical path told by a sign, room on small screens."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.run import events as ev
from piplan_tui.tui.screens import timeline
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.timeline import TimelineScreen
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.timeline_view import TimelineView
from tests.tui.screens.test_run_screen import settle, shown
from tests.tui.support.scenes import deck

pytestmark = pytest.mark.anyio


def lines(pilot: Pilot[Any]) -> list[str]:
    return [strip.text for strip in pilot.app.screen._compositor.render_strips()]


async def opened(pilot: Pilot[Any]) -> TimelineView:
    await pilot.press("t", "plus")
    await settle(pilot)
    return pilot.app.screen.query_one(TimelineView)


async def test_enter_opens_the_step_under_the_cursor() -> None:
    async with shown(deck(asking=False)) as (pilot, screen):
        view = await opened(pilot)
        assert view.selected
        assert view.selected.key == ("Scope", ""), "phases stand above their steps"
        await pilot.press("j")
        assert view.selected.key == ("Scope", "scope")
        await pilot.press("G", "k", "k", "k", "g", "j", "j", "j")
        assert view.selected.key == ("Research", "outline")
        assert sum(line.startswith(">") for line in lines(pilot)) == 1
        await pilot.press("enter")
        await settle(pilot)
        assert screen.selected_id == "outline"
        assert isinstance(pilot.app.screen, DetailScreen)


async def test_beside_the_tree_the_step_opens_in_the_pane() -> None:
    async with shown(deck(asking=False), (120, 40)) as (pilot, screen):
        await opened(pilot)
        await pilot.press("j", "enter")
        await settle(pilot)
        assert pilot.app.screen is screen
        assert screen.selected_id == "scope"
        assert screen.query_one(DetailPane).has_focus_within


async def test_the_cursor_stays_on_its_phase_when_steps_are_folded() -> None:
    async with shown(deck(asking=False)) as (pilot, _):
        view = await opened(pilot)
        await pilot.press("j", "j", "j", "minus")
        assert view.selected
        assert view.selected.key == ("Research", "")
        await pilot.press("enter")
        assert not view.shows_phases, "Enter on a phase shows its steps"


async def test_steps_on_the_critical_path_have_a_sign() -> None:
    async with shown(deck(asking=False)) as (pilot, _):
        view = await opened(pilot)
        assert {"scope"} < view.critical
        marked = {line.split()[1] for line in lines(pilot) if line[2:3] == "*"}
        assert marked == view.critical
        assert any("* critical path" in line for line in lines(pilot))


@pytest.mark.parametrize("size", [(30, 8), (30, 10)])
async def test_the_smallest_screens_have_room_for_rows(size: tuple[int, int]) -> None:
    async with shown(deck(asking=False), size) as (pilot, _):
        await pilot.press("t")
        await settle(pilot)
        assert isinstance(pilot.app.screen, TimelineScreen)
        rows = [line for line in lines(pilot) if "Scope" in line or "Research" in line or "Verify" in line]
        assert len(rows) >= 3


async def test_the_more_steps_there_are_the_more_rarely_all_are_looked_at(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, _):
        await opened(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, TimelineScreen)
        drawn: list[TimelineView] = []
        monkeypatch.setattr(TimelineView, "update_bars", lambda view: drawn.append(view))
        screen.run_changed()
        assert len(drawn) == 1
        monkeypatch.setattr(timeline, "_STEPS_PER_SECOND", 1e-9)
        screen.run_changed()
        assert len(drawn) == 1
        run.emit(ev.RunCancelled(reason="enough"))
        screen.run_changed()
        assert len(drawn) >= 2, "nothing else comes after the end"
