"""The screen before a plan begins says what is missing, and starts once it is there."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from piplan_tui.run.before_start import Outlook
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.screens import plan as plan_screen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.tui.screens.test_with_runtime import until

pytestmark = pytest.mark.anyio

PLAN = {
    "id": "two",
    "title": "Two steps",
    "steps": [
        {"id": "first", "title": "First", "goal": "Write.", "dependsOn": []},
        {"id": "second", "title": "Second", "goal": "Read.", "dependsOn": ["first"]},
    ],
}
DONE = """#!/bin/sh
cat > /dev/null
echo '{"status": "completed", "summary": "done"}'
"""


@asynccontextmanager
async def opened(folder: Path, *, auto_start: bool = False, **options: Any) -> AsyncIterator[Pilot[Any]]:
    path = folder / "plan.json"
    path.write_text(json.dumps(PLAN))
    given = RunOptions(**{"workspace": folder, "agent": "command:./step.sh", **options})
    async with create_runtime(store=MemoryRuntimeStore(), options=given) as runtime:
        app = PiplanApp(runtime, plan_path=path, auto_start=auto_start)
        async with app.run_test(size=(80, 24), notifications=True) as pilot:
            yield pilot


def said(pilot: Pilot[Any]) -> str:
    found = pilot.app.screen.query("#problems-text")
    return str(found.only_one(Static).render()) if found else ""


def offered(pilot: Pilot[Any]) -> dict[str, str]:
    return {offer.key: offer.label for offer in pilot.app.screen.query_one(KeyBar).offers}


def make_step(folder: Path) -> None:
    (folder / "step.sh").write_text(DONE)
    (folder / "step.sh").chmod(0o755)


async def runs(pilot: Pilot[Any]) -> int:
    app: Any = pilot.app
    return len(await app.runtime.store.list_runs())


async def test_enter_starts_nothing_without_the_agent_and_the_run_once_it_is_there(tmp_path: Path) -> None:
    async with opened(tmp_path) as pilot:
        await until(pilot, lambda: said(pilot))
        assert said(pilot) == (f"✗ Cannot start yet: the program ./step.sh was not found in {tmp_path}.")
        assert offered(pilot)["Enter"] == "look again"
        await pilot.press("enter")
        await until(pilot, lambda: list(pilot.app._notifications))
        assert [notice.message for notice in pilot.app._notifications] == [
            "Looked again: it still cannot start."
        ]
        assert await runs(pilot) == 0
        make_step(tmp_path)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))
        app: Any = pilot.app
        await until(pilot, lambda: app.run_shown.state.ended)
        assert app.run_shown.state.status == "completed"


async def test_what_was_mended_elsewhere_is_seen_without_a_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plan_screen, "LOOK_AGAIN_SECONDS", 0.001)
    async with opened(tmp_path) as pilot:
        await until(pilot, lambda: said(pilot))
        make_step(tmp_path)
        await until(pilot, lambda: not said(pilot))
        assert offered(pilot)["Enter"] == "start"


async def test_a_start_without_a_question_stays_here_when_it_cannot(tmp_path: Path) -> None:
    async with opened(tmp_path, auto_start=True) as pilot:
        await until(pilot, lambda: said(pilot))
        await pilot.pause()
        assert not isinstance(pilot.app.screen, RunScreen)
        assert await runs(pilot) == 0
        assert not pilot.app._notifications


async def test_what_only_later_steps_need_keeps_nothing_from_starting(tmp_path: Path) -> None:
    rules = {"by": {"id": {"second": {"agent": "command:./other.sh"}}}}
    make_step(tmp_path)
    async with opened(tmp_path, steps=rules) as pilot:
        await until(pilot, lambda: said(pilot))
        assert said(pilot) == (f"! second cannot start: the program ./other.sh was not found in {tmp_path}.")
        assert offered(pilot)["Enter"] == "start"
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(pilot.app.screen, RunScreen))


async def test_a_workspace_that_goes_away_meanwhile(tmp_path: Path) -> None:
    workspace = tmp_path / "work"
    workspace.mkdir()
    async with opened(tmp_path, workspace=workspace, agent="demo") as pilot:
        await until(pilot, lambda: offered(pilot).get("Enter") == "start")
        workspace.rmdir()
        await pilot.press("enter")
        await until(pilot, lambda: said(pilot))
        assert said(pilot).startswith(
            f"✗ Cannot start yet: the workspace {workspace} is not a folder; make it"
        )
        assert await runs(pilot) == 0


async def test_the_screen_does_not_wait_for_the_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    looking = anyio.Event()

    async def hangs(self: PlanRuntime, state: RunState) -> Outlook:
        looking.set()
        await anyio.sleep_forever()
        return Outlook()

    monkeypatch.setattr(PlanRuntime, "outlook", hangs)
    async with opened(tmp_path) as pilot:
        await until(pilot, looking.is_set)
        await pilot.press("j")
        step = pilot.app.screen.query_one(RunTree).selected_step
        assert step is not None
        assert step.id == "second"
        assert offered(pilot)["Enter"] == "start"
