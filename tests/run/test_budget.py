"""The limit of a run: no agent starts beyond it, the run asks, and every answer does what it says."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from piplan_tui.run import budget
from piplan_tui.run import events as ev
from piplan_tui.run.budget import budget_request
from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.reduce import fold
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.store.file import FileRuntimeStore
from tests.run.plans import plan
from tests.workflow.scripts import WorkflowBench

pytestmark = pytest.mark.anyio

FAN_OUT = "return await wf.parallel([lambda n=n: wf.agent(f'n{n}') for n in range(6)])"
ALL = [f"<n{number}>" for number in range(6)]


@pytest.fixture
def bench(tmp_path: Path) -> WorkflowBench:
    bench = WorkflowBench(tmp_path, FileRuntimeStore(tmp_path / "store"))
    bench.options = replace(bench.options, budget_tokens=250, workflow_concurrency=1)
    bench.answers.tokens = 100
    return bench


def the_ask(run: Run) -> str:
    (ask,) = run.state.asks.values()
    assert (ask.kind, ask.step_id) == ("budget", "")
    return ask.id


async def test_the_run_asks_and_goes_on_with_a_higher_limit(bench: WorkflowBench) -> None:
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, FAN_OUT)
        assert (state.status, state.paused_by, state.counts["completed"]) == ("paused", "budget", 3)
        request = run.request(the_ask(run))
        assert request.title == "The budget of 250 tokens is spent"
        assert [option.value for option in request.fields[0].options] == ["raise", "lift", "stop"]
        await run.answer(the_ask(run), {"decision": "raise", "limit": 450})
        state = await run.wait()
        assert (state.status, state.counts["completed"], state.budget_tokens) == ("paused", 5, 450)
        await run.answer(the_ask(run), {"decision": "lift"})
        state = await run.wait()
    assert (state.status, state.result, state.budget_tokens) == ("completed", ALL, None)
    assert len(bench.answers.prompts) == 6


@pytest.mark.parametrize("limit", [300, 1])
async def test_a_limit_that_is_used_up_is_no_answer(bench: WorkflowBench, limit: int) -> None:
    async with bench.runtime() as runtime:
        run, _ = await bench.finish(runtime, FAN_OUT)
        with pytest.raises(AnswerInvalid, match="must be above the 300 tokens that are used already"):
            await run.answer(the_ask(run), {"decision": "raise", "limit": limit})
        assert the_ask(run)


async def test_stopping_keeps_what_is_done_and_the_run_can_be_taken_up(bench: WorkflowBench) -> None:
    async with bench.runtime() as runtime:
        run, _ = await bench.finish(runtime, FAN_OUT)
        await run.answer(the_ask(run), {"decision": "stop"})
        state = await run.wait()
        assert (state.status, state.reason, state.asks) == ("cancelled", "stopped at its budget", {})
        assert state.counts["completed"] == 3
        # taking it up again does not start an agent beyond the limit either
        await run.retry()
        state = await run.wait()
        assert (state.status, len(bench.answers.prompts)) == ("paused", 3)
        await run.answer(the_ask(run), {"decision": "lift"})
        assert (await run.wait()).result == ALL
    assert len(bench.answers.prompts) == 6


async def test_declining_leaves_it_paused_and_going_on_asks_again(bench: WorkflowBench) -> None:
    async with bench.runtime() as runtime:
        run, _ = await bench.finish(runtime, FAN_OUT)
        await run.answer(the_ask(run), action="decline")
        assert ((await run.wait()).status, run.state.asks) == ("paused", {})
        with pytest.raises(
            ControlRefused, match="the budget is spent: 300 of 250 tokens; answer the question"
        ):
            await run.resume()
        assert the_ask(run)
        await run.configure(budget_tokens=10_000)
        assert run.state.asks == {}
        await run.resume()
        assert (await run.wait()).status == "completed"


async def test_the_question_outlives_the_process_and_is_answered_while_nobody_runs_it(
    bench: WorkflowBench,
) -> None:
    async with bench.runtime() as runtime:
        run, _ = await bench.finish(runtime, FAN_OUT)
        run_id, ask_id = run.id, the_ask(run)
    async with bench.runtime() as runtime:
        run = await runtime.open_run(run_id)
        assert the_ask(run) == ask_id
        await run.answer(ask_id, {"decision": "raise", "limit": 10_000})
        assert (run.state.status, len(bench.answers.prompts)) == ("paused", 3)
    async with bench.runtime() as runtime:
        run = await runtime.open_run(run_id)
        await run.start()
        assert (await run.wait()).result == ALL
        stored = [event async for event in bench.store.read(run_id)]
    assert fold(stored) == run.state
    assert len(bench.answers.prompts) == 6


async def test_taking_a_spent_run_up_shows_its_question_and_starts_nothing(bench: WorkflowBench) -> None:
    async with bench.runtime() as runtime:
        run, _ = await bench.finish(runtime, FAN_OUT)
        run_id, ask_id = run.id, the_ask(run)
    async with bench.runtime() as runtime:
        run = await runtime.open_run(run_id)
        await run.start()
        assert ((await run.wait()).status, the_ask(run)) == ("paused", ask_id)
        assert len(bench.answers.prompts) == 3
        await run.answer(ask_id, {"decision": "lift"})
        assert (await run.wait()).result == ALL


async def test_plans_have_the_same_limit(bench: WorkflowBench) -> None:
    bench.options = replace(bench.options, max_concurrency=1)
    three = plan({"a": [], "b": [], "c": []})
    async with bench.runtime() as runtime:
        run = await runtime.create_run(three, options=replace(bench.options, budget_tokens=100))
        await run.start()
        state = await run.wait()
        assert (state.status, state.counts["completed"]) == ("paused", 1)
        await run.answer(the_ask(run), {"decision": "raise", "limit": 200})
        assert (await run.wait()).counts["completed"] == 2
        await run.answer(the_ask(run), {"decision": "lift"})
        assert (await run.wait()).status == "completed"


async def test_a_limit_in_money_is_asked_about_in_dollars() -> None:
    over = ev.BudgetExceeded(kind="usd", limit=0.3, spent=0.31)
    request = budget_request(over)
    assert request["title"] == "The budget of $0.30 is spent"
    assert request["fields"][1]["type"] == "number"
    assert request["fields"][1]["default"] == 0.6


async def test_a_run_that_nobody_runs_can_be_stopped_by_its_answer(bench: WorkflowBench) -> None:
    async with bench.runtime() as runtime:
        run, _ = await bench.finish(runtime, FAN_OUT)
        run_id, ask_id = run.id, the_ask(run)
    async with bench.runtime() as runtime:
        run = await runtime.open_run(run_id)
        await run.answer(ask_id, {"decision": "stop"})
        assert (run.state.status, run.state.counts["completed"]) == ("cancelled", 3)


@pytest.mark.parametrize(("limit", "spent"), [(100, 100), (100, 199), (100, 200), (100, 950)])
def test_the_limit_that_is_suggested_lets_the_run_go_on(limit: int, spent: int) -> None:
    over = ev.BudgetExceeded(kind="tokens", limit=limit, spent=spent)
    assert budget.higher_limit(over) > spent
