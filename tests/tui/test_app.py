"""The interface as a whole: how it closes."""

from __future__ import annotations

import anyio.lowlevel
import pytest
from textual.css.query import NoMatches

from piplan_tui.run import events as ev
from piplan_tui.run.asks import read_request
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.leaving import _of_what_is_gone
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.screens.typing import TypedField, TypingDialog
from piplan_tui.tui.widgets.ask_form import AskForm
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on, step

pytestmark = pytest.mark.anyio


async def test_a_call_that_comes_late_to_a_closed_dialog_is_no_crash() -> None:
    app = app_on(RunDouble([step("outline", "Draft", "Plan")]))
    late: list[NoMatches] = []

    def look_for(part: str) -> None:
        try:
            dialog.query_one(part)
        except NoMatches as missed:
            late.append(missed)

    async with app.run_test():
        dialog = ChoiceDialog("Sure?", [], [Choice("yes", "y", "Yes")])
        await app.push_screen(dialog)
        look_for("#no-such-part")
        [mistake] = late
        assert not _of_what_is_gone(mistake)
        dialog.dismiss("yes")
        while len(late) == 1:
            look_for("#dialog")
            await anyio.lowlevel.checkpoint()
        app._handle_exception(late[-1])
        assert app._exception is None


async def test_leaving_while_a_form_comes_up_is_no_crash() -> None:
    app = app_on(RunDouble([step("outline", "Draft", "Plan")]))
    async with app.run_test():
        app.screen.mount(AskForm(read_request({"message": "Which?", "fields": ["a", "b"]})))
        app.leave("left")
    assert app.return_value is not None
    assert app.return_value.ending == "left"


async def test_ctrl_q_asks_from_within_a_dialog_and_its_field() -> None:
    run = RunDouble([step("outline", "Draft", "Plan")])
    run.emit(ev.RunStarted())
    run.started("outline")
    app = app_on(run)
    async with app.run_test() as pilot:
        await app.push_screen(TypingDialog("Which?", (), [TypedField("name", "Name")]))
        await pilot.press("ctrl+q")
        assert isinstance(app.screen, ChoiceDialog)
        assert app.return_value is None


async def test_a_stop_that_cannot_be_stored_is_told_before_anybody_leaves(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = RunDouble([step("outline", "Draft", "Plan")])
    run.emit(ev.RunStarted())
    run.started("outline")

    async def full(**how: str) -> None:
        raise StoreError("cannot write events.jsonl: no space is left on the device")

    monkeypatch.setattr(run, "cancel", full)
    app = app_on(run)
    async with app.run_test() as pilot:
        await pilot.press("q", "R")
        await app.workers.wait_for_complete()
        assert [notice.message for notice in app._notifications][-1].startswith("cannot write events.jsonl")
        assert app.return_value is None
