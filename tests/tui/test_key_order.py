"""Keys that come in one burst act in the order in which they were typed, however busy the screen is."""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, TextArea

from piplan_tui.tui import key_order
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.screens.typing import TypingDialog
from tests.tui.screens.test_run_screen import shown, until
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import deck
from tests.tui.widgets.test_ask_panel import COLOUR, NAME, asking

pytestmark = pytest.mark.anyio

SENTENCE = "this is a long answer"
SIZES = [(80, 24), (120, 40)]
TWO_TEXTS = {
    "message": "Who, and why?",
    "fields": [{"name": "who", "type": "text"}, {"name": "why", "type": "multiline", "required": False}],
}
OWN_COLOUR = {
    "message": "Colour?",
    "fields": [{"name": "c", "type": "choice", "allowOther": True, "options": [{"value": "r"}]}],
}
MIXED = {
    "message": "Colour and name?",
    "fields": [*COLOUR["fields"], {"name": "name", "type": "text"}],  # type: ignore[misc]  # a list, as the scene has it
}
NAMES = {" ": "space", "/": "slash"}
BLOCKED_SECONDS = 0.02


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def burst(pilot: Pilot[Any], keys: Iterable[str], *, blocked: bool = False) -> None:
    """All at once; or, with `blocked`, a few at a time with the loop standing still in between."""
    if not blocked:
        for key in keys:
            pilot.app.post_message(_key(key))
        return
    left = list(keys)

    def few() -> None:
        for key in left[:3]:
            pilot.app.post_message(_key(key))
        del left[:3]
        time.sleep(BLOCKED_SECONDS)
        if left:
            pilot.app._loop.call_soon(few)  # type: ignore[union-attr]  # it runs

    few()


def _key(key: str) -> events.Key:
    return events.Key(NAMES.get(key, key), key if len(key) == 1 else None)


async def _answered(
    pilot: Pilot[Any], screen: RunScreen, run: RunDouble, keys: Iterable[str], blocked: bool
) -> Any:
    """The values that were sent by keys in the open form."""
    screen.run_tree.focus()
    await pilot.pause()
    await pilot.press("g", "a")
    await until(pilot, lambda: pilot.app.screen.query_one("AskForm").has_focus_within)
    burst(pilot, keys, blocked=blocked)
    await until(pilot, lambda: run.asked)
    assert len(run.asked) == 1
    return run.asked[0][3]


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("last", ["ctrl+s", "enter"])
async def test_the_whole_text_is_sent(size: tuple[int, int], last: str, blocked: bool) -> None:
    run = asking(NAME)
    async with shown(run, size) as (pilot, screen):
        values = await _answered(pilot, screen, run, [*SENTENCE, last], blocked)
        assert values == {"name": SENTENCE}


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("size", SIZES)
async def test_what_follows_tab_is_for_the_next_field(size: tuple[int, int], blocked: bool) -> None:
    run = asking(TWO_TEXTS)
    async with shown(run, size) as (pilot, screen):
        keys = [*"ada", "tab", *"because", "enter", *"she can", "ctrl+s"]
        values = await _answered(pilot, screen, run, keys, blocked)
        assert values == {"who": "ada", "why": "because\nshe can"}


@pytest.mark.parametrize("blocked", [False, True])
async def test_what_follows_enter_is_for_the_next_field(blocked: bool) -> None:
    run = asking(TWO_TEXTS)
    async with shown(run) as (pilot, screen):
        values = await _answered(pilot, screen, run, [*"ada", "enter", *"d2q", "ctrl+s"], blocked)
        assert values == {"who": "ada", "why": "d2q"}


@pytest.mark.parametrize("blocked", [False, True])
async def test_what_follows_the_number_of_an_own_answer_is_typed(blocked: bool) -> None:
    run = asking(OWN_COLOUR)
    async with shown(run) as (pilot, screen):
        values = await _answered(pilot, screen, run, ["2", *"d1 dark", "ctrl+s"], blocked)
        assert values == {"c": "d1 dark"}


@pytest.mark.parametrize("blocked", [False, True])
async def test_a_number_picks_in_options_and_is_text_in_a_field(blocked: bool) -> None:
    run = asking(MIXED)
    async with shown(run) as (pilot, screen):
        keys = ["2", "tab", *"room 12d", "backspace", "home", "x", "ctrl+s"]
        values = await _answered(pilot, screen, run, keys, blocked)
        assert values == {"c": "g", "name": "xroom 12"}


@pytest.mark.parametrize("blocked", [False, True])
async def test_a_paste_comes_before_the_key_after_it(blocked: bool) -> None:
    run = asking(NAME)
    async with shown(run) as (pilot, _):
        await pilot.press("g", "a")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        burst(pilot, ["a"])
        pilot.app.post_message(events.Paste("b" * 500))
        burst(pilot, ["c", "ctrl+s"], blocked=blocked)
        await until(pilot, lambda: run.asked)
        assert run.asked[0][3] == {"name": "a" + "b" * 500 + "c"}


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize("size", SIZES)
async def test_what_follows_enter_on_a_waiting_step_is_for_its_form(
    size: tuple[int, int], blocked: bool
) -> None:
    run = asking(NAME, COLOUR)
    async with shown(run, size) as (pilot, screen):
        screen.run_tree.focus()
        await pilot.press("g")
        burst(pilot, ["j", "enter", "2"], blocked=blocked)
        await until(pilot, lambda: run.asked)
        assert run.asked[0][3] == {"c": "g"}


async def test_no_key_waits_for_a_phase_that_is_folded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_order, "LONGEST_HOLD", 60.0)
    monkeypatch.setattr(key_order, "LONGEST_WAIT", 60.0)
    async with shown(deck(asking=False)) as (pilot, screen):
        await pilot.press("g")
        burst(pilot, ["enter", "j"])
        await until(pilot, lambda: screen.run_tree.cursor == 1)


async def test_escape_after_text_leaves_it_as_a_draft() -> None:
    run = asking(NAME)
    async with shown(run) as (pilot, screen):
        await pilot.press("g", "a")
        await until(pilot, lambda: isinstance(pilot.app.focused, Input))
        burst(pilot, [*SENTENCE, "escape", "j", "k"])
        await until(pilot, lambda: run.drafts.get("ask-a") == {"name": SENTENCE})
        await until(pilot, lambda: pilot.app.focused is screen.run_tree)
        assert run.asked == []


@pytest.mark.parametrize("blocked", [False, True])
async def test_declining_takes_the_reason_that_is_typed_after_it(blocked: bool) -> None:
    run = asking(COLOUR)
    async with shown(run) as (pilot, screen):
        assert await _answered(pilot, screen, run, ["d", *"no 1 idea", "enter"], blocked) == {}
        assert run.asked[0][2] == "decline"


@pytest.mark.parametrize("blocked", [False, True])
@pytest.mark.parametrize(
    ("step", "opens", "asked"),
    [
        ("interviews", ["r", "g"], "retry"),
        ("pricing", ["s"], "steer"),
        ("survey", ["e"], "edit_step"),
    ],
)
async def test_dialogs_send_all_that_was_typed(
    step: str, opens: list[str], asked: str, blocked: bool
) -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step(step)
        last = "ctrl+s" if asked != "steer" else "enter"
        burst(pilot, [*opens, *SENTENCE, last], blocked=blocked)
        await until(pilot, lambda: run.asked)
        assert run.asked[0][0] == asked
        assert SENTENCE in str(run.asked[0])
        assert not isinstance(pilot.app.screen, TypingDialog)


@pytest.mark.parametrize("blocked", [False, True])
async def test_a_search_finds_all_that_was_typed_before_it_ends(blocked: bool) -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        burst(pilot, ["/", *"pricing", "enter", "n"], blocked=blocked)
        await until(pilot, lambda: screen.selected_id == "pricing" and pilot.app.focused is screen.run_tree)
        assert not pilot.app.screen.query(TextArea)
