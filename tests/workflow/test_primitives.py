"""What each primitive of a Python workflow does, on a real run over scripted agents."""

from __future__ import annotations

import warnings
from dataclasses import replace

import pytest

from tests.workflow.scripts import WorkflowBench, logs

pytestmark = pytest.mark.anyio


async def test_agent_gives_the_text_and_is_a_step_under_its_phase(bench: WorkflowBench) -> None:
    script = """
    wf.phase("Scope")
    first = await wf.agent("look around", label="Look: around!")
    second = await wf.agent("think", phase="Think", model="m1", effort="high", tools=["read"])
    return [first, second]
    """
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, script)
    assert (state.status, state.result) == ("completed", ["<look around>", "<think>"])
    assert [(step.id, step.title, step.phase, step.status) for step in state.order] == [
        ("look-around", "Look: around!", "Scope", "completed"),
        ("think", "think", "Think", "completed"),
    ]
    assert list(state.phases) == ["Scope", "Think"]
    job = bench.steps.jobs[1]
    assert (job.model, job.thinking, job.tools, job.wanted) == ("m1", "high", ("read",), "text")
    assert state.steps["think"].attempts[0].model == "m1"
    assert (run.state.kind, state.counts["completed"]) == ("workflow", 2)


async def test_parallel_is_a_barrier_in_order_and_a_thunk_that_raises_gives_none(
    bench: WorkflowBench,
) -> None:
    script = """
    async def bad():
        await wf.agent("bad")
        raise ValueError("three is no number")
    return await wf.parallel([lambda: wf.agent("a"), bad, wf.agent("c"), lambda: 7])
    """
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        said = logs(run)
        await run.start()
        state = await run.wait()
    assert state.result == ["<a>", None, "<c>", 7]
    assert said == ["parallel: item 2 gave nothing: ValueError: three is no number"]
    assert bench.steps.most_running == 3


async def test_parallel_never_runs_more_at_once_than_the_run_may(bench: WorkflowBench) -> None:
    script = "return await wf.parallel([lambda n=n: wf.agent(f'n{n}') for n in range(20)])"
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, script)
    assert state.result == [f"<n{number}>" for number in range(20)]
    assert bench.steps.most_running == 3


@pytest.mark.parametrize(
    ("inside", "reason"),
    [
        ("undefined_name", "flow.py:3: NameError: name 'undefined_name' is not defined"),
        ("await wf.agent('')", "flow.py:3: agent() needs a prompt, a text that is not empty; it got ''"),
        (
            "await wf.agent('x', retries=99)",
            "flow.py:3: agent() needs a number from 0 to 10 as its option retries, not 99",
        ),
    ],
)
async def test_a_broken_script_is_not_swallowed_by_parallel(
    bench: WorkflowBench, inside: str, reason: str
) -> None:
    script = f"""async def main(wf):
    async def broken():
        {inside}
    return await wf.parallel([broken, lambda: wf.agent('b')])
"""
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, script)
    assert (state.status, state.reason) == ("failed", reason)
    assert all(step.status in ("completed", "cancelled") for step in state.order)


async def test_pipeline_has_no_barrier_and_stages_get_previous_item_and_index(bench: WorkflowBench) -> None:
    script = """
    async def first(item):
        return await wf.agent(f"first {item}", label=f"first {item}")
    async def second(previous, item, index):
        return await wf.agent(f"{previous} {item} {index}", label=f"second {item}")
    return await wf.pipeline(["a", "b"], first, second, lambda previous: previous.upper())
    """
    bench.steps.hold("first-a")
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        await run.start()
        await bench.steps.started("second-b")
        assert run.state.steps["first-a"].status == "running"
        bench.steps.release("first-a")
        state = await run.wait()
    assert state.result == ["<<FIRST A> A 0>", "<<FIRST B> B 1>"]


async def test_an_item_whose_stage_raises_leaves_the_pipeline_and_none_goes_on(bench: WorkflowBench) -> None:
    script = """
    async def check(item):
        if item == 1:
            raise KeyError("one")
        return None if item == 2 else item
    return await wf.pipeline([0, 1, 2, 3], check, lambda previous: wf.agent(f"for {previous}"))
    """
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        said = logs(run)
        await run.start()
        state = await run.wait()
    assert state.result == ["<for 0>", None, "<for None>", "<for 3>"]
    assert said == ["pipeline: item 2 gave nothing: KeyError: 'one'"]


async def test_a_failed_call_is_none_after_its_retries(bench: WorkflowBench) -> None:
    for _ in range(2):
        bench.steps.fail("a")
        bench.steps.fail("b")
    script = """
    return [await wf.agent("a", retries=2), await wf.agent("b", retries=1), await wf.agent("c")]
    """
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, script)
    assert (state.status, state.result) == ("completed", ["<a>", None, "<c>"])
    assert [(step.status, len(step.attempts)) for step in state.order] == [
        ("completed", 3),
        ("failed", 2),
        ("completed", 1),
    ]


async def test_a_stopped_or_skipped_call_is_none_and_the_script_goes_on(bench: WorkflowBench) -> None:
    bench.steps.hold("a", "b")
    script = "return await wf.parallel([lambda: wf.agent('a'), lambda: wf.agent('b'), lambda: wf.agent('c')])"
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        await run.start()
        await bench.steps.started("a", "b")
        await run.cancel_step("a")
        await run.cancel_step("b")
        state = await run.wait()
    assert (state.status, state.result) == ("completed", [None, None, "<c>"])


async def test_args_now_and_random_are_the_same_in_every_run(bench: WorkflowBench) -> None:
    script = "return [wf.args['n'], wf.now().isoformat(), wf.random.random()]"
    async with bench.runtime() as runtime:
        first, state = await bench.finish(runtime, script, args={"n": 4})
        _, again = await bench.finish(runtime, script, args={"n": 4}, reuse_from=first.id)
        _, other = await bench.finish(runtime, script, args={"n": 5}, reuse_from=first.id)
    assert state.result == again.result
    assert state.result[0] == 4
    assert other.result[2] != state.result[2]


async def test_budget_says_what_is_left(bench: WorkflowBench) -> None:
    bench.options = replace(bench.options, budget_tokens=1_000)
    bench.answers.tokens = 150
    script = """
    await wf.agent("a")
    return [wf.budget.total, wf.budget.spent(), wf.budget.remaining()]
    """
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, script)
        _, free = await bench.finish(runtime, script, options=replace(bench.options, budget_tokens=None))
    assert state.result == [1_000, 150, 850]
    assert free.result[0] is None


async def test_a_workflow_calls_another_one_one_level_deep(bench: WorkflowBench) -> None:
    (bench.folder / "inner.py").write_text(
        "async def main(wf):\n    wf.phase('Inside')\n    return [wf.args, await wf.agent('deep')]\n"
    )
    (bench.folder / "nested.py").write_text("async def main(wf):\n    return await wf.workflow('inner')\n")
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, "return await wf.workflow('inner', {'x': 1})")
        _, deep = await bench.finish(runtime, "return await wf.workflow('nested')")
        _, missing = await bench.finish(runtime, "return await wf.workflow('nowhere')")
    assert state.result == [{"x": 1}, "<deep>"]
    assert state.order[0].phase == "inner › Inside"
    assert deep.status == "failed"
    assert "workflows nest one level deep" in deep.reason
    assert missing.reason.startswith("flow.py:2: there is no workflow 'nowhere'; looked for nowhere.py")


async def test_caps_on_items_and_agents_can_be_changed(bench: WorkflowBench) -> None:
    bench.options = replace(bench.options, max_items=5, max_agents=4)
    items = "return await wf.pipeline(range(6), lambda n: wf.agent(f'n{n}'))"
    agents = "return await wf.parallel([lambda n=n: wf.agent(f'n{n}') for n in range(5)])"
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, items)
        assert state.reason.startswith("flow.py:2: 6 items in one parallel or pipeline call are more than")
        run, state = await bench.finish(runtime, agents)
        assert state.status == "failed"
        assert state.reason.startswith("the run has made 4 agent calls, as many as it may")
        await run.configure(settings={**state.settings, "maxAgents": 10})
        await run.retry()
        state = await run.wait()
    assert (state.status, state.result) == ("completed", [f"<n{number}>" for number in range(5)])


async def test_what_the_script_does_not_wait_for_is_stopped_when_it_ends(bench: WorkflowBench) -> None:
    bench.steps.hold("slow")
    script = """
    import asyncio
    task = asyncio.create_task(wf.agent("slow"))
    await wf.agent("quick")
    return "done"
    """
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, script)
    assert (state.status, state.steps["slow"].status) == ("completed", "cancelled")
    assert bench.steps.cancelled == ["slow"]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        ("raise SystemExit(3)", "flow.py:2: the script called exit(); return from main instead"),
        (
            "import asyncio\ntask = asyncio.create_task(wf.agent('a'))\ntask.cancel()\nawait task",
            "flow.py:5: a task that the script waited for was cancelled",
        ),
        ("async with __import__('asyncio').TaskGroup() as g:\n    g.create_task(wf.agent(''))", "flow.py"),
        ("wf.agnet('x')", "flow.py:2: wf has no agnet; did you mean wf.agent?"),
        ("wf.phase('')", "flow.py:2: phase() needs a title"),
        ("await wf.parallel([3])", "flow.py:2: parallel() needs functions such as lambda"),
        (
            "await wf.pipeline([1], lambda a, b, c, d: 1)",
            "flow.py:2: stage 1 of pipeline() takes 4 arguments",
        ),
        ("await wf.agent('a', schema=open)", "flow.py:2: agent() got a schema that is no type"),
        ("await wf.agent('a', schema={'type': 'x'})", "flow.py:2: agent() got a schema that cannot be used"),
    ],
)
async def test_what_a_script_does_wrong_is_one_sentence_with_its_place(
    bench: WorkflowBench, body: str, reason: str
) -> None:
    script = "async def main(wf):\n" + "".join(f"    {line}\n" for line in body.splitlines())
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(replace(bench.load("pass"), source=script.encode()))
        await run.start()
        state = await run.wait()
    assert state.status == "failed"
    assert state.reason.startswith(reason)
    assert "\n" not in state.reason


async def test_a_cancelled_task_in_a_thunk_gives_none(bench: WorkflowBench) -> None:
    script = """
    import asyncio
    async def impatient():
        task = asyncio.create_task(wf.agent("slow"))
        task.cancel()
        return await task
    return await wf.parallel([impatient, lambda: wf.agent("b")])
    """
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, script)
    assert (state.status, state.result) == ("completed", [None, "<b>"])


async def test_what_a_large_fan_out_will_use_is_said_before_it_goes_on(bench: WorkflowBench) -> None:
    bench.answers.tokens = 1_000
    script = """
    await wf.agent("first")
    await wf.pipeline(range(30), lambda n: wf.agent(f"n{n}"))
    """
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        said = logs(run)
        await run.start()
        await run.wait()
    assert said == [
        "30 items come next, about 30 agent calls: about 30,000 tokens, if each uses as much as the one so far"
    ]


@pytest.mark.parametrize(
    ("script", "reason"),
    [
        (
            """
            async def main(wf):
                jobs = {"a": None}
                jobs["a"] = wf.agent("one")
                return await wf.agent("two")
            """,
            "4: this wf.agent(…) was never awaited, so it did nothing; write await wf.agent(…)",
        ),
        (
            """
            async def look(wf):
                return await wf.agent("one")

            async def main(wf):
                return {"all": [look(wf)]}
            """,
            "5: what main returns has a call of look() in it that was never awaited; write await look(…)",
        ),
    ],
)
async def test_a_call_without_await_fails_the_run(bench: WorkflowBench, script: str, reason: str) -> None:
    async with bench.runtime() as runtime:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            _, state = await bench.finish(runtime, script)
    assert state.status == "failed"
    assert state.reason.endswith(f"flow.py:{reason}")


async def test_many_calls_that_wait_to_be_awaited_are_no_mistake(bench: WorkflowBench) -> None:
    script = """
    async def main(wf):
        calls = [wf.agent(f"say {n}") for n in range(200)]
        return len([await call for call in calls])
    """
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, script)
    assert (state.status, state.result) == ("completed", 200)
