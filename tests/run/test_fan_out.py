"""Large fan-outs: what they are likely to use is shown, and where the user is there, asked about."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from piplan_tui.run.run import Run
from piplan_tui.store.file import FileRuntimeStore
from tests.workflow.scripts import WorkflowBench, logs

pytestmark = pytest.mark.anyio

SCRIPTS = {
    "python": """
first = await wf.agent("first")
return len(await wf.parallel([lambda n=n: wf.agent(f"n{n}") for n in range(8)]))
""",
    "javascript": """
const first = await agent('first')
return (await parallel(Array.from({ length: 8 }, (_, n) => () => agent('n' + n)))).length
""",
}


@pytest.fixture
def bench(tmp_path: Path) -> WorkflowBench:
    bench = WorkflowBench(tmp_path, FileRuntimeStore(tmp_path / "store"))
    bench.options = replace(bench.options, ask_agents=5)
    bench.answers.tokens = 100
    return bench


def the_ask(run: Run) -> str:
    (ask,) = run.state.asks.values()
    assert (ask.kind, ask.step_id) == ("fanOut", "")
    return ask.id


@pytest.mark.parametrize("language", list(SCRIPTS))
async def test_a_large_fan_out_is_asked_about_before_it_begins(bench: WorkflowBench, language: str) -> None:
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load_as(language, SCRIPTS[language]))
        await run.start()
        state = await run.wait()
        assert (state.status, bench.answers.prompts) == ("waiting_user", ["first"])
        request = run.request(the_ask(run))
        assert request.title == "About 8 agent calls come next"
        assert request.message == (
            "8 items come next, about 8 agent calls: about 800 tokens, if each uses as much as the one so far."
        )
        await run.answer(the_ask(run), {"decision": "go"})
        state = await run.wait()
    assert (state.status, state.result, len(bench.answers.prompts)) == ("completed", 8, 9)


@pytest.mark.parametrize("language", list(SCRIPTS))
async def test_the_answer_holds_after_a_crash(bench: WorkflowBench, language: str) -> None:
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load_as(language, SCRIPTS[language]))
        await run.start()
        await run.wait()
        run_id, ask_id = run.id, the_ask(run)
    async with bench.runtime() as runtime:
        run = await runtime.open_run(run_id)
        assert the_ask(run) == ask_id
        await run.answer(ask_id, {"decision": "go"})
    async with bench.runtime() as runtime:
        run = await runtime.open_run(run_id)
        await run.start()
        state = await run.wait()
    assert (state.status, state.result) == ("completed", 8)
    assert sorted(bench.answers.prompts) == sorted(["first", *(f"n{n}" for n in range(8))])


@pytest.mark.parametrize("refusal", [{"values": {"decision": "stop"}}, {"action": "decline"}])
async def test_the_run_can_be_stopped_instead(bench: WorkflowBench, refusal: dict[str, str]) -> None:
    async with bench.runtime() as runtime:
        run, _ = await bench.finish(runtime, SCRIPTS["python"])
        await run.answer(the_ask(run), **refusal)  # type: ignore[arg-type]  # one of two shapes
        state = await run.wait()
    assert (state.status, state.reason) == ("cancelled", "stopped before a large fan-out")
    assert bench.answers.prompts == ["first"]


async def test_one_that_does_not_fit_into_the_budget_is_asked_about_however_small(
    bench: WorkflowBench,
) -> None:
    bench.options = replace(bench.options, ask_agents=1_000, budget_tokens=500)
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, SCRIPTS["python"])
        assert state.status == "waiting_user"
        assert run.request(the_ask(run)).message.endswith("Only 400 tokens of the budget are left.")


async def test_a_run_without_anybody_to_ask_says_it_and_goes_on(bench: WorkflowBench) -> None:
    bench.options = replace(bench.options, ask_agents=None)
    script = "await wf.agent('first')\nawait wf.pipeline(range(15), *[lambda p, n: wf.agent(f'{p}')] * 2)"
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        said = logs(run)
        await run.start()
        assert (await run.wait()).status == "completed"
    assert said == [
        "15 items come next, about 30 agent calls: about 3,000 tokens, if each uses as much as the one so far"
    ]


async def test_calls_that_have_a_result_are_not_counted(bench: WorkflowBench) -> None:
    async with bench.runtime() as runtime:
        first, _ = await bench.finish(
            runtime, SCRIPTS["python"], options=replace(bench.options, ask_agents=None)
        )
        again = await runtime.create_workflow_run(bench.load(SCRIPTS["python"]), reuse_from=first.id)
        await again.start()
        state = await again.wait()
    assert (state.status, state.counts["reused"]) == ("completed", 9)
