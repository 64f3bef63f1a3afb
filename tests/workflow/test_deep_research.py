"""The example, played by the demo agent through the real step runner."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from pathlib import Path

import anyio
import pytest

from piplan_tui.agents.demo import DemoAgent
from piplan_tui.run import events as ev
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RuntimeStore
from piplan_tui.workflow.load import load_workflow

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[2] / "examples" / "deep_research.py"


async def _no_processes(run_id: str) -> int:
    return 0


def runtime_at(store: RuntimeStore, workspace: Path) -> PlanRuntime:
    return PlanRuntime(
        store=store,
        make_agent=lambda name: DemoAgent(pace=0),
        sweep=_no_processes,
        options=RunOptions(workspace=workspace, agent="demo", workflow_concurrency=4),
    )


async def test_deep_research_makes_26_calls_and_reports(tmp_path: Path) -> None:
    loaded = load_workflow(EXAMPLE)
    assert loaded.problems == []
    assert [phase["title"] for phase in loaded.phases] == ["Scope", "Research", "Verify", "Synthesize"]
    async with runtime_at(MemoryRuntimeStore(), tmp_path) as runtime:
        run = await runtime.create_workflow_run(loaded, args={"question": "Why?"})
        await run.start()
        state = await run.wait()
        assert state.status == "completed", state.reason
        assert Counter(step.phase for step in state.order) == {
            "Scope": 1,
            "Research": 6,
            "Verify": 18,
            "Synthesize": 1,
        }
        assert {step.status for step in state.order} == {"completed"}
        assert all(len(step.attempts) == 1 and not step.attempts[0].reprompts for step in state.order)
        assert state.result["question"] == "Why?"
        assert state.result["report"]
        again = await runtime.create_workflow_run(loaded, args={"question": "Why?"}, reuse_from=run.id)
        await again.start()
        state = await again.wait()
    assert (state.counts["reused"], len(state.order)) == (26, 26)
    assert not os.listdir(tmp_path), "a call leaves no handoff files in the workspace"


async def test_a_run_that_is_cut_off_at_13_calls_makes_only_the_others_after_it(tmp_path: Path) -> None:
    async with runtime_at(FileRuntimeStore(tmp_path / "store"), tmp_path) as runtime:
        run = await runtime.create_workflow_run(load_workflow(EXAMPLE))
        reached = anyio.Event()

        def stop_at_13(event: ev.RuntimeEvent) -> None:
            if run.state.counts.get("completed") == 13:
                reached.set()

        run.subscribe(stop_at_13)
        await run.start()
        await reached.wait()
        await run._journal.sync()
        shutil.copytree(tmp_path / "store", tmp_path / "crashed")
    async with runtime_at(FileRuntimeStore(tmp_path / "crashed"), tmp_path) as runtime:
        again = await runtime.open_run(run.id)
        finished = again.state.counts["completed"]
        assert finished >= 13
        assert (await runtime.reuse_forecast(run.id)).reuse == finished
        started: list[str] = []
        again.subscribe(
            lambda event: started.append(event.step_id) if isinstance(event, ev.StepStarted) else None
        )
        await again.start()
        state = await again.wait()
    assert (state.status, len(state.order), state.counts["completed"]) == ("completed", 26, 26)
    assert len(started) == 26 - finished
