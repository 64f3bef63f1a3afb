"""What people and programs see of a workflow's run before, while and after it runs."""

from __future__ import annotations

import pytest

from piplan_tui.views.header import header_lines
from piplan_tui.views.json_state import state_document
from piplan_tui.views.phase_row import phase_cells, phase_finished, phase_status
from piplan_tui.views.step_row import step_cells
from piplan_tui.views.summary import summary
from piplan_tui.views.terminal_json import dumps
from piplan_tui.views.why import why
from tests.workflow.scripts import WorkflowBench

pytestmark = pytest.mark.anyio

SCRIPT = """
meta = {"name": "Audit", "description": "looks", "phases": ["Find", "Check", "Report"]}
async def main(wf):
    wf.phase("Find")
    await wf.agent("find")
    await wf.agent("check", phase="Check", retries=0)
    return {"found": 1}
"""


async def test_every_view_shows_a_workflow_at_every_moment(bench: WorkflowBench) -> None:
    bench.steps.fail("check")
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(SCRIPT), args=[1])
        statuses = {phase.title: phase_status(phase) for phase in run.state.phases.values()}
        assert statuses == {"Find": "pending", "Check": "pending", "Report": "pending"}
        assert not any(phase_finished(phase) for phase in run.state.phases.values())

        def look(event: object) -> None:
            state, now = run.state, run.now()
            header_lines(state, now, 80)
            summary(state, now)
            for phase in state.phases.values():
                phase_cells(state, phase)
            for step in state.order:
                step_cells(state, step, now)
                why(state, step, now)
            dumps(state_document(state, now))

        look(None)
        run.subscribe(look)
        await run.start()
        state = await run.wait()
        document = state_document(state, run.now())
        again = await runtime.create_workflow_run(bench.load(SCRIPT), args=[1], reuse_from=run.id)
        again.subscribe(look)
        await again.start()
        reused = state_document((await again.wait()), run.now())
    assert {phase.title: phase_status(phase) for phase in state.phases.values()} == {
        "Find": "completed",
        "Check": "failed",
        "Report": "pending",
    }
    assert document["kind"] == "workflow"
    assert document["workflow"] == {
        "name": "Audit",
        "language": "python",
        "description": "looks",
        "args": [1],
        "phase": "Find",
        "reuseFrom": None,
        "result": {"found": 1},
    }
    assert reused["workflow"]["reuseFrom"] == run.id
    assert reused["counts"] == {"reused": 1, "completed": 1}
