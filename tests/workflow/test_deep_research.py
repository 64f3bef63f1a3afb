"""The example, played by the demo agent through the real step runner."""

from __future__ import annotations

import os
from collections import Counter
from pathlib import Path

import pytest

from piplan_tui.agents.demo import DemoAgent
from piplan_tui.run.runtime import PlanRuntime, RunOptions
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.workflow.load import load_workflow

pytestmark = pytest.mark.anyio

EXAMPLE = Path(__file__).parents[2] / "examples" / "deep_research.py"


async def _no_processes(run_id: str) -> int:
    return 0


async def test_deep_research_makes_26_calls_and_reports(tmp_path: Path) -> None:
    loaded = load_workflow(EXAMPLE)
    assert loaded.problems == []
    assert [phase["title"] for phase in loaded.phases] == ["Scope", "Research", "Verify", "Synthesize"]
    store = MemoryRuntimeStore()
    async with PlanRuntime(
        store=store,
        make_agent=lambda name: DemoAgent(pace=0),
        sweep=_no_processes,
        options=RunOptions(workspace=tmp_path, agent="demo"),
    ) as runtime:
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
