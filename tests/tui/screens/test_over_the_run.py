"""What lies over the run's screen, or shows a run that nobody carries on, is as live as the run's screen itself."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import Static

from piplan_tui.agents.protocol import TextDelta
from piplan_tui.run import events as ev
from piplan_tui.run.run_info import run_info
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.peek import PeekScreen
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.transcript_view import TranscriptView
from tests.tui.screens.test_run_screen import settle, shown, until
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import AUDIENCE, step

pytestmark = pytest.mark.anyio


def two_steps() -> RunDouble:
    run = RunDouble([step("first", "First"), step("second", "Second")])
    run.emit(ev.RunStarted())
    run.started("first")
    run.started("second")
    run.later(60)
    return run


def lines(screen: Screen[Any]) -> list[str]:
    return [strip.text for strip in screen._compositor.render_strips()]


def header(screen: Screen[Any]) -> str:
    """As it was drawn last, not as it would be drawn now."""
    return "\n".join(lines(screen)[:2])


def keys(screen: Screen[Any]) -> str:
    return lines(screen)[-1]


def drawn(pilot: Pilot[Any]) -> str:
    return "\n".join(lines(pilot.app.screen))


def end(run: RunDouble) -> None:
    run.completed("first")
    run.completed("second")
    run.emit(ev.RunCompleted())


async def test_the_screen_of_a_step_is_live_to_the_end_and_after() -> None:
    run = two_steps()
    async with shown(run) as (pilot, screen):
        await pilot.press("g", "enter")
        await settle(pilot)
        detail = pilot.app.screen
        assert isinstance(detail, DetailScreen)
        assert "RUNNING" in header(detail)
        assert "s steer" in keys(detail)
        end(run)
        await until(pilot, lambda: "COMPLETED" in header(detail) and "2/2" in header(detail))
        await until(pilot, lambda: not any(word in keys(detail) for word in ("steer", "pause", "stop")))
        assert drawn(pilot).lstrip().splitlines()[2].strip().startswith("✓ first")
        run.emit(ev.RunReopened())
        run.emit(ev.StepRetried(step_id="first", attempt=1))
        run.started("first")
        await until(pilot, lambda: "RUNNING" in header(detail) and "s steer" in keys(detail))
        assert screen.run_tree.selected_step is run.state.steps["first"]


async def test_a_dialog_over_the_screen_of_a_step_keeps_nothing_from_it() -> None:
    run = two_steps()
    async with shown(run) as (pilot, _):
        await pilot.press("g", "enter")
        await settle(pilot)
        detail = pilot.app.screen
        await pilot.press("question_mark")
        run.asks("first", AUDIENCE)
        await until(pilot, lambda: detail.query(AskPanel))
        await pilot.press("escape")
        assert pilot.app.screen is detail


async def test_the_screen_of_a_step_stays_on_it_when_another_one_starts_or_fails() -> None:
    run = two_steps()
    async with shown(run) as (pilot, screen):
        assert screen.run_tree.follow
        await pilot.press("enter")
        await settle(pilot)
        here = screen.selected_id
        other = "second" if here == "first" else "first"
        run.completed(here)
        run.failed(other, "no more disk")
        run.emit(ev.RunFailed(reason="1 step failed"))
        await until(pilot, lambda: "FAILED" in header(pilot.app.screen))
        assert screen.selected_id == here


async def test_the_log_says_how_its_step_ended() -> None:
    run = two_steps()
    async with shown(run) as (pilot, _):
        await pilot.press("g", "L")
        await settle(pilot)
        log = pilot.app.screen
        end(run)
        await until(pilot, lambda: str(log.query_one("#log-title", Static).render()).startswith("✓ first"))


async def test_the_timeline_shows_the_end_of_the_run() -> None:
    run = two_steps()
    async with shown(run) as (pilot, _):
        await pilot.press("t")
        await settle(pilot)
        timeline = pilot.app.screen
        end(run)
        await until(pilot, lambda: "COMPLETED" in header(timeline))


async def test_help_lies_over_a_run_that_goes_on() -> None:
    run = two_steps()
    async with shown(run) as (pilot, screen):
        await pilot.press("question_mark")
        end(run)
        await until(pilot, lambda: "COMPLETED" in header(screen))


async def test_a_peek_turns_into_the_question_and_the_result_of_its_step() -> None:
    run = two_steps()
    run.transcripts.say("first", TextDelta("Counting.\n"))
    async with shown(run) as (pilot, _):
        await pilot.press("g", "space")
        await settle(pilot)
        peek = pilot.app.screen
        assert isinstance(peek, PeekScreen)
        assert "Counting." in drawn(pilot)
        ask = run.asks("first", AUDIENCE)
        await until(pilot, lambda: "Which audience should the deck target?" in drawn(pilot))
        assert "Counting." in drawn(pilot), "what led to the question stays in sight"
        run.emit(ev.AskAnswered(step_id="first", attempt=1, ask_id=ask, action="accept"))
        run.emit(ev.StepResumed(step_id="first", attempt=1))
        await until(pilot, lambda: "Which audience" not in drawn(pilot))
        run.failed("first", "the table was empty")
        await until(pilot, lambda: "the table was empty" in drawn(pilot))
        assert "Counting." in drawn(pilot)
        assert "✗ first" in drawn(pilot)


async def test_clocks_of_a_run_without_a_process_go_on_together() -> None:
    made = two_steps()
    made.completed("second")
    made.asks("first", AUDIENCE)
    made.emit(ev.RunWaitingUser(ask_ids=["ask-first"]))
    made.later(180)
    store = MemoryRuntimeStore()
    await store.create_run(run_info(made.state, made.now()), b"{}", "plan.json")
    run = StoredRun(store, made.state, None, made.now)
    app = PiplanApp(None, watched=run, now=made.now)  # type: ignore[arg-type]  # nothing here reaches the runtime
    app.animation_level = "none"
    async with app.run_test(size=(80, 24)) as pilot:

        def says(*ages: str) -> bool:
            return all(age in drawn(pilot) for age in ages)

        await until(pilot, lambda: says("YOU 4:00", "YOU 3m", "for you 3m", "waiting 3m"))
        made.later(60)
        await until(pilot, lambda: says("YOU 5:00", "YOU 4m", "for you 4m", "waiting 4m"))


async def test_a_transcript_in_a_peek_is_let_go_with_its_row() -> None:
    run = two_steps()
    async with shown(run) as (pilot, _):
        await pilot.press("g", "space")
        await settle(pilot)
        view = pilot.app.screen.query_one(TranscriptView)
        await pilot.press("j")
        await settle(pilot)
        run.transcripts.say("second", TextDelta("of the second\n"))
        run.transcripts.say("first", TextDelta("of the first\n"))
        await until(pilot, lambda: "of the second" in drawn(pilot))
        assert "of the first" not in drawn(pilot)
        assert view.display
