"""A JavaScript workflow on a real run: the same steps, limits and reuse as a Python one."""

from __future__ import annotations

import pytest

from piplan_tui.workflow.load import LoadedWorkflow, load_workflow
from tests.workflow.scripts import WorkflowBench

pytestmark = pytest.mark.anyio

FLOW = """export const meta = { name: 'Survey', description: 'looks', phases: [{ title: 'Look', detail: 'each' }] }
phase('Look')
const found = await pipeline(args, (item) => agent(`look at ${item}`, { label: `look ${item}` }),
  (text, item) => parallel([1, 2].map((n) => () => agent(`vote on ${item}`, { phase: 'Vote' }))))
return found
"""


def written(bench: WorkflowBench, source: str, name: str = "flow.js") -> LoadedWorkflow:
    (bench.folder / name).write_text(source)
    return load_workflow(bench.folder / name)


async def test_it_runs_as_steps_under_phases_and_is_reused_by_content(bench: WorkflowBench) -> None:
    loaded = written(bench, FLOW)
    assert (loaded.kind, loaded.name, loaded.problems) == ("javascript", "Survey", [])
    assert [phase["title"] for phase in loaded.phases] == ["Look", "Vote"]
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, loaded, args=["a", "b"])
        assert state.result == [["<vote on a>", "<vote on a>"], ["<vote on b>", "<vote on b>"]]
        assert {phase.title: len(phase.steps) for phase in state.phases.values()} == {"Look": 2, "Vote": 4}
        bench.answers.prompts.clear()
        edited = written(
            bench, FLOW.replace("`vote on ${item}`", "`vote on ${item}` + (item === 'b' ? '!' : '')")
        )
        _, state = await bench.finish(runtime, edited, args=["new", "a", "b"], reuse_from=run.id)
    assert state.counts["reused"] == 4
    assert sorted(bench.answers.prompts) == [
        "look at new",
        "vote on b!",
        "vote on b!",
        "vote on new",
        "vote on new",
    ]


async def test_a_mistake_ends_the_run_with_its_place(bench: WorkflowBench) -> None:
    loaded = written(bench, "await agent('a')\nthrow new Error('no more')\n")
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, loaded)
    assert (state.status, state.counts["completed"]) == ("failed", 1)
    assert f"{bench.folder / 'flow.js'}:2:" in state.reason
    assert "no more" in state.reason


async def test_the_sandbox_reaches_other_javascript_workflows_only(bench: WorkflowBench) -> None:
    written(bench, "return await agent(`deep ${args}`)", "inner.js")
    (bench.folder / "trusted.py").write_text("async def main(wf):\n    raise AssertionError('outside')\n")
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, written(bench, "return await workflow('inner', 7)"))
        assert state.result == "<deep 7>"
        for name in ("trusted", "trusted.py", "../inner", str(bench.folder / "inner.js")):
            _, state = await bench.finish(runtime, written(bench, f"return await workflow({name!r})"))
            assert state.status == "failed"
            assert "outside" not in state.reason
            assert "workflow" in state.reason


async def test_cancel_stops_a_script_that_waits(bench: WorkflowBench) -> None:
    bench.steps.hold("slow")
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(written(bench, "return await agent('slow')"))
        await run.start()
        await bench.steps.started("slow")
        await run.cancel()
        assert (await run.wait()).status == "cancelled"
    assert bench.steps.cancelled == ["slow"]
