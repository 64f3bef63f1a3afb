"""From a run that goes on to the list of all runs, to another one and back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, Static

from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.leaving import TuiResult
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.plan import PlanScreen
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.home_list import HomeList
from piplan_tui.tui.widgets.run_header import RunHeader
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.tui.screens.test_with_runtime import on_run, opened, plan, until

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def titles(app: PiplanApp) -> list[str]:
    return [row.run.title for row in app.screen.query_one(HomeList).rows if row.run]


def home_title(app: PiplanApp) -> str:
    return str(app.screen.query_one("#home-title", Static).render())


def at_home(app: PiplanApp) -> bool:
    return isinstance(app.screen, HomeScreen) and bool(app.screen.query(HomeList))


def go_to(app: PiplanApp, what: str) -> None:
    rows = app.screen.query_one(HomeList)
    named = [row.run.title if row.run else row.plan.title if row.plan else "" for row in rows.rows]
    rows.move_to(named.index(what))


async def test_home_and_back_while_a_run_waits(tmp_path: Path) -> None:
    async with opened(tmp_path, plan(ask=True), auto_start=True) as (pilot, app):
        await until(pilot, lambda: on_run(app) and app.screen.query(AskPanel))
        screen = app.screen
        screen.query_one(RunTree).move_to(1)
        await pilot.press("H")
        await until(pilot, lambda: at_home(app) and titles(app) == ["Two steps"])
        assert "1 run goes on here" in home_title(app)
        await pilot.press("H")
        assert isinstance(app.screen, HomeScreen), "there is nothing further up"
        go_to(app, "Two steps")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        assert screen.query_one(RunTree).cursor == 1, "as it was left"
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen.focused, Input))
        await pilot.press(*"seed", "enter")
        await until(pilot, lambda: app.run_shown and app.run_shown.state.ended)
        await pilot.press("escape", "escape")
        await until(pilot, lambda: at_home(app))
        assert not screen.is_attached, "what has ended is not kept"


async def test_a_run_goes_on_while_home_is_shown(tmp_path: Path) -> None:
    async with opened(tmp_path, plan(), auto_start=True) as (pilot, app):
        await until(pilot, lambda: on_run(app))
        await pilot.press("H")
        await until(pilot, lambda: app.run_shown and app.run_shown.state.status == "completed")


async def second_plan(folder: Path) -> None:
    document = {**plan(ask=True, title="Another plan"), "id": "another"}
    (folder / "another.json").write_text(json.dumps(document))


async def test_a_question_of_a_run_that_is_not_shown_is_told(tmp_path: Path) -> None:
    await second_plan(tmp_path)
    rung: list[int] = []
    async with opened(tmp_path, plan(ask=True), auto_start=True, size=(100, 30)) as (pilot, app):
        await until(pilot, lambda: on_run(app) and app.screen.query(AskPanel))
        await pilot.press("H")
        await until(pilot, lambda: at_home(app) and "Two steps" in titles(app))
        app.bell = lambda: rung.append(1)  # type: ignore[method-assign]  # listens to it
        go_to(app, "Another plan")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and app.screen._can_start)
        await pilot.press("enter")
        await until(pilot, lambda: on_run(app) and app.run_shown and app.run_shown.state.asks)
        await until(pilot, lambda: rung)
        header = app.screen.query_one(RunHeader)
        await until(pilot, lambda: "1 elsewhere" in str(header.render()))
        await pilot.press("H")
        await until(pilot, lambda: at_home(app) and len(titles(app)) == 2)
        assert "2 runs go on here" in home_title(app)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        body = str(app.screen.query_one("#dialog-body", Static).render())
        assert "Two steps: 0 of 2 steps are done, 1 to answer" in body
        assert "Another plan: 0 of 2 steps are done, 1 to answer" in body
        runs = app.own.all
        await pilot.press("l")
        await pilot.pause()
        assert app.return_value == TuiResult(runs[1], "left", others=(runs[0],))


async def test_stopping_stops_them_all(tmp_path: Path) -> None:
    await second_plan(tmp_path)
    async with opened(tmp_path, plan(ask=True), auto_start=True, size=(100, 30)) as (pilot, app):
        await until(pilot, lambda: on_run(app) and app.screen.query(AskPanel))
        app.do_home()
        await until(pilot, lambda: at_home(app) and "Two steps" in titles(app))
        go_to(app, "Another plan")
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and app.screen._can_start)
        await pilot.press("enter")
        await until(pilot, lambda: on_run(app) and app.run_shown and app.run_shown.state.asks)
        await pilot.press("q")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("R")
        await until(pilot, lambda: app.return_value)
        assert [run.state.status for run in app.own.all] == ["cancelled", "cancelled"]


async def test_home_from_the_screen_of_a_step(tmp_path: Path) -> None:
    async with opened(tmp_path, plan(ask=True), auto_start=True) as (pilot, app):
        await until(pilot, lambda: on_run(app) and app.screen.query(AskPanel))
        screen: Any = app.screen
        screen.run_tree.select_step("second")
        screen.run_tree.focus()
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, DetailScreen))
        await pilot.press("H")
        await until(pilot, lambda: at_home(app) and "Two steps" in titles(app))
        go_to(app, "Two steps")
        await pilot.press("enter")
        await until(pilot, lambda: app.screen is screen)
        await until(pilot, lambda: screen.query(AskPanel))
        await pilot.press("escape")
        await until(pilot, lambda: not screen.query(AskPanel))
        await pilot.press("escape")
        await until(pilot, lambda: at_home(app))
