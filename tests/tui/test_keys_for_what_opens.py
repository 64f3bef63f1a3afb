"""Keys that come in one burst: what a field is opened for is typed into it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.typing import TypingDialog
from piplan_tui.tui.widgets.transcript_view import TranscriptView
from tests.tui.screens.test_home import a_run, opened, stored
from tests.tui.screens.test_run_screen import settle, shown, until
from tests.tui.support.scenes import deck

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def burst(pilot: Pilot[Any], *keys: str) -> None:
    """As a terminal gives them that was sent them at once."""
    for key in keys:
        pilot.app.post_message(events.Key(key, {"slash": "/", "colon": ":"}.get(key, key)))


def value(pilot: Pilot[Any]) -> str:
    return "".join(field.value for field in pilot.app.screen.query(Input))


async def test_a_search_gets_what_is_typed_right_after_its_key() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        burst(pilot, "j", "slash", *"pricing")
        await until(pilot, lambda: value(pilot) == "pricing")
        await until(pilot, lambda: screen.selected_id == "pricing")
        assert run.asked == []


@pytest.mark.parametrize(("step", "key"), [("pricing", "s"), ("pricing", "colon")])
async def test_dialogs_with_a_field_do(step: str, key: str) -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step(step)
        burst(pilot, key, *"xpq rest")
        await until(pilot, lambda: value(pilot) == "xpq rest")
        assert run.asked == []


async def test_an_edited_goal_does() -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("survey")
        burst(pilot, "e", *"xpq")
        await until(pilot, lambda: pilot.app.screen.query(TextArea))
        await until(pilot, lambda: pilot.app.screen.query_one(TextArea).text.endswith("xpq"))


async def test_a_menu_and_the_field_behind_it_do() -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("interviews")
        burst(pilot, "r", "g", *"xpq")
        await until(pilot, lambda: isinstance(pilot.app.screen, TypingDialog))
        await until(pilot, lambda: pilot.app.screen.query_one(TextArea).text.endswith("xpq"))
        assert run.asked == []


async def test_the_search_of_an_output_does() -> None:
    run = deck(asking=False)
    async with shown(run, (120, 40)) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("2")
        await settle(pilot)
        assert isinstance(pilot.app.focused, TranscriptView)
        burst(pilot, "slash", *"vendor")
        await until(pilot, lambda: value(pilot) == "vendor")


async def test_a_menu_gets_the_letter_that_is_typed_right_after_its_key() -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("interviews")
        burst(pilot, "r", "y")
        await until(pilot, lambda: run.asked)
        assert run.asked == [("retry", "interviews")]
        assert not isinstance(pilot.app.screen, ChoiceDialog)


async def test_nothing_is_held_when_nothing_opens() -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("outline")
        here = screen.run_tree.cursor
        burst(pilot, "e", "j")  # a step that was tried has no goal to edit
        await until(pilot, lambda: screen.run_tree.cursor == here + 1)
        assert "outline has been tried" in str(list(pilot.app._notifications)[-1].message)


async def test_the_filter_of_the_list_to_begin_with_does(tmp_path: Path) -> None:
    store = await stored(a_run("aaaa1111", title="A deck"), a_run("bbbb2222", title="Prices"))
    async with opened(tmp_path, store) as (pilot, app, rows):
        burst(pilot, "slash", *"prices")  # r is a command of the list
        await until(pilot, lambda: value(pilot) == "prices")
        await until(pilot, lambda: [row.run.title for row in rows.rows if row.run] == ["Prices"])
        assert isinstance(app.screen, HomeScreen)
