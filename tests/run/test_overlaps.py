"""Files that running steps change at once, and the agent's own plan, from what sessions say."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from piplan_tui.agents.protocol import PlanItem, PlanReported, ToolStarted
from piplan_tui.run.model import StepDone, StepJob
from piplan_tui.run.step_runner import StepPort
from piplan_tui.views.json_state import state_document
from piplan_tui.views.step_row import step_note
from tests.run.conftest import Bench
from tests.run.plans import plan
from tests.run.steps import Steps

pytestmark = pytest.mark.anyio


class WritingSteps(Steps):
    """Every step writes these files before it does what it is told."""

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        port.said(ToolStarted("c", "write", "notes.md", {}, ("src/../notes.md", "/etc/hosts", "")))
        port.said(PlanReported((PlanItem("look", "completed"), PlanItem("fix", "in_progress"))))
        return await super().execute(job, port)


async def test_two_running_steps_that_touch_the_same_file(bench: Bench) -> None:
    bench.steps = steps = WritingSteps()
    steps.hold("a", "b")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": [], "c": ["a", "b"]}))
        await run.start()
        await steps.started("a", "b")
        state = run.state
        assert state.steps["a"].overlaps == {}
        assert state.steps["b"].overlaps == {"notes.md": ["a"], "/etc/hosts": ["a"]}
        now = datetime.now(UTC)
        assert step_note(state, state.steps["b"], now).text == "notes.md is being changed by a too"
        document = state_document(state, now)
        attempt = document["steps"][0]["attempts"][0]
        assert attempt["changedFiles"] == ["notes.md", "/etc/hosts"]
        assert [(entry.text, entry.status) for entry in attempt["plan"]] == [
            ("look", "completed"), ("fix", "in_progress")
        ]  # fmt: skip
        steps.release("a", "b")
        state = await run.wait()
    assert state.status == "completed"
    assert state.steps["c"].overlaps == {}, "the others had ended"
    assert state.touched == {}
