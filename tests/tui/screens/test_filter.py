"""Showing only steps in some states."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.run import events as ev
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.column_headings import ColumnHeadings
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on, deck, step

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def shown(
    run: RunDouble, size: tuple[int, int] = (80, 24)
) -> AsyncIterator[tuple[Pilot[Any], RunScreen]]:
    app = app_on(run)
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        yield pilot, app.screen


def steps_of(screen: RunScreen) -> list[str]:
    return [row.step.id for row in screen.run_tree.rows if row.step is not None]


def lines(screen: RunScreen) -> list[str]:
    tree = screen.run_tree
    return [tree.render_line(y).text.strip() for y in range(tree.size.height)]


async def test_failed_steps_are_not_mixed_with_blocked_ones() -> None:
    async with shown(deck(asking=False)) as (pilot, screen):
        await pilot.press("f", "f", "f")
        assert steps_of(screen) == ["interviews"]
        assert screen.run_tree.selected_step is screen.state.steps["interviews"]
        await pilot.press("f")
        assert steps_of(screen) == ["survey", "check-audience", "check-numbers", "synthesize"]
        assert screen.run_tree.selected_step is not None
        assert screen.run_tree.selected_step.status == "blocked"


@pytest.mark.parametrize("size", [(30, 8), (40, 12), (80, 24), (120, 40)])
async def test_escape_clears_the_filter_before_all_else_and_the_chip_says_so(size: tuple[int, int]) -> None:
    async with shown(deck(asking=False), size) as (pilot, screen):
        line = screen.query_one(ColumnHeadings)
        assert line.display is (size[1] >= 16), "a short screen has no row for headings"
        assert "only" not in str(line.render())
        await pilot.press("f", "f", "f")
        assert line.display
        assert line.region.height == 1
        said = str(line.render())
        assert said.split("clears")[0].strip() == (
            "only failed · Esc" if size[0] == 30 else "filter: only failed · Esc"
        )
        assert len(said) <= size[0]
        assert ("tokens" in said) is (size[0] >= 80), "the filter goes before the columns"
        await pilot.press("escape")
        assert "only" not in str(line.render())
        assert len(steps_of(screen)) > 5
        assert pilot.app.screen is screen


async def test_nothing_matches_is_said() -> None:
    async with shown(deck(asking=False)) as (pilot, screen):
        await pilot.press("f", "f")
        assert lines(screen)[0] == "No step needs you now"
        assert steps_of(screen) == []
        assert screen.run_tree.selected is None
        await pilot.press("j", "escape")
        assert len(steps_of(screen)) > 5


async def test_what_the_cursor_keeps_in_sight_does_not_look_as_if_it_matched() -> None:
    run = RunDouble([step("one", "One"), step("two", "Two")])
    run.emit(ev.RunStarted())
    run.started("one")
    run.started("two")
    async with shown(run) as (pilot, screen):
        await pilot.press("g", "f")
        assert steps_of(screen) == ["one", "two"]
        run.completed("one", "Done.")
        screen.run_tree.flush()
        assert "no longer running" in lines(screen)[0]
        await pilot.press("j")
        assert steps_of(screen) == ["two"]


async def test_follow_does_not_bring_in_what_the_filter_hides() -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        await pilot.press("f", "f", "f")
        screen.run_tree.follow = True
        run.tool("pricing", "bash", "ls", call_id="c9")
        run.later(1)
        run.completed("competitors")
        screen.run_tree.flush()
        assert steps_of(screen) == ["interviews"]
        screen.run_tree.select_step("pricing")
        assert screen.run_tree.outline.filter == "all"
