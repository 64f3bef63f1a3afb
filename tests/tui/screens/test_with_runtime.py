"""The interface on a real runtime, with the demo agent at no pace."""

from __future__ import annotations

import json
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static

from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run.reduce import fold
from piplan_tui.run.run import Run
from piplan_tui.run.run_info import run_info
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.leaving import TuiResult
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.plan import PlanScreen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.home_list import HomeList
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.support.demo_runtime import runtime_in

pytestmark = pytest.mark.anyio

QUESTION = {"message": "Which audience?", "fields": [{"name": "audience", "type": "text"}]}


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def plan(*, ask: bool = False, title: str = "Two steps") -> dict[str, Any]:
    asked = {"demo": {"ask": QUESTION}} if ask else {}
    return {
        "id": "two",
        "title": title,
        "steps": [
            {"id": "first", "title": "First", "goal": "Write it down.", "dependsOn": [], **asked},
            {"id": "second", "title": "Second", "goal": "Read it.", "dependsOn": ["first"]},
        ],
    }


@asynccontextmanager
async def opened(
    folder: Path, document: dict[str, Any] | None, *, size: tuple[int, int] = (80, 24), **more: Any
) -> AsyncIterator[tuple[Pilot[Any], PiplanApp]]:
    path = folder / "plan.json"
    if document is not None:
        path.write_text(json.dumps(document))
    async with runtime_in(folder) as runtime:
        app = PiplanApp(runtime, plan_path=path if document is not None else None, **more)
        async with app.run_test(size=size) as pilot:
            yield pilot, app


async def going_on(app: PiplanApp) -> Run:
    """A run of the plan that waits for an answer."""
    run = await app.runtime.create_run(PlanSpec.model_validate(plan(ask=True)))
    await run.start()
    return run


async def until(pilot: Pilot[Any], what: Callable[[], object]) -> None:
    for _ in range(1_000):
        if what():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never happened")


def on_run(app: PiplanApp) -> bool:
    return isinstance(app.screen, RunScreen) and bool(app.screen.query(RunTree))


def ids(app: PiplanApp) -> list[str]:
    return [row.step.id for row in app.screen.query_one(RunTree).rows if row.step]


async def test_enter_starts_the_plan_and_it_runs_to_its_end(tmp_path: Path) -> None:
    async with opened(tmp_path, plan()) as (pilot, app):
        await until(pilot, lambda: app.screen.query(RunTree) and ids(app) == ["first", "second"])
        await pilot.press("enter")
        await until(pilot, lambda: on_run(app) and app.run_shown and app.run_shown.state.ended)
        await until(pilot, lambda: app.screen.query_one(RunTree).selected_step is not None)
        run = app.run_shown
        assert run is not None
        assert run.state.status == "completed"
        await pilot.press("q")
        await pilot.pause()
    assert app.return_value == TuiResult(run, "ended")


async def test_a_plan_that_runs_already_in_the_same_folder_is_not_started_unasked(tmp_path: Path) -> None:
    async with opened(tmp_path, plan(ask=True)) as (pilot, app):
        await until(pilot, lambda: app.screen.query(RunTree) and ids(app) == ["first", "second"])
        other = await going_on(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        body = app.screen.query_one("#dialog-body", Static).render()
        assert f"Run {other.id} of it is going on in" in str(body)
        await pilot.press("n", "enter")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        assert len(await app.runtime.store.list_runs()) == 1
        await pilot.press("y")
        await until(pilot, lambda: on_run(app))
        assert app.run_shown is not None
        assert app.run_shown.id != other.id


async def test_who_wants_no_questions_is_not_asked_about_a_run_beside(tmp_path: Path) -> None:
    async with opened(tmp_path, None) as (pilot, app):
        other = await going_on(app)
        (tmp_path / "plan.json").write_text(json.dumps(plan()))
        path = tmp_path / "plan.json"
        app.push_screen(PlanScreen(app.runtime, path, app.runtime.options, auto_start=True))
        await until(pilot, lambda: on_run(app))
        assert app.run_shown is not None
        assert app.run_shown.id != other.id


async def test_a_plan_saved_while_the_run_beside_is_asked_about_is_read_again(tmp_path: Path) -> None:
    async with opened(tmp_path, plan(ask=True)) as (pilot, app):
        await until(pilot, lambda: app.screen.query(RunTree) and ids(app) == ["first", "second"])
        await going_on(app)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        changed = plan()
        changed["steps"][0]["id"] = changed["steps"][1]["dependsOn"][0] = "begin"
        (tmp_path / "plan.json").write_text(json.dumps(changed))
        await pilot.press("n")
        await until(pilot, lambda: app.screen.query(RunTree) and ids(app) == ["begin", "second"])


async def test_a_question_is_answered_by_keys_and_the_run_goes_on(tmp_path: Path) -> None:
    async with opened(tmp_path, plan(ask=True), auto_start=True) as (pilot, app):
        await until(pilot, lambda: on_run(app) and app.screen.query(AskPanel))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen.focused, Input))
        await pilot.press(*"seed", "enter")
        await until(pilot, lambda: app.run_shown and app.run_shown.state.ended)
        run = app.run_shown
        assert run is not None
        assert run.state.status == "completed"
        answers = run.state.steps["first"].attempts[-1].answers
        assert [answer.values for answer in answers] == [{"audience": "seed"}]


@pytest.mark.parametrize("key", ["a", "1"])
async def test_beside_the_tree_an_answer_leads_back_to_the_output(tmp_path: Path, key: str) -> None:
    async with opened(tmp_path, plan(ask=True), auto_start=True, size=(120, 40)) as (pilot, app):
        await until(pilot, lambda: on_run(app) and app.screen.query(AskPanel))
        await pilot.press(key)
        await until(pilot, lambda: isinstance(app.screen.focused, Input))
        pane = app.screen.query_one(DetailPane)
        assert pane.tab == 1
        await pilot.press(*"seed", "enter")
        await until(pilot, lambda: app.run_shown and app.run_shown.state.ended)
        await until(pilot, lambda: not app.screen.query(AskPanel))
        assert pane.tab == 2


async def test_stopping_the_run_leaves_nothing_open(tmp_path: Path) -> None:
    async with opened(tmp_path, plan(ask=True), auto_start=True) as (pilot, app):
        await until(pilot, lambda: on_run(app) and app.screen.query(AskPanel))
        await pilot.press("x", "R")
        await until(pilot, lambda: app.run_shown and app.run_shown.state.ended)
        assert app.run_shown is not None
        assert app.run_shown.state.status == "cancelled"
        await until(pilot, lambda: not app.screen.query(AskPanel))


async def test_the_plan_follows_its_file_until_it_starts(tmp_path: Path) -> None:
    async with opened(tmp_path, plan()) as (pilot, app):
        await until(pilot, lambda: app.screen.query(RunTree) and ids(app) == ["first", "second"])
        await pilot.press("j")
        longer = plan(title="Three steps")
        longer["steps"].insert(0, {"id": "zeroth", "title": "Zeroth", "goal": "Wait.", "dependsOn": []})
        # as editors do: another file, renamed into place
        (tmp_path / "plan.json.new").write_text(json.dumps(longer))
        os.replace(tmp_path / "plan.json.new", tmp_path / "plan.json")
        await until(pilot, lambda: ids(app) == ["zeroth", "first", "second"])
        selected = app.screen.query_one(RunTree).selected_step
        assert selected is not None
        assert selected.id == "second", "the cursor stays on its step"

        (tmp_path / "plan.json").write_text('{"id": "two",')
        await until(pilot, lambda: app.screen.has_class("-invalid"))
        assert "1:1  ✗" in str(app.screen.query_one("#problems-text", Static).render())
        await pilot.press("enter")
        assert isinstance(app.screen, PlanScreen), "an invalid plan does not start"

        (tmp_path / "plan.json").write_text(json.dumps(plan()))
        await until(pilot, lambda: not app.screen.has_class("-invalid"))
        await pilot.press("enter")
        await until(pilot, lambda: on_run(app))


async def test_a_stored_run_is_read_first_and_taken_over_to_answer(tmp_path: Path) -> None:
    async with runtime_in(tmp_path) as runtime:
        state = await runtime.run_plan(PlanSpec.from_json(plan(ask=True)))
        assert state.status == "waiting_user"
    async with opened(tmp_path, None) as (pilot, app):
        await until(pilot, lambda: app.screen.query(HomeList) and app.screen.query_one(HomeList).rows)
        assert isinstance(app.screen, HomeScreen)
        listed = app.screen.query_one(HomeList)
        assert listed.selected is not None
        assert listed.selected.key == f"run:{state.run_id}", "what needs the user comes first"
        await pilot.press("enter")
        await until(pilot, lambda: on_run(app) and app.screen.query(AskPanel))
        assert isinstance(app.screen, RunScreen)
        assert isinstance(app.screen.run_handle, StoredRun)
        assert app.run_shown is None, "looking at a run does not make it ours"
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen.focused, Input))
        await pilot.press(*"seed", "enter")
        await until(pilot, lambda: app.run_shown and app.run_shown.state.ended)
        assert app.run_shown is not None
        assert app.run_shown.state.status == "completed"


async def test_a_run_whose_process_died_shows_as_interrupted(tmp_path: Path) -> None:
    at = datetime(2026, 3, 2, tzinfo=UTC)
    facts: list[ev.RuntimeEvent] = [
        ev.RunCreated(
            title="Two", plan_id="two", workspace="/w", mode="serial", max_concurrency=1, agent="demo"
        ),
        ev.PlanCreated(plan=plan()),
        ev.RunStarted(pid=1),
        ev.StepStarted(step_id="first", attempt=1, agent="demo"),
    ]
    for seq, event in enumerate(facts, 1):
        event.seq, event.at, event.run_id = seq, at, "r1"
    store = MemoryRuntimeStore()
    await store.create_run(run_info(fold(facts), at), b"{}", "plan.json")
    await store.append("r1", facts, durable=True)
    owned = await StoredRun.open(store, "r1", lambda: at)
    assert owned.state.status == "running"
    assert "another process" in owned.refused
    await store.close_run("r1")
    run = await StoredRun.open(store, "r1", lambda: at)
    assert run.state.status == "interrupted"
    assert run.state.steps["first"].status == "queued"
    assert run.refused == ""
