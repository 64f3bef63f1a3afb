"""Where the caret is when a field is entered, and what a form says while the focus is elsewhere."""

from __future__ import annotations

from typing import Any

import pytest
from textual.command import CommandPalette
from textual.pilot import Pilot
from textual.widgets import Input, OptionList, Static, TextArea

from piplan_tui.run import events as ev
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.ask_panel import AskPanel
from tests.tui.screens.test_run_screen import settle, shown, until
from tests.tui.support.run_double import RunDouble
from tests.tui.widgets.test_ask_panel import COLOUR, NAME, asking

pytestmark = pytest.mark.anyio

TEXTS = {
    "message": "Texts?",
    "fields": [
        {"name": "line", "type": "text", "default": "as before"},
        {"name": "block", "type": "multiline"},
        {"name": "data", "type": "json"},
        {"name": "file", "type": "path"},
        {"name": "many", "type": "path", "path": {"multiple": True}},
        {"name": "other", "type": "choice", "allowOther": True, "options": [{"value": "r"}]},
    ],
}
DRAFT = {
    "line": "half",
    "block": "one\ntwo",
    "data": "[1,\n2]",
    "file": "a/b",
    "many": ["c", "d"],
    "other": "own",
}
BUDGET = {"message": "Budget?", "fields": [{"name": "tokens", "type": "integer", "default": 600}]}


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


async def _answer(pilot: Pilot[Any]) -> None:
    await pilot.press("g", "a")
    await until(pilot, lambda: pilot.app.screen.query_one("AskForm").has_focus_within)


def _hint(screen: RunScreen) -> str:
    return str(screen.query_one(".ask-hint", Static).render())


async def test_a_draft_is_gone_on_with_at_its_end() -> None:
    run = asking(TEXTS)
    run.drafts["ask-a"] = dict(DRAFT)
    async with shown(run) as (pilot, screen):
        await _answer(pilot)
        fields: list[Any] = list(screen.query("AskForm Input, AskForm TextArea"))
        texts = []
        for field in fields:
            field.focus()
            await pilot.press("X")
            texts.append(field.text if isinstance(field, TextArea) else field.value)
        assert texts == ["halfX", "one\ntwoX", "[1,\n2]X", "a/bX", "c\ndX", "ownX"]


async def test_typing_replaces_a_number_that_stood_there_already() -> None:
    run = asking(BUDGET)
    async with shown(run) as (pilot, _):
        await _answer(pilot)
        await pilot.press(*"800", "enter")
        await until(pilot, lambda: run.asked)
        assert run.asked[0][3] == {"tokens": 800}


async def test_a_number_that_was_changed_is_not_replaced() -> None:
    run = asking(BUDGET)
    async with shown(run) as (pilot, screen):
        await _answer(pilot)
        await pilot.press("end", "0", "escape")
        await until(pilot, lambda: not screen.query(AskPanel))
        await _answer(pilot)
        assert isinstance(pilot.app.focused, Input)
        await pilot.press("1")
        assert pilot.app.focused.value == "60001"


async def test_a_form_that_opens_by_itself_says_what_is_true_from_the_tree() -> None:
    run = asking(NAME)
    async with shown(run) as (pilot, screen):
        await until(pilot, lambda: screen.query(".ask-hint"))
        await until(pilot, lambda: _hint(screen) == "a answer · Esc later")
        await _answer(pilot)
        assert "Enter send" in _hint(screen)
        screen.run_tree.focus()
        await until(pilot, lambda: _hint(screen) == "a answer · Esc later")


async def test_with_more_questions_it_names_the_key_to_the_next() -> None:
    run = asking(NAME, COLOUR)
    async with shown(run, (120, 40)) as (pilot, screen):
        await until(pilot, lambda: screen.query(".ask-hint"))
        await until(pilot, lambda: _hint(screen) == "a answer · ] next")


async def test_a_form_without_the_focus_is_dimmed() -> None:
    async with shown(asking(COLOUR)) as (pilot, screen):
        await until(pilot, lambda: screen.query("OptionRows"))
        rows = screen.query_one("OptionRows")
        before = rows.rich_style.color
        await _answer(pilot)
        assert rows.rich_style.color != before


async def test_escape_in_the_tree_puts_off_the_question_that_opened_by_itself() -> None:
    run = asking(NAME)
    async with shown(run) as (pilot, screen):
        await until(pilot, lambda: screen.query(AskPanel))
        await pilot.press("escape")
        await until(pilot, lambda: not screen.query(AskPanel))
        assert pilot.app.focused is screen.run_tree
        await pilot.pause()
        assert not screen.query(AskPanel)
        await pilot.press("a")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        assert run.asked == []


async def test_the_input_tab_says_who_answered_and_when() -> None:
    run: RunDouble = asking(COLOUR)
    answered = ev.AskAnswered(step_id="a", attempt=1, ask_id="ask-a", action="accept", values={"c": "g"})
    run.emit(answered)
    async with shown(run, (120, 40)) as (pilot, screen):
        await pilot.press("g", "1")
        body = screen.query_one("#text-body", Static)
        await until(pilot, lambda: "Colour?" in str(body.render()))
        assert f"you answered ({run.now().astimezone():%H:%M}):" in str(body.render())
        assert "c: g" in str(body.render())


@pytest.mark.parametrize("size", [(30, 8), (80, 24)])
async def test_a_dialog_opens_at_its_question_and_shows_the_choices_then(size: tuple[int, int]) -> None:
    run = asking(NAME)
    async with shown(run, size) as (pilot, _):
        await pilot.press("q")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        await settle(pilot)
        dialog, choices = pilot.app.screen.query_one("#dialog"), pilot.app.screen.query_one(OptionList)
        assert dialog.scroll_y == 0
        await pilot.press("j")
        await settle(pilot)
        assert choices.highlighted == 1
        assert dialog.content_region.overlaps(choices.region)
        assert choices.region.y >= dialog.content_region.y


async def test_the_palette_shows_what_it_found_on_a_short_screen() -> None:
    async with shown(asking(NAME), (30, 8)) as (pilot, _):
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(pilot.app.screen, CommandPalette))
        await pilot.press(*"timeline")
        found = pilot.app.screen.query_one(OptionList)
        await until(pilot, lambda: found.option_count == 1)
        await settle(pilot)
        assert found.region.height >= 1
        assert found.region.bottom <= 8


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_an_answer_from_another_terminal_is_told_with_what_was_filled_in(size: tuple[int, int]) -> None:
    run = asking(COLOUR)
    async with shown(run, size) as (pilot, screen):
        await _answer(pilot)
        await pilot.press("down", "space")
        await until(pilot, lambda: run.drafts.get("ask-a") == {"c": "g"})
        run.emit(
            ev.AskAnswered(
                step_id="a", attempt=1, ask_id="ask-a", action="accept", values={"c": "r"}, surface="cli"
            )
        )
        await until(pilot, lambda: not screen.query(AskPanel))
        (notice,) = [notice.message for notice in pilot.app._notifications]
        assert notice == "a was answered elsewhere by you (cli): c = r. You had filled in: c = g"


async def test_an_answer_by_the_clock_is_not_told_as_somebody_s() -> None:
    run = asking(BUDGET)
    async with shown(run) as (pilot, screen):
        await _answer(pilot)
        values = {"tokens": 600, "sure": False, "kinds": ["a", "b"]}
        run.emit(
            ev.AskAnswered(
                step_id="a",
                attempt=1,
                ask_id="ask-a",
                action="accept",
                values=values,
                by="timeout",
                surface="script",
            )
        )
        await until(pilot, lambda: not screen.query(AskPanel))
        (notice,) = [notice.message for notice in pilot.app._notifications]
        assert notice == "a was answered by its time limit: tokens = 600, sure = no, kinds = a,b"


@pytest.mark.parametrize("size", [(80, 24), (30, 8)])
async def test_the_keys_of_a_refusal_are_seen_under_the_tree(size: tuple[int, int]) -> None:
    fields = [{"name": name, "type": "multiline"} for name in ("one", "two", "three")]
    run = asking({"message": "Texts?", "fields": [{"name": "sure", "type": "boolean"}, *fields]})
    async with shown(run, size) as (pilot, screen):
        await _answer(pilot)
        await pilot.press("d")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        await settle(pilot)
        hint = screen.query_one(".ask-hint")
        assert _hint(screen) == "Enter decline · Esc back"
        assert hint.size.height == 1
        assert screen.query_one("#ask-slot").region.contains_region(hint.region)


async def test_the_key_to_the_next_question_opens_it_under_the_tree() -> None:
    run = asking(COLOUR, NAME, BUDGET)
    async with shown(run) as (pilot, screen):
        await until(pilot, lambda: screen.query("OptionRows"))
        for key, asked in (("]", "b"), ("]", "c"), ("[", "b")):
            await pilot.press(key)
            await until(pilot, lambda asked=asked: screen.query_one(AskPanel).ask.step_id == asked)
            assert screen.selected_id == asked
            assert pilot.app.focused is screen.run_tree, "it is only shown"
        await pilot.press("a", *"bob", "enter")
        await until(pilot, lambda: run.asked)
        assert run.asked[0][3] == {"name": "bob"}


async def test_from_a_question_with_options_the_same_key_goes_on_to_the_next_form() -> None:
    run = asking(COLOUR, {**COLOUR, "message": "And the other?"})
    async with shown(run) as (pilot, screen):
        await _answer(pilot)
        await pilot.press("]")
        await until(pilot, lambda: screen.query_one(AskPanel).ask.step_id == "b")
        await until(pilot, lambda: screen.query_one(AskPanel).has_focus_within)
        await pilot.press("2")
        await until(pilot, lambda: run.asked)
        assert (run.asked[0][1], run.asked[0][3]) == ("ask-b", {"c": "g"})


async def test_an_own_answer_is_not_told() -> None:
    run = asking(NAME)
    async with shown(run) as (pilot, screen):
        await _answer(pilot)
        await pilot.press("x", "enter")
        await until(pilot, lambda: run.asked)
        run.emit(
            ev.AskAnswered(step_id="a", attempt=1, ask_id="ask-a", action="accept", values={"name": "x"})
        )
        await until(pilot, lambda: not screen.query(AskPanel))
        assert not list(pilot.app._notifications)
