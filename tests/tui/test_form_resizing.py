"""A form keeps the focus, the caret and what was typed, whatever sizes the terminal takes."""

from __future__ import annotations

import random
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, TextArea
from textual.widgets.text_area import Selection

from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.ask_fields import OptionRows
from piplan_tui.tui.widgets.ask_panel import AskPanel
from tests.tui.screens.test_run_screen import shown, until
from tests.tui.support.run_double import RunDouble
from tests.tui.widgets.test_ask_panel import asking

pytestmark = pytest.mark.anyio

EVERYTHING = {
    "message": "All of it?",
    "fields": [
        {"name": "env", "type": "choice", "options": [{"value": "staging"}, {"value": "prod"}]},
        {"name": "who", "type": "text"},
        {"name": "why", "type": "multiline"},
        {"name": "token", "type": "secret"},
    ],
}
PAGED = {
    "message": "On two pages?",
    "fields": [
        {"name": "first", "type": "text", "page": "One", "required": False},
        {"name": "second", "type": "text", "page": "Two"},
    ],
}
SIZES = [(200, 50), (100, 30), (99, 30), (60, 20), (80, 24), (101, 12), (30, 8), (120, 40), (60, 15)]


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


async def _answering(pilot: Pilot[Any], screen: RunScreen) -> None:
    screen.run_tree.focus()
    await pilot.pause()
    await pilot.press("g", "a")
    await until(pilot, lambda: _form(pilot).has_focus_within)


def _form(pilot: Pilot[Any]) -> Any:
    return pilot.app.screen.query_one("AskForm")


def _values(pilot: Pilot[Any]) -> dict[str, Any]:
    return dict(_form(pilot)._collect().held())


async def _resized(pilot: Pilot[Any], size: tuple[int, int]) -> None:
    await pilot.resize_terminal(*size)
    wide = size[0] >= 100

    def settled() -> bool:
        screen = pilot.app.screen
        assert isinstance(screen, RunScreen)
        panels = list(screen.query(AskPanel))
        there = [panel for panel in panels if panel.shown.is_set() and panel.form is not None]
        moved = (screen.pane is not None) == wide and not screen._carrying.locked()
        return moved and len(panels) == len(there) == 1 and there[0].has_focus_within

    await until(pilot, settled)


def _caret(widget: Any) -> Any:
    return widget.cursor if isinstance(widget, OptionRows) else widget.selection


async def _to(pilot: Pilot[Any], tabs: int) -> Any:
    for _ in range(tabs):
        await pilot.press("tab")
    return pilot.app.focused


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("start", [(200, 50), (80, 24)])
@pytest.mark.parametrize("tabs", [0, 1, 2, 3])
async def test_everything_survives_any_row_of_sizes(tabs: int, start: tuple[int, int], seed: int) -> None:
    chance = random.Random(seed * 10 + tabs)
    run = asking(EVERYTHING)
    async with shown(run, start) as (pilot, screen):
        await _answering(pilot, screen)
        await pilot.press("2", "tab", *"ada b", "tab", *"one", "enter", *"two", "tab", *"s3", "shift+tab")
        await pilot.press("shift+tab", "shift+tab")
        focused = await _to(pilot, tabs)
        if isinstance(focused, OptionRows):
            await pilot.press("up")
        elif isinstance(focused, Input):
            await pilot.press("home", "right", "shift+right")
        elif isinstance(focused, TextArea):
            focused.selection = Selection((0, 1), (1, 2))
        values, caret, kind = _values(pilot), _caret(focused), type(focused)
        assert values == {"env": "prod", "who": "ada b", "why": "one\ntwo", "token": "s3"}
        for size in chance.sample(SIZES, 4):
            await _resized(pilot, size)
            now = pilot.app.focused
            assert type(now) is kind, size
            assert _caret(now) == caret, size
            assert _values(pilot) == values, size
            assert run.asked == []


@pytest.mark.parametrize("start", [(200, 50), (100, 30)])
async def test_what_is_typed_right_after_the_size_is_text(start: tuple[int, int]) -> None:
    run = asking(EVERYTHING)
    async with shown(run, start) as (pilot, screen):
        await _answering(pilot, screen)
        await pilot.press("tab", *"ab")
        await pilot.resize_terminal(60, 20)
        await pilot.press(*"2d")
        await _resized(pilot, (60, 20))
        assert _values(pilot) == {"who": "ab2d"}
        assert _form(pilot).decline_note is None


async def test_page_and_errors_survive() -> None:
    run = asking(PAGED)
    async with shown(run, (120, 40)) as (pilot, screen):
        await _answering(pilot, screen)
        await pilot.press(*"a", "ctrl+pagedown", "ctrl+s")
        error = _form(pilot)._editors["second"].error
        assert error
        await _resized(pilot, (60, 20))
        assert list(_form(pilot)._editors) == ["second"]
        assert _form(pilot)._editors["second"].error == error
        await pilot.press(*"b", "ctrl+s")
        await until(pilot, lambda: run.asked)
        assert run.asked[0][3] == {"first": "a", "second": "b"}


async def test_the_reason_for_declining_survives() -> None:
    run = asking(EVERYTHING)
    async with shown(run, (120, 40)) as (pilot, screen):
        await _answering(pilot, screen)
        await pilot.press("d", *"no 1")
        await _resized(pilot, (60, 20))
        await pilot.press(*" d", "enter")
        await until(pilot, lambda: run.asked)
        assert run.asked[0][2] == "decline"


async def test_a_form_that_does_not_have_the_focus_keeps_what_is_in_it() -> None:
    run: RunDouble = asking(EVERYTHING)
    async with shown(run, (120, 40)) as (pilot, screen):
        await _answering(pilot, screen)
        await pilot.press("tab", *"ab")
        screen.run_tree.focus()
        await pilot.pause()
        await pilot.resize_terminal(60, 20)
        await until(pilot, lambda: screen.pane is None and screen.query("AskForm"))
        await until(pilot, lambda: _values(pilot) == {"who": "ab"})
        assert pilot.app.focused is screen.run_tree
