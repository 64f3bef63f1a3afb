"""An open question on the run screen: how long it stays open, its draft, the next in the queue."""

from __future__ import annotations

import gc
import weakref
from typing import Any

import anyio.lowlevel
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from piplan_tui.run import events as ev
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.widgets.ask_fields.text_editors import LineInput
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on

pytestmark = pytest.mark.anyio

TIMED = {
    "version": 1,
    "message": "Run the long benchmark (40 min)?",
    "fields": [{"name": "go", "type": "boolean", "label": "Run it", "default": False}],
    "expires": {"afterSeconds": 900, "then": "defaults"},
}
NAME = {"message": "Name?", "fields": [{"name": "name", "type": "text"}]}
COLOUR = {
    "message": "Colour?",
    "fields": [{"name": "c", "type": "choice", "options": [{"value": "r"}, {"value": "g"}]}],
}


def asking(*requests: Any) -> RunDouble:
    names = "abcdef"[: len(requests)]
    steps = [{"id": name, "title": name, "goal": "g", "dependsOn": []} for name in names]
    for step, request in zip(steps, requests, strict=True):
        step["inputRequest"] = request  # what the plan itself says, so that its time limit counts
    run = RunDouble(steps)
    run.emit(ev.RunStarted())
    for name, request in zip(names, requests, strict=True):
        run.started(name)
        run.asks(name, request)
        run.later(5)
    return run


def title(pilot: Pilot[Any]) -> str:
    return str(pilot.app.screen.query_one("#ask-title", Static).render())


async def settle(pilot: Pilot[Any]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


@pytest.mark.parametrize("size", [(80, 24), (120, 40)])
async def test_a_time_limit_counts_down(size: tuple[int, int]) -> None:
    run = asking(TIMED)
    async with app_on(run).run_test(size=size) as pilot:
        await settle(pilot)
        assert "answered with the defaults in 14:55" in title(pilot)
        run.later(61)
        pilot.app.screen.query_one(AskPanel).tick()
        assert "in 13:54" in title(pilot)
        run.later(1_000)
        pilot.app.screen.query_one(AskPanel).tick()
        assert "answered with the defaults now" in title(pilot)


async def test_on_the_smallest_screen_the_time_that_is_left_is_said() -> None:
    run = asking(TIMED)
    async with app_on(run).run_test(size=(30, 8)) as pilot:
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        assert title(pilot) == "? a asks · 14:55 left"


async def test_without_a_limit_it_says_so() -> None:
    async with app_on(asking(NAME)).run_test() as pilot:
        await settle(pilot)
        assert "never times out" in title(pilot)


async def test_a_draft_is_kept_while_another_question_is_looked_at() -> None:
    run = asking(NAME, COLOUR)
    async with app_on(run).run_test(size=(120, 40)) as pilot:
        pilot.app.screen.query_one("RunTree").focus()
        await settle(pilot)
        await pilot.press("g", "a")
        await settle(pilot)
        assert "1 of 2 · a asks" in title(pilot)
        await pilot.press("m", "e")
        pilot.app.screen.query_one("RunTree").focus()
        await pilot.press("right_square_bracket")
        await settle(pilot)
        assert "2 of 2 · b asks" in title(pilot)
        assert run.drafts == {"ask-a": {"name": "me"}}
        await pilot.press("left_square_bracket", "a")
        await settle(pilot)
        panel = pilot.app.screen.query_one(AskPanel)
        assert panel.form is not None
        assert panel.form._editors["name"].value == "me"


async def test_a_draft_that_cannot_be_stored_is_told_once_and_not_lost(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = asking(NAME, COLOUR)

    async def full(ask_id: str, draft: object) -> None:
        raise StoreError("cannot write the draft: no space is left on the device")

    monkeypatch.setattr(run, "save_draft", full)
    async with app_on(run).run_test(size=(120, 40)) as pilot:
        pilot.app.screen.query_one("RunTree").focus()
        await settle(pilot)
        await pilot.press("g", "a")
        await settle(pilot)
        panel = pilot.app.screen.query_one(AskPanel)
        for letter in "me":
            await pilot.press(letter)
            await pilot.pause()
            assert await panel.keep_draft() is False
        told = [notice.message for notice in pilot.app._notifications]
        assert [said for said in told if "no space is left" in said] == [
            "What is typed here is not kept on disk: cannot write the draft: no space is left on the device"
        ]
        pilot.app.screen.query_one("RunTree").focus()
        await pilot.press("right_square_bracket")
        await settle(pilot)
        await pilot.press("left_square_bracket", "a")
        await settle(pilot)
        again = pilot.app.screen.query_one(AskPanel)
        assert again is not panel
        assert again.form is not None
        assert again.form._editors["name"].value == "me"


async def test_a_draft_that_cannot_be_read_keeps_no_question_from_being_answered(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = asking(NAME)

    async def damaged(ask_id: str) -> None:
        raise StoreError("cannot read the draft: the disk reported an error")

    monkeypatch.setattr(run, "load_draft", damaged)
    async with app_on(run).run_test() as pilot:
        await settle(pilot)
        await pilot.press("a", "m", "e", "enter")
        await settle(pilot)
        assert any("the disk reported an error" in notice.message for notice in pilot.app._notifications)
        assert run.asked == [("answer", "ask-a", "accept", {"name": "me"})]


async def test_more_questions_do_not_replace_the_one_that_is_open() -> None:
    run = asking(NAME)
    async with app_on(run).run_test() as pilot:
        await settle(pilot)
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("m")
        run.emit(
            ev.StepWaitingUser(step_id="a", attempt=1, ask_id="urgent", request={**COLOUR, "urgency": "high"})
        )
        await settle(pilot)
        pilot.app.screen.query_one(AskPanel).tick()
        assert "2 of 2 · a asks" in title(pilot)
        assert pilot.app.screen.query_one(AskPanel).ask.id == "ask-a"


async def test_rows_that_are_passed_quickly_leave_no_form_behind() -> None:
    run = asking(*({"message": f"Question {n}?", "fields": ["a", "b"]} for n in range(6)))
    seen: list[weakref.ref[LineInput]] = []
    async with app_on(run).run_test(size=(120, 40)) as pilot:
        tree = pilot.app.screen.query_one(RunTree)
        tree.focus()
        for turn in range(60):
            tree.action_move(1 if turn // 5 % 2 == 0 else -1)
            # now and then the next row comes before the form is whole
            for _ in range(turn % 30):
                await anyio.lowlevel.checkpoint()
            seen += map(weakref.ref, pilot.app.screen.query(LineInput))
        await pilot.pause()
        gc.collect()
        assert len(set(seen)) > 10
        assert [field for ref in seen if (field := ref()) is not None and not field.is_attached] == []
