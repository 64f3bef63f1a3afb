"""The interface as a whole: how it closes."""

from __future__ import annotations

import pytest

from piplan_tui.run.asks import read_request
from piplan_tui.tui.widgets.ask_form import AskForm
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on, step

pytestmark = pytest.mark.anyio


async def test_leaving_while_a_form_comes_up_is_no_crash() -> None:
    app = app_on(RunDouble([step("outline", "Draft", "Plan")]))
    async with app.run_test():
        app.screen.mount(AskForm(read_request({"message": "Which?", "fields": ["a", "b"]})))
        app.leave("left")
    assert app.return_value is not None
    assert app.return_value.ending == "left"
