"""What is asked before a run is changed, and by which keys it is answered."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.run import events as ev
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.views.why import why
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on, deck, step

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def shown(run: RunDouble) -> AsyncIterator[tuple[Pilot[Any], RunScreen]]:
    app = app_on(run)
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        assert isinstance(app.screen, RunScreen)
        yield pilot, app.screen


async def settle(pilot: Pilot[Any]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


async def dialog_after(pilot: Pilot[Any], key: str) -> ChoiceDialog:
    await pilot.press(key)
    await settle(pilot)
    assert isinstance(pilot.app.screen, ChoiceDialog)
    return pilot.app.screen


def text_of(dialog: ChoiceDialog, part: str = "body") -> str:
    return str(dialog.query_one(f"#dialog-{part}").render())


def said(pilot: Pilot[Any]) -> list[str]:
    return [notification.message for notification in pilot.app._notifications]


def two_phases(*failed: str) -> RunDouble:
    """Four steps that start at once, two in each phase; these fail, the others are done."""
    steps = [
        step(name, name.upper(), phase) for phase in ("Left", "Right") for name in (phase + "1", phase + "2")
    ]
    run = RunDouble(steps)
    run.emit(ev.RunStarted())
    for found in steps:
        run.started(found["id"])
    for found in steps:
        if found["id"] in failed:
            run.failed(found["id"])
        else:
            run.completed(found["id"])
    return run


async def test_going_on_without_a_step_says_what_starts_and_asks() -> None:
    run = deck(asking=False)
    run.completed("topic-choice")
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("interviews")
        dialog = await dialog_after(pilot, "X")
        assert text_of(dialog, "title") == "Go on without interviews?"
        assert text_of(dialog).splitlines() == [
            "interviews is not done, and leaves no files.",
            "Starts without its files at once: survey",
            "r still tries it later.",
        ]
        await pilot.press("escape")
        await settle(pilot)
        assert run.asked == []
        await dialog_after(pilot, "X")
        await pilot.press("n")
        await settle(pilot)
        assert run.asked == []
        await dialog_after(pilot, "X")
        await pilot.press("enter")
        await settle(pilot)
        assert run.asked == [("skip", "interviews")]


async def test_what_waits_for_others_too_does_not_start_at_once() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("topic-choice")
        told = text_of(await dialog_after(pilot, "X"))
        assert "at once" not in told
        assert "Later without its files, after others: survey" in told
        assert "Its open question is withdrawn." in told
        await pilot.press("escape")
        screen.run_tree.select_step("synthesize")
        assert "No step waits for them." in text_of(await dialog_after(pilot, "X"))
        await pilot.press("y")
        await settle(pilot)
        assert run.asked == [("skip", "synthesize")]


def test_a_skipped_step_that_nothing_follows_says_so() -> None:
    run = deck(asking=False)
    run.emit(ev.StepSkipped(step_id="synthesize", attempt=0))
    run.emit(ev.StepSkipped(step_id="interviews", attempt=1))

    def told(name: str) -> str:
        return "".join(span.text for span in why(run.state, run.state.steps[name], run.now()).spans)

    assert told("synthesize") == "synthesize was skipped: no step needs its files"
    assert told("interviews") == "interviews was skipped: the steps after it run without its files"


async def test_a_phase_retries_only_what_failed_in_it() -> None:
    run = two_phases("Left1", "Right2")
    async with shown(run) as (pilot, _):
        await pilot.press("g")
        dialog = await dialog_after(pilot, "r")
        assert text_of(dialog, "title") == "Retry what failed in 1 Left?"
        assert "Runs again: Left1\n" in text_of(dialog)
        await pilot.press("y")
        await settle(pilot)
        assert run.asked == [("retry", "Left1")]
        await dialog_after(pilot, "r")
        await pilot.press("A")
        await settle(pilot)
        assert run.asked[1:] == [("retry",)]


async def test_a_phase_in_which_nothing_failed_says_so() -> None:
    run = two_phases("Left1")
    async with shown(run) as (pilot, screen):
        screen.run_tree.move_to(
            next(at for at, row in enumerate(screen.run_tree.rows) if row.phase.title == "Right")
        )
        await pilot.press("r")
        await settle(pilot)
        assert said(pilot) == ["Nothing failed or was stopped in 2 Right; E goes to what failed"]
        assert isinstance(pilot.app.screen, RunScreen)
    run = two_phases()
    async with shown(run) as (pilot, _):
        await pilot.press("g", "r")
        await settle(pilot)
        assert said(pilot) == ["No step failed or was stopped, so there is nothing to retry"]


async def test_a_letter_means_the_same_in_every_dialog() -> None:
    run = two_phases("Left1", "Right2")
    run.emit(ev.StepRetried(step_id="Left1", attempt=1))
    meanings: dict[str, set[str]] = {}
    async with shown(run) as (pilot, screen):
        for name, key in (("Left1", "x"), ("Left1", "q"), ("Left1", "X"), ("Right2", "X"), ("Right2", "r")):
            screen.run_tree.select_step(name)
            for choice in (await dialog_after(pilot, key))._choices:
                meanings.setdefault(choice.key, set()).add(choice.id)
            await pilot.press("escape")
            await settle(pilot)
    assert meanings.pop("n") == {"", "stay"}, "nothing changes"
    assert meanings.pop("R") == {"run", "stop"}, "the run is stopped"
    assert meanings.pop("y") == {"skip", "same"}, "what was asked for is done"
    assert all(len(ids) == 1 for ids in meanings.values())
    assert "step" in meanings["S"]
    assert run.asked == []


async def test_taking_up_a_run_that_ended_asks_what_is_tried_again() -> None:
    run = two_phases("Left1", "Right2")
    run.emit(ev.RunFailed(reason="a step failed"))
    async with shown(run) as (pilot, screen):
        screen.take_up()
        await settle(pilot)
        assert isinstance(pilot.app.screen, ChoiceDialog)
        assert "Runs again: Left1, Right2" in text_of(pilot.app.screen)
        await pilot.press("y")
        await settle(pilot)
        assert run.asked == [("retry", "Left1", "Right2")]


async def test_taking_up_a_run_that_is_done_says_that_nothing_is_left() -> None:
    run = two_phases()
    run.emit(ev.RunCompleted())
    async with shown(run) as (pilot, screen):
        screen.take_up()
        await settle(pilot)
        assert said(pilot) == ["No step failed or was stopped, so there is nothing to retry"]
        assert run.asked == []
