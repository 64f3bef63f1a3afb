from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from piplan_tui.run import events as ev
from piplan_tui.run.model import StepResult
from piplan_tui.run.reduce import fold
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.state import TERMINAL
from piplan_tui.store.memory import MemoryRuntimeStore
from tests.run.conftest import Bench
from tests.run.plans import graphs, plan

pytestmark = pytest.mark.anyio


async def test_serial_runs_ready_steps_one_at_a_time_in_plan_order(bench: Bench) -> None:
    async with bench.runtime() as runtime:
        state = await runtime.run_plan(plan({"c": ["b"], "a": [], "b": [], "d": []}, mode="serial"))
    assert state.status == "completed"
    assert [job.given.step["id"] for job in bench.steps.jobs] == ["a", "b", "c", "d"]
    assert bench.steps.most_running == 1


async def test_parallel_runs_up_to_max_concurrency(bench: Bench) -> None:
    async with bench.runtime() as runtime:
        state = await runtime.run_plan(plan({f"s{number}": [] for number in range(10)}))
    assert state.status == "completed"
    assert bench.steps.most_running == 3


async def test_a_failed_step_blocks_only_what_depends_on_it_and_the_run_says_why(bench: Bench) -> None:
    bench.steps.fail("a", "the provider said 500")
    async with bench.runtime() as runtime:
        state = await runtime.run_plan(plan({"a": [], "a2": ["a"], "a3": ["a2"], "b": [], "b2": ["b"]}))
    assert {step.id: step.status for step in state.order} == {
        "a": "failed",
        "a2": "blocked",
        "a3": "blocked",
        "b": "completed",
        "b2": "completed",
    }
    assert state.status == "failed"
    assert state.reason == "step a failed: the provider said 500"


async def test_a_waiting_step_frees_its_slot_and_other_branches_go_on(bench: Bench) -> None:
    bench.options = replace(bench.options, max_concurrency=1)
    bench.steps.ask("a", {"message": "Which audience?"})
    async with bench.runtime() as runtime:
        state = await runtime.run_plan(plan({"a": [], "after": ["a"], "b": [], "c": ["b"]}))
        assert state.status == "waiting_user"
        assert state.steps["c"].status == "completed"
        assert state.steps["after"].status == "pending"
        state = await runtime.resume_step_with_input(plan_id="p", step_id="a", values={"answer": "seed"})
    assert state.status == "completed"
    assert bench.steps.attempts("a") == 2
    answered = bench.steps.jobs[-2]
    assert (answered.reason, answered.given.attempt) == ("answer", 1)
    assert answered.given.user_input[-1].values == {"answer": "seed"}


async def test_dependents_get_the_handoffs_of_their_dependencies_in_order(bench: Bench) -> None:
    async with bench.runtime() as runtime:
        await runtime.run_plan(plan({"a": [], "b": [], "c": ["b", "a"]}), metadata={"projectId": "p1"})
    last = bench.steps.jobs[-1].given
    assert [handoff.step_id for handoff in last.dependencies] == ["b", "a"]
    assert last.metadata == {"projectId": "p1"}


async def test_unknown_fields_of_plan_and_step_reach_the_step(bench: Bench) -> None:
    spec = plan({"a": []}, owner="team-7", mode="serial")
    spec = spec.model_validate(
        {**spec.to_json(), "steps": [{**spec.steps[0].to_json(), "role": {"name": "x"}}]}
    )
    async with bench.runtime() as runtime:
        await runtime.run_plan(spec)
    given_input = bench.steps.jobs[0].given
    assert given_input.plan["owner"] == "team-7"
    assert given_input.step["role"] == {"name": "x"}
    assert "steps" not in given_input.plan


async def test_pause_starts_nothing_new_and_resume_goes_on(bench: Bench) -> None:
    bench.steps.hold("a")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
        await run.start()
        await bench.steps.started("a")
        await run.pause()
        bench.steps.release("a")
        state = await run.wait()
        assert (state.status, state.steps["a"].status, state.steps["b"].status) == (
            "paused",
            "completed",
            "queued",
        )
        await run.resume()
        assert (await run.wait()).status == "completed"


async def test_cancel_leaves_no_step_that_could_still_change(bench: Bench) -> None:
    bench.steps.hold("a", "b")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(
            plan({"done": [], "a": ["done"], "b": ["done"], "c": ["a"], "d": ["c"]})
        )
        await run.start()
        await bench.steps.started("a", "b")
        result = await run.cancel(reason="enough")
        assert (result.cancelled, result.processes_left) == (True, 0)
        assert sorted(result.cancelled_steps) == ["a", "b", "c", "d"]
        assert all(step.status in TERMINAL for step in run.state.order)
        assert [run.state.steps[name].status for name in "abcd"] == ["cancelled"] * 4
        assert run.state.status == "cancelled"
        assert sorted(bench.steps.cancelled) == ["a", "b"]
        again = await run.cancel()
        assert (again.cancelled, again.status) == (False, "cancelled")
        assert bench.swept == [run.token]


async def test_a_cancelled_run_is_taken_up_again_with_retry(bench: Bench) -> None:
    bench.steps.hold("a")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
        await run.start()
        await bench.steps.started("a")
        await run.cancel()
        bench.steps.release("a")
        assert await run.retry() == ["a", "b"]
        state = await run.wait()
    assert state.status == "completed"
    assert [attempt.status for attempt in state.steps["a"].attempts] == ["cancelled", "completed"]


async def test_retry_of_a_failed_step_frees_what_it_blocked(bench: Bench) -> None:
    bench.steps.fail("a")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"], "c": ["b"]}))
        await run.start()
        assert (await run.wait()).status == "failed"
        assert await run.retry(goal="try harder") == ["a"]
        state = await run.wait()
    assert state.status == "completed"
    assert bench.steps.jobs[1].given.step["goal"] == "try harder"
    assert bench.steps.jobs[1].given.attempt == 2


async def test_an_edited_goal_is_what_the_step_is_given_and_a_tried_step_is_not_edited(bench: Bench) -> None:
    bench.steps.hold("a")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
        await run.start()
        await bench.steps.started("a")
        await run.edit_step("b", "shorter")
        with pytest.raises(ControlRefused, match="step a is running"):
            await run.edit_step("a", "longer")
        with pytest.raises(ControlRefused, match="needs a goal"):
            await run.edit_step("b", "  ")
        bench.steps.release("a")
        state = await run.wait()
    assert state.status == "completed"
    assert bench.steps.jobs[1].given.step["goal"] == "shorter"


async def test_retry_with_downstream_runs_completed_dependents_again(bench: Bench) -> None:
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"], "x": []}))
        await run.start()
        await run.wait()
        assert await run.retry(["a"], with_downstream=True) == ["a", "b"]
        state = await run.wait()
    assert state.status == "completed"
    assert [bench.steps.attempts(name) for name in ("a", "b", "x")] == [2, 2, 1]


async def test_skip_goes_on_without_the_step(bench: Bench) -> None:
    bench.steps.fail("a")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
        await run.start()
        await run.wait()
        await run.skip("a")
        state = await run.wait()
    assert (state.status, state.steps["a"].status, state.steps["b"].status) == (
        "completed",
        "skipped",
        "completed",
    )


async def test_cancelling_one_step_lets_the_rest_finish(bench: Bench) -> None:
    bench.steps.hold("a")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"], "c": []}))
        await run.start()
        await bench.steps.started("a")
        await run.cancel_step("a")
        state = await run.wait()
    assert {step.id: step.status for step in state.order} == {
        "a": "cancelled",
        "b": "blocked",
        "c": "completed",
    }
    assert state.status == "cancelled"


async def test_an_error_inside_an_executor_fails_the_step_and_not_the_run_loop(bench: Bench) -> None:
    bench.steps.outcomes["a"].append(RuntimeError("boom"))
    async with bench.runtime() as runtime:
        state = await runtime.run_plan(plan({"a": [], "b": []}))
    assert state.steps["b"].status == "completed"
    assert state.reason == "step a failed: internal error: RuntimeError: boom"


async def test_an_agent_that_says_cancelled_ends_the_run_as_cancelled(bench: Bench) -> None:
    bench.steps.outcomes["a"].append(StepResult(status="cancelled", summary="not wanted"))
    async with bench.runtime() as runtime:
        state = await runtime.run_plan(plan({"a": [], "b": []}))
    assert state.status == "cancelled"


@st.composite
def graphs_that_fail_and_ask(draw: st.DrawFn) -> tuple[dict[str, list[str]], set[str], set[str]]:
    """A graph, up to two of its steps that fail, and up to two that ask.

    Everything is drawn here: what ends a draw inside of a coroutine is left in a task that nobody awaits.
    """
    edges = draw(graphs())
    some = st.sets(st.sampled_from(sorted(edges)), max_size=2)
    return edges, draw(some), draw(some)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(drawn=graphs_that_fail_and_ask(), slots=st.integers(1, 4))
async def test_the_rules_hold_for_any_plan_and_any_outcome(
    tmp_path_factory: pytest.TempPathFactory,
    drawn: tuple[dict[str, list[str]], set[str], set[str]],
    slots: int,
) -> None:
    edges, failing, asking = drawn
    bench = Bench(tmp_path_factory.getbasetemp(), MemoryRuntimeStore())
    bench.options = replace(bench.options, max_concurrency=slots)
    for step_id in asking:
        bench.steps.ask(step_id, {"message": "?"})
    for step_id in failing:
        bench.steps.fail(step_id)
    finished: set[str] = set()
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan(edges))
        seen: list[ev.RuntimeEvent] = []
        run.subscribe(seen.append)

        def watch(event: ev.RuntimeEvent) -> None:
            if isinstance(event, ev.StepStarted):
                assert set(edges[event.step_id]) <= finished
            if isinstance(event, ev.StepCompleted):
                finished.add(event.step_id)
            assert run.state.slots_used <= slots

        run.subscribe(watch)
        await run.start()
        state = await run.wait()
        while state.status == "waiting_user":
            await run.answer(next(iter(state.asks)), {"answer": "x"})
            state = await run.wait()
        assert state.ended
        assert all(step.status in TERMINAL for step in state.order)
        assert bench.steps.most_running <= slots
        for step in state.order:
            broken = {name for name in edges[step.id] if state.steps[name].status in ("failed", "blocked")}
            assert (step.status == "blocked") == bool(broken)
            assert (step.status == "failed") == (step.id in failing and not broken)
        assert [event.seq for event in seen] == list(range(3, state.seq + 1))
        await runtime.store.close_run(run.id)
        stored = [event async for event in runtime.store.read(run.id)]
        assert fold(stored) == state
