"""Where the run screen shows what a workflow returned, or how it failed."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from piplan_tui.run import events as ev
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.result import ResultScreen
from piplan_tui.tui.step_detail import result_lines
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.why_line import WhyLine
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def workflow(**created: Any) -> RunDouble:
    run = RunDouble([], **{"kind": "workflow", "agent": "demo", "source": "/project/w.py", **created})
    run.emit(ev.WorkflowCreated(name="w", language="python"))
    run.emit(ev.RunStarted())
    run.emit(ev.StepCreated(step_id="ask", document={"title": "ask", "goal": "Ask."}))
    run.started("ask")
    run.emit(ev.StepCompleted(step_id="ask", attempt=1, summary="Fine", value="Fine\nwith a second line"))
    return run


async def settle(pilot: Pilot[Any]) -> None:
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def note(app: PiplanApp) -> str:
    line = app.screen.query_one("#run-note", WhyLine)
    return "".join(span.text for span in line.why.spans) if line.display else ""


async def test_what_a_workflow_returned_is_shown_and_copied() -> None:
    run = workflow()
    app = app_on(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert note(app) == ""
        run.emit(ev.RunCompleted(result={"answer": 42, "why": "so\x1b[31m"}))
        for _ in range(500):  # the screen is drawn ten times a second
            if note(app).startswith('returned {"answer": 42'):
                break
            await pilot.pause(0.01)
        else:
            raise AssertionError("the result was never shown")
        assert "run.result" in [offer.id for offer in app.screen.query_one(KeyBar).offers]
        await pilot.press("R")
        assert isinstance(app.screen, ResultScreen)
        said = str(app.screen.query_one("#result-said", Static).render())
        assert '"answer": 42' in said
        assert "\x1b" not in said
        await pilot.press("y")
        assert '"answer": 42' in app.clipboard
        await pilot.press("R", "y")
        assert isinstance(app.screen, ChoiceDialog)
        await pilot.press("w")
        assert app.clipboard.startswith("{")


async def test_a_script_that_failed_says_how_to_go_on() -> None:
    run = workflow()
    run.emit(ev.RunFailed(reason="w.py:3: NameError: name 'x' is not defined"))
    app = app_on(run)
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        assert note(app) == "the script failed: w.py:3: NameError: name 'x' is not defined"
        await pilot.press("R")
        said = str(app.screen.query_one("#result-said", Static).render())
        assert f"piplan-tui run /project/w.py --reuse {run.id} --agent demo" in said
        await pilot.press("escape", "y", "f")
        assert app.clipboard == f"piplan-tui run /project/w.py --reuse {run.id} --agent demo"


async def test_a_declined_budget_says_how_to_go_on() -> None:
    run = workflow(budget_tokens=10)
    run.emit(ev.BudgetExceeded(kind="tokens", limit=10, spent=12))
    run.emit(ev.RunPaused(reason="budget reached: 12 of 10 tokens", by="budget"))
    app = app_on(run)
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        assert note(app) == "stays paused: budget reached: 12 of 10 tokens"
        hints = app.screen.query_one("#run-note", WhyLine).why.hints
        assert hints == (("run.pause", "asks for a higher limit again"),)


def test_the_result_of_a_call_is_its_text() -> None:
    run = workflow()
    step = run.state.steps["ask"]
    assert "".join(span.text for span in result_lines(step, None)) == "Fine\nwith a second line"
    step.value, step.document = {"value": [1, 2]}, {"call": {"wrapped": True}}
    assert "".join(span.text for span in result_lines(step, None)) == "[\n  1,\n  2\n]"
    step.value = None
    assert "".join(span.text for span in result_lines(step, None)) == "Fine", "the summary, where that is all"


async def test_in_lines_of_words_the_result_has_no_signs_between_its_keys() -> None:
    run = workflow()
    run.completed("ask")
    run.emit(ev.RunCompleted(result="fine"))
    app = PiplanApp(None, run=run, now=run.now, plain_list=True)  # type: ignore[arg-type]  # nothing here reaches the runtime
    async with app.run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("R")
        assert isinstance(app.screen, ResultScreen)
        title = str(app.screen.query_one("#dialog-title", Static).render())
        assert title == "Result  Esc closes, y copies all of it"
