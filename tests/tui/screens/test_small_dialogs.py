"""Dialogs and the peek where there are few rows: the choices stay in sight, and every word can be reached."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import OptionList, Static

from piplan_tui.agents.protocol import TextDelta
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.screens.peek import PeekScreen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.views.line import Span
from tests.tui.support.scenes import app_on, deck
from tests.tui.test_sizes import settle

pytestmark = pytest.mark.anyio
SMALL = [(30, 8), (40, 10)]


def lines(app: PiplanApp) -> list[str]:
    return [
        strip.text.rstrip(" \u2580\u2581\u2582\u2583\u2584\u2585\u2586\u2587")
        for strip in app.screen._compositor.render_strips()
    ]


async def words_seen(pilot: Pilot[Any], key: str) -> set[str]:
    """All words that come into sight while this key is pressed, until it changes nothing any more."""
    seen: set[str] = set()
    before: list[str] = []
    for _ in range(30):
        if (now := lines(pilot.app)) == before:  # type: ignore[arg-type]  # it is ours
            break
        before = now
        seen.update(" ".join(now).split())
        await pilot.press(key)
        await settle(pilot)
    return seen


@pytest.mark.parametrize("size", SMALL)
async def test_leaving_shows_its_choices_and_says_of_each_what_it_does(size: tuple[int, int]) -> None:
    app = app_on(deck())
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        assert isinstance(app.screen, ChoiceDialog)
        assert lines(app)[0].strip() == "The run is not finished"
        for choice in ("n Stay", "l Pause and leave", "R Stop the run and leave"):
            assert any(choice in line for line in lines(app)), (choice, lines(app))
        listed = app.screen.query_one(OptionList)
        said = {}
        for at in range(listed.option_count):
            assert listed.highlighted == at
            text = str(app.screen.query_one("#dialog-body", Static).render())
            said[listed.get_option_at_index(at).id] = text.split("\n")[0]
            await pilot.press("j")
            await settle(pilot)
        assert said["leave"].startswith("Go on with: piplan-tui resume ")
        assert said["stop"] == "Running work is lost"
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)


@pytest.mark.parametrize("size", [*SMALL, (80, 24)])
async def test_what_is_asked_scrolls_under_its_title(size: tuple[int, int]) -> None:
    app = app_on(deck())
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        words = [f"word{number}" for number in range(300 if size[1] == 24 else 60)]
        choices = [Choice("no", "n", "No"), Choice("yes", "y", "Yes", "does it")]
        app.push_screen(ChoiceDialog("Sure?", [Span(" ".join(words))], choices))
        await settle(pilot)
        seen = await words_seen(pilot, "pagedown")
        assert set(words) <= seen
        if size in SMALL:
            assert any("y Yes" in line for line in lines(app))
        await words_seen(pilot, "pageup")
        assert any("word0 " in line for line in lines(app))


async def test_a_dialog_follows_the_size() -> None:
    app = app_on(deck())
    async with app.run_test(size=(30, 8)) as pilot:
        await settle(pilot)
        await pilot.press("q")
        await settle(pilot)
        await pilot.resize_terminal(80, 24)
        await settle(pilot)
        drawn = "\n".join(lines(app))
        assert "R Stop the run and leave  running work is lost" in drawn
        await pilot.resize_terminal(30, 8)
        await settle(pilot)
        assert "running work is lost" not in "\n".join(lines(app))


@pytest.mark.parametrize("size", SMALL)
async def test_a_peek_shows_all_of_a_step(size: tuple[int, int]) -> None:
    run = deck(asking=False)
    said = [f"said{number}" for number in range(40)]
    run.transcripts.say("outline", TextDelta("\n\n".join(said)))
    app = app_on(run)
    async with app.run_test(size=size) as pilot:
        await settle(pilot)
        screen: Any = app.screen
        screen.run_tree.select_step("outline")
        await pilot.press("space")
        await settle(pilot)
        assert isinstance(app.screen, PeekScreen)
        assert "outline" in lines(app)[0]
        assert "Space close" in lines(app)[-1]
        assert sum(bool(line.strip()) for line in lines(app)) >= 4
        assert "said39" in " ".join(lines(app))
        seen = await words_seen(pilot, "pageup")
        assert set(said) <= seen
        await pilot.press("escape")
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
