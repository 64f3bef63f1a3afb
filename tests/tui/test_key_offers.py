"""The key bar names keys that do something where the focus is, and says what they do now."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.run import events as ev
from piplan_tui.tui.actions import BY_ID
from piplan_tui.tui.key_offers import Offer
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.plan import PlanScreen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.key_bar import KeyBar
from tests.tui.screens.test_run_screen import settle, shown, until
from tests.tui.screens.test_with_runtime import opened, plan
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import deck

pytestmark = pytest.mark.anyio
NARROW, WIDE = (80, 24), (120, 40)


def asking() -> RunDouble:
    return deck()


def running() -> RunDouble:
    return deck(asking=False)


def paused() -> RunDouble:
    run = deck(asking=False)
    run.emit(ev.RunPaused(reason="", by="user"))
    return run


def failed() -> RunDouble:
    run = deck(asking=False)
    for name in ("topic-choice", "pricing", "competitors"):
        run.completed(name)
    run.emit(ev.RunFailed(reason="1 step failed"))
    return run


def completed() -> RunDouble:
    run = deck(asking=False)
    for one in run.state.order:
        if one.status not in ("completed",):
            run.started(one.id)
            run.completed(one.id)
    run.emit(ev.RunCompleted())
    return run


STATES = (asking, running, paused, failed, completed)
WAYS: dict[str, tuple[str, ...]] = {
    "the tree": (),
    "the screen or pane of a step": ("enter",),
    "its attempts": ("6",),
    "the log": ("L",),
    "the timeline": ("t",),
    "the question": ("a",),
    "a search": ("slash",),
}


def on_screen(pilot: Pilot[Any]) -> ActionScreen:
    screen = pilot.app.screen
    assert isinstance(screen, ActionScreen)
    return screen


def offered(pilot: Pilot[Any]) -> dict[str, str]:
    """What is shown, by id: key and label."""
    return {offer.id: f"{offer.key} {offer.label}" for offer in on_screen(pilot).query_one(KeyBar).shown()}


def all_offered(pilot: Pilot[Any]) -> list[Offer]:
    return list(on_screen(pilot).query_one(KeyBar).offers)


@pytest.mark.parametrize("size", [NARROW, WIDE])
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("make", STATES)
async def test_every_key_that_is_named_does_what_it_says(
    make: Callable[[], RunDouble], way: str, size: tuple[int, int]
) -> None:
    async with shown(make(), size) as (pilot, run_screen):
        for name in ("scope", "pricing", "interviews", "survey"):
            run_screen.run_tree.select_step(name)
            await pilot.press(*WAYS[way])
            await settle(pilot)
            screen = on_screen(pilot)
            live = screen.active_bindings
            for offer in all_offered(pilot):
                action = BY_ID.get(offer.id)
                if action is not None:
                    assert action.refusal(screen.action_context()) == "", offer
                # these two are bound by Textual as well, and a search of the transcript goes before the log's
                if offer.id not in ("app.quit", "app.palette", "log.next_match"):
                    assert live[offer.pressed].binding.id == offer.id, offer
            while pilot.app.screen is not run_screen:
                await pilot.press("escape")
            await pilot.press("escape")
            await settle(pilot)


async def test_nothing_is_offered_that_the_selected_row_has_no_use_for() -> None:
    async with shown(completed(), WIDE) as (pilot, screen):
        screen.run_tree.select_step("scope")
        await settle(pilot)
        assert (
            not {"run.stop", "run.pause", "run.steer", "run.answer", "run.next_ask"} & offered(pilot).keys()
        )
        assert "run.next_failure" not in offered(pilot)


async def test_a_paused_run_is_resumed() -> None:
    async with shown(paused()) as (pilot, screen):
        screen.run_tree.select_step("scope")
        await settle(pilot)
        assert offered(pilot)["run.pause"] == "p resume"
        assert offered(pilot)["run.stop"] == "x stop run"


async def test_a_failed_row_is_retried_whatever_else_is_open() -> None:
    async with shown(asking()) as (pilot, screen):
        screen.run_tree.select_step("interviews")
        await settle(pilot)
        assert offered(pilot)["run.retry"] == "r retry"


async def test_a_run_that_failed_leads_to_its_failure() -> None:
    async with shown(failed()) as (pilot, screen):
        screen.run_tree.select_step("scope")
        await settle(pilot)
        assert offered(pilot)["run.next_failure"] == "E next failure"
        assert offered(pilot)["run.retry"] == "r retry"
        await pilot.press("E")
        await settle(pilot)
        assert screen.selected_id == "interviews"
        assert "run.next_failure" not in offered(pilot), "it is the only one"


@pytest.mark.parametrize("focus", ["form", "tabs"])
async def test_the_way_back_from_a_step_is_always_named(focus: str) -> None:
    async with shown(asking()) as (pilot, screen):
        screen.run_tree.select_step("topic-choice")
        await pilot.press("enter" if focus == "form" else "6")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DetailScreen)
        assert "Esc back" in offered(pilot).values()


async def test_where_the_focus_is_in_the_pane_the_keys_are_its_own() -> None:
    async with shown(running(), WIDE) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await settle(pilot)
        assert offered(pilot)["tree.down"] == "j/k move"
        for tab, scrolls in (("2", "transcript.down"), ("4", "text.down")):
            await pilot.press(tab)
            await until(pilot, lambda: screen.query_one(DetailPane).has_focus_within)
            await settle(pilot)
            assert offered(pilot)[scrolls] == "j/k scroll"
            assert offered(pilot)["detail.back"] == "Esc to the tree"
            assert "tree.down" not in offered(pilot)
            await pilot.press("escape")
            assert screen.run_tree.has_focus


async def test_matches_are_gone_through_only_after_a_search() -> None:
    async with shown(running()) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("L")
        await settle(pilot)
        assert "log.next_match" not in offered(pilot)
        assert offered(pilot)["transcript.unfold"] == "+ unfold"
        await pilot.press("slash", *"vendor", "enter")
        await settle(pilot)
        assert offered(pilot)["log.next_match"] == "n next match"


async def test_enter_starts_a_plan_and_opens_what_is_chosen_at_home(tmp_path: Path) -> None:
    async with opened(tmp_path, plan()) as (pilot, app):
        await until(pilot, lambda: isinstance(app.screen, PlanScreen) and app.screen.query(KeyBar))
        await until(pilot, lambda: offered(pilot).get("plan.start") == "Enter start")
    async with opened(tmp_path, None) as (pilot, app):
        await until(pilot, lambda: isinstance(app.screen, HomeScreen) and app.screen.query(KeyBar))
        await until(pilot, lambda: offered(pilot).get("home.open") == "Enter open")


async def test_a_click_on_a_key_of_a_widget_is_that_key() -> None:
    async with shown(running(), (200, 50)) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("2")
        await settle(pilot)
        bar = screen.query_one(KeyBar)
        at = str(bar.render()).index("/ find")
        await pilot.click(KeyBar, offset=(at, 0))
        await until(pilot, lambda: screen.query("SearchBar"))
        assert isinstance(screen, RunScreen)
