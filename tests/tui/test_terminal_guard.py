"""Nothing but text reaches the terminal."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.segment import Segment
from textual.app import App, ComposeResult
from textual.color import Color
from textual.widgets import Static

from piplan_tui.run import events as ev
from piplan_tui.tui.terminal_guard import AsciiFilter, CleanFilter, to_ascii
from piplan_tui.tui.terminal_title import set_title_sequence, title_for
from piplan_tui.tui.widgets.soft_wrap import graphemes
from piplan_tui.views.formatting import GLYPHS, SPINNER
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on, deck, step

BLACK = Color(0, 0, 0)
HOSTILE = "\x1b]52;c;b3duZWQ=\x07[/][@click=app.quit]x[/]\x1b[2J\u202e\x9b31m\r\x00"


@given(st.text())
def test_no_control_character_passes(text: str) -> None:
    passed = CleanFilter().apply([Segment(text)], BLACK)
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for segment in passed for char in segment.text)


def test_what_is_clean_is_passed_on_as_it_is() -> None:
    segments = [Segment("✓ done"), Segment("more")]
    assert CleanFilter().apply(segments, BLACK) is segments


@given(st.text(st.characters(exclude_categories=("Cc", "Cs"))))
def test_ascii_is_ascii_and_as_wide(text: str) -> None:
    [segment] = AsciiFilter().apply([Segment(text)], BLACK)
    assert segment.text.isascii()
    assert cell_len(segment.text) == sum(cells for _, _, cells in graphemes(text))


@pytest.mark.parametrize("text", ["👩‍👩‍👧", "👍🏽", "🏳️‍🌈", "🇩🇪", "文"])
def test_a_picture_is_as_wide_in_ascii(text: str) -> None:
    assert to_ascii(text) == "??"


def test_every_sign_has_its_ascii_form() -> None:
    assert "?" not in to_ascii(
        "".join(g for s, g in GLYPHS.items() if s != "waiting_user") + SPINNER + "…·▸▾│─"
    )


@pytest.mark.anyio
async def test_a_hostile_plan_and_agent_reach_no_widget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    run = RunDouble(
        [{**step("a", HOSTILE, HOSTILE), "goal": HOSTILE, "own": HOSTILE}], title=HOSTILE, agent=HOSTILE
    )
    run.emit(ev.RunStarted())
    run.started("a", model=HOSTILE)
    run.tool("a", HOSTILE, HOSTILE)
    run.asks("a", {"message": HOSTILE})
    for size in ((80, 24), (120, 40)):
        app = app_on(run)
        async with app.run_test(size=size) as pilot:
            await app.workers.wait_for_complete()
            await pilot.press("a", "escape", "x")
            await pilot.pause()
            await pilot.press("escape", "4")
            await pilot.pause()
            lines = [strip.text for strip in app.screen._compositor.render_strips()]
            assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for line in lines for char in line)
            assert any("[@click=app.quit]" in line for line in lines), "markup is text"


@pytest.mark.anyio
async def test_the_filter_guards_widgets_that_do_not_clean() -> None:
    class Careless(App[None]):
        def get_line_filters(self) -> list[CleanFilter]:  # type: ignore[override]  # a sequence of filters
            return [CleanFilter()]

        def compose(self) -> ComposeResult:
            yield Static("\x1b]0;owned\x07text\x1b[31m", markup=False)

    app = Careless()
    async with app.run_test(size=(40, 3)) as pilot:
        await pilot.pause()
        [first, *_] = [strip.text for strip in app.screen._compositor.render_strips()]
        assert "\x1b" not in first


def test_title_says_how_many_questions_are_open() -> None:
    run = deck()
    assert title_for(run.state) == "? 1 · deck-plan"
    run.emit(ev.AskAnswered(step_id="topic-choice", attempt=1, ask_id="ask-topic-choice", action="accept"))
    assert title_for(run.state) == "2/10 · deck-plan"
    run.emit(ev.RunFailed(reason="x"))
    assert title_for(run.state) == "failed · deck-plan"


def test_a_title_cannot_end_its_own_sequence() -> None:
    assert set_title_sequence("a\x07\x1b]52;c;b3duZWQ=\x07b") == "\x1b]2;ab\x07"
