"""A run that a script drives: budget, cancel, questions, retries, and taking results over by what a call is."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.run import events as ev
from piplan_tui.run.quota import QuotaPolicy
from piplan_tui.run.reduce import fold, reduce
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run_info import run_info
from piplan_tui.run.state import TERMINAL, RunState
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from tests.workflow.scripts import WorkflowBench, logs, until

pytestmark = pytest.mark.anyio

FAN_OUT = "return await wf.parallel([lambda n=n: wf.agent(f'n{n}') for n in range(6)])"
PIPELINE = """
wf.phase("Work")
found = await wf.pipeline(
    wf.args,
    lambda item: wf.agent(f"research {item}"),
    lambda text, item: wf.parallel([lambda: wf.agent(f"judge {item}") for _ in range(2)]),
)
return await wf.agent(f"sum up {found}")
"""


@pytest.fixture
def bench(tmp_path: Path) -> WorkflowBench:
    return WorkflowBench(tmp_path, FileRuntimeStore(tmp_path / "store"))


def crashed(bench: WorkflowBench, tmp_path: Path) -> WorkflowBench:
    """The same store as another process would find it if this one were gone now."""
    shutil.copytree(tmp_path / "store", tmp_path / "crashed")
    return WorkflowBench(tmp_path, FileRuntimeStore(tmp_path / "crashed"))


# -- budget, pause and cancel ----------------------------------------------------------------------


async def test_no_call_starts_past_the_budget_and_the_run_goes_on_when_it_is_raised(
    bench: WorkflowBench,
) -> None:
    bench.options = replace(bench.options, budget_tokens=250, workflow_concurrency=1)
    bench.answers.tokens = 100
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, FAN_OUT)
        assert (state.status, state.counts["completed"], state.counts["queued"]) == ("paused", 3, 3)
        assert state.reason == "budget reached: 300 of 250 tokens"
        with pytest.raises(ControlRefused, match="the budget is spent: 300 of 250 tokens"):
            await run.resume()
        await run.configure(budget_tokens=10_000)
        await run.resume()
        state = await run.wait()
    assert (state.status, state.result) == ("completed", [f"<n{number}>" for number in range(6)])
    assert len(bench.answers.prompts) == 6


async def test_pause_starts_no_call_and_resume_goes_on(bench: WorkflowBench) -> None:
    bench.steps.hold("n0")
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(
            bench.load("await wf.agent('n0')\nreturn await wf.agent('n1')")
        )
        await run.start()
        await bench.steps.started("n0")
        await run.pause()
        bench.steps.release("n0")
        state = await run.wait()
        await until(lambda: "n1" in state.steps)
        assert (state.status, state.steps["n1"].status) == ("paused", "queued")
        await run.resume()
        assert (await run.wait()).result == "<n1>"


async def test_cancel_ends_the_script_and_everything_that_it_started(bench: WorkflowBench) -> None:
    bench.steps.hold("n0", "n1", "n2")
    script = f"""
async def main(wf):
    try:
        {FAN_OUT}
    finally:
        wf.log("cleaning up")
        await wf.agent("too late")
"""
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        await run.start()
        await bench.steps.started("n0", "n1", "n2")
        result = await run.cancel()
        state = await run.wait()
    assert (result.cancelled, state.status) == (True, "cancelled")
    assert all(step.status in TERMINAL for step in state.order)
    assert sorted(bench.steps.cancelled) == ["n0", "n1", "n2"]
    assert "too-late" not in state.steps
    assert len(state.order) == 6


async def test_a_cancelled_run_is_taken_up_again_by_retry(bench: WorkflowBench) -> None:
    bench.steps.hold("second")
    async with bench.runtime() as runtime:
        script = "return [await wf.agent('first'), await wf.agent('second'), await wf.agent('third')]"
        run = await runtime.create_workflow_run(bench.load(script))
        await run.start()
        await bench.steps.started("second")
        await run.cancel()
        bench.steps.release("second")
        assert await run.retry() == ["second"]
        state = await run.wait()
    assert (state.status, state.result) == ("completed", ["<first>", "<second>", "<third>"])
    assert bench.answers.prompts == ["first", "second", "second", "third"]


# -- questions -------------------------------------------------------------------------------------


async def test_a_question_stops_only_its_own_branch_and_its_answer_goes_on(bench: WorkflowBench) -> None:
    bench.steps.ask("n1", {"message": "Which one?"})
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, FAN_OUT)
        assert (state.status, state.counts["completed"]) == ("waiting_user", 5)
        await run.answer(next(iter(state.asks)), {"answer": "this"})
        state = await run.wait()
    assert (state.status, state.result[1]) == ("completed", "<n1>")
    assert bench.steps.jobs[-1].reason == "answer"


# -- errors ----------------------------------------------------------------------------------------


async def test_an_exception_ends_the_run_in_one_sentence_with_its_place(bench: WorkflowBench) -> None:
    script = """
    async def main(wf):
        first = await wf.agent("first")
        return {}[first]
    """
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, script)
        assert (state.status, state.reason) == ("failed", "flow.py:4: KeyError: '<first>'")
        assert state.steps["first"].value == "<first>"
        assert await run.retry() == []
        state = await run.wait()
    assert state.status == "failed"
    assert bench.answers.prompts == ["first"]


async def test_what_cannot_be_json_is_kept_as_text(bench: WorkflowBench) -> None:
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, "return {'a': {1, }, 'b': object}")
    assert state.status == "completed"
    assert state.result["a"] == [1]


# -- retries ---------------------------------------------------------------------------------------


async def test_retry_of_a_failed_call_runs_the_script_again_with_what_is_finished(
    bench: WorkflowBench,
) -> None:
    for name in ("n1", "n4"):
        bench.steps.fail(name)
        bench.steps.fail(name)
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, FAN_OUT)
        assert (state.status, state.result) == ("completed", ["<n0>", None, "<n2>", "<n3>", None, "<n5>"])
        made = len(bench.answers.prompts)
        assert await run.retry(["n1"]) == ["n1"]
        state = await run.wait()
        assert state.result == ["<n0>", "<n1>", "<n2>", "<n3>", None, "<n5>"]
        assert bench.answers.prompts[made:] == ["n1"]


async def test_retry_while_the_run_is_alive_gives_the_script_the_new_result(bench: WorkflowBench) -> None:
    bench.steps.fail("a")
    bench.steps.hold("b")
    script = """
    first = await wf.agent("a", retries=0)
    return [first, await wf.agent("b"), await wf.agent(f"end {first}", label="end")]
    """
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        await run.start()
        await bench.steps.started("b")
        await run.retry(["a"])
        await until(lambda: run.state.steps["a"].status == "completed")
        bench.steps.release("b")
        state = await run.wait()
    assert (state.status, state.result) == ("completed", ["<a>", "<b>", "<end <a>>"])
    assert bench.answers.prompts == ["a", "b", "a", "end <a>"]
    assert bench.steps.cancelled == [], "what runs is not disturbed"


# -- resume by content -----------------------------------------------------------------------------


async def test_after_a_crash_no_finished_call_runs_again(bench: WorkflowBench, tmp_path: Path) -> None:
    bench.steps.hold("judge-b", "judge-b-2")
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(PIPELINE), args=["a", "b", "c"])
        await run.start()
        await bench.steps.started("judge-b", "judge-b-2")
        await until(lambda: run.state.counts["completed"] == 7)
        await run._journal.sync()
        await run._journal.flush()
        after = crashed(bench, tmp_path)
    async with after.runtime() as runtime:
        again = await runtime.open_run(run.id)
        assert again.state.status == "interrupted"
        assert (
            str(await runtime.reuse_forecast(run.id))
            == "7 finished calls will be reused, and at least 2 will run"
        )
        await again.start()
        state = await again.wait()
    assert state.status == "completed"
    assert state.result.startswith("<sum up [['<judge a>', '<judge a>']")
    assert sorted(after.answers.prompts)[:2] == ["judge b", "judge b"]
    assert len(after.answers.prompts) == 3
    assert len(state.order) == 10


async def test_a_run_that_is_left_in_order_goes_on_in_another_runtime(bench: WorkflowBench) -> None:
    bench.steps.hold("n5")
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(FAN_OUT))
        await run.start()
        await bench.steps.started("n5")
    assert bench.steps.cancelled == ["n5"]
    bench.steps.release("n5")
    async with bench.runtime() as runtime:
        again = await runtime.open_run(run.id)
        assert again.state.status == "paused"
        await again.start()
        state = await again.wait()
        assert state.result == [f"<n{number}>" for number in range(6)]
        assert fold([event async for event in bench.store.read(run.id)]) == state
    assert len(bench.answers.prompts) == 7


async def test_a_failed_call_is_never_taken_as_a_result(bench: WorkflowBench, tmp_path: Path) -> None:
    bench.steps.fail("a")
    bench.steps.hold("b")
    async with bench.runtime() as runtime:
        script = "return [await wf.agent('a', retries=0), await wf.agent('b')]"
        run = await runtime.create_workflow_run(bench.load(script))
        await run.start()
        await bench.steps.started("b")
        await run._journal.flush()
        after = crashed(bench, tmp_path)
    async with after.runtime() as runtime:
        again = await runtime.open_run(run.id)
        await again.start()
        state = await again.wait()
    assert state.result == ["<a>", "<b>"]
    assert sorted(after.answers.prompts) == ["a", "b"]


async def test_an_edited_script_reuses_every_call_that_did_not_change(bench: WorkflowBench) -> None:
    async with bench.runtime() as runtime:
        first, _ = await bench.finish(runtime, PIPELINE, args=["a", "b", "c"])
        assert len(bench.answers.prompts) == 10
        assert (await runtime.reuse_forecast(first.id)).reuse == 10
        bench.answers.prompts.clear()
        edited = PIPELINE.replace("wf.phase", "await wf.agent('new at the front')\nwf.phase").replace(
            "judge {item}", "judge {item}{'!' if item == 'b' else ''}"
        )
        run, state = await bench.finish(runtime, edited, args=["x", "a", "b", "c"], reuse_from=first.id)
    assert state.status == "completed"
    assert sorted(bench.answers.prompts) == [
        "judge b!",
        "judge b!",
        "judge x",
        "judge x",
        "new at the front",
        "research x",
        next(prompt for prompt in bench.answers.prompts if prompt.startswith("sum up")),
    ]
    assert state.counts["reused"] == 7
    reused = next(step for step in state.order if step.status == "reused")
    assert reused.reused_from.split("/")[0] == first.id
    assert (reused.value, reused.attempts) == ("<research a>", [])
    assert run.state.workflow is not None


async def test_equal_calls_are_each_reused_once(bench: WorkflowBench) -> None:
    two = "return await wf.parallel([lambda: wf.agent('vote') for _ in range(2)])"
    three = two.replace("range(2)", "range(3)")
    counter = iter("ABCDE")
    bench.answers.answer = lambda prompt: next(counter)
    async with bench.runtime() as runtime:
        first, state = await bench.finish(runtime, two)
        assert state.result == ["A", "B"]
        _, state = await bench.finish(runtime, three, reuse_from=first.id)
    assert state.result == ["A", "B", "C"]


@pytest.mark.parametrize(
    "change", ["model='m2'", "effort='high'", "tools=['bash']", "schema={'type': 'object'}"]
)
async def test_a_call_with_other_options_is_another_call(bench: WorkflowBench, change: str) -> None:
    bench.answers.answer = lambda prompt: {"x": 1}
    async with bench.runtime() as runtime:
        first, _ = await bench.finish(runtime, "return await wf.agent('a')")
        await bench.finish(runtime, "return await wf.agent('a', retries=3)", reuse_from=first.id)
        assert bench.answers.prompts == ["a"], "how often it is retried does not matter"
        await bench.finish(runtime, f"return await wf.agent('a', {change})", reuse_from=first.id)
    assert bench.answers.prompts == ["a", "a"]


async def test_a_resumed_run_does_not_take_the_same_result_twice(
    bench: WorkflowBench, tmp_path: Path
) -> None:
    async with bench.runtime() as runtime:
        first, _ = await bench.finish(runtime, "return await wf.agent('vote')")
        bench.steps.hold("vote-2")
        script = """
        await wf.agent("vote", phase="moved")
        await wf.agent("vote", phase="other", label="vote 2")
        """
        run = await runtime.create_workflow_run(bench.load(script), reuse_from=first.id)
        await run.start()
        await bench.steps.started("vote-2")
        await run._journal.flush()
        after = crashed(bench, tmp_path)
    async with after.runtime() as runtime:
        again = await runtime.open_run(run.id)
        await again.start()
        state = await again.wait()
    assert [step.status for step in state.order] == ["reused", "completed"]


async def test_what_happened_is_told_as_events_and_folds_to_the_state(bench: WorkflowBench) -> None:
    script = """
    meta = {"name": "Tell all", "phases": ["One", {"title": "Two", "detail": "later"}]}
    async def main(wf):
        wf.phase("One")
        wf.log("here")
        return await wf.agent("a")
    """
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        assert [(phase.title, phase.detail) for phase in run.state.phases.values()] == [
            ("One", ""),
            ("Two", "later"),
        ]
        said = logs(run)
        await run.start()
        state = await run.wait()
        stored = [event async for event in bench.store.read(run.id)]
    assert said == ["here"]
    assert fold(stored) == state
    kinds = [event.type for event in stored if isinstance(event, ev.StepEvent) or event.seq <= 4]
    assert kinds == [
        "run.created",
        "workflow.created",
        "run.started",
        "phase.started",
        "step.created",
        "step.context",
        "step.started",
        "step.completed",
    ]
    assert (state.title, state.plan_id) == ("Tell all", "tell-all")


async def test_the_budget_may_be_in_output_tokens(bench: WorkflowBench) -> None:
    bench.options = replace(bench.options, budget_output_tokens=2, workflow_concurrency=1)
    bench.answers.tokens = 100
    async with bench.runtime() as runtime:
        run, state = await bench.finish(runtime, FAN_OUT)
        assert (state.status, state.counts["completed"]) == ("paused", 2)
        assert state.reason == "budget reached: 2 of 2 output tokens"
        with pytest.raises(ControlRefused, match="raise it with --budget-output-tokens"):
            await run.resume()
        await run.configure(budget_output_tokens=50)
        await run.resume()
        assert (await run.wait()).status == "completed"


async def test_every_prefix_of_the_events_folds_to_the_state_of_that_time(bench: WorkflowBench) -> None:
    bench.steps.fail("judge-b")
    bench.steps.ask("research-c", {"message": "Which?"})
    seen: list[tuple[dict[str, int], list[str], str]] = []
    stored: list[bytes] = []

    async with bench.runtime() as runtime:
        first, _ = await bench.finish(runtime, "return await wf.agent('research a', phase='Work')")
        run = await runtime.create_workflow_run(
            bench.load(PIPELINE), args=["a", "b", "c"], reuse_from=first.id
        )

        def watch(event: ev.RuntimeEvent) -> None:
            stored.append(ev.encode_event(event))
            seen.append(sight(run.state))

        run.subscribe(watch)
        begin = [event async for event in bench.store.read(run.id)]
        await run.start()
        while (state := await run.wait()).status == "waiting_user":
            await run.answer(next(iter(state.asks)), {"answer": "x"})
        assert state.status == "completed"
    events = begin + [ev.decode_event(line) for line in stored]
    again = fold(begin)
    for event, expected in zip(events[len(begin) :], seen, strict=True):
        reduce(again, event)
        assert sight(again) == expected
        for status, count in again.counts.items():
            assert count == sum(1 for step in again.order if step.status == status)
    assert again == state
    assert {event.type for event in events} >= {"step.reused", "step.failed", "step.retried", "ask.answered"}


def sight(state: RunState) -> tuple[dict[str, int], list[str], str]:
    return dict(state.counts), [step.status for step in state.order], state.status


async def test_cut_off_after_any_event_the_run_ends_the_same_and_repeats_no_finished_call(
    bench: WorkflowBench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("piplan_tui.run.rehearsal.STILL_SECONDS", 0.001)  # what it forecasts is not looked at
    async with bench.runtime() as runtime:
        run, complete = await bench.finish(runtime, PIPELINE, args=["a", "b"])
    events = [event async for event in bench.store.read(run.id)]
    source = bench.load(PIPELINE).source
    for length in range(2, len(events)):
        store = MemoryRuntimeStore()
        cut = WorkflowBench(tmp_path, store)
        before = fold(events[:length])
        await store.create_run(run_info(before, before.at), source, "workflow.py")
        await store.append(run.id, events[:length], durable=True)
        await store.close_run(run.id)
        finished = {step.id for step in before.order if step.status == "completed"}
        async with cut.runtime() as runtime:
            again = await runtime.open_run(run.id)
            await again.start()
            state = await again.wait()
        assert (state.status, state.result) == ("completed", complete.result), f"cut after {length}"
        assert [step.id for step in state.order] == [step.id for step in complete.order]
        assert not finished & {str(job.given.step["id"]) for job in cut.steps.jobs}
        assert len(cut.steps.jobs) == len(complete.order) - len(finished)


# -- a provider at its limit -----------------------------------------------------------------------


async def test_calls_wait_for_a_provider_at_its_limit(bench: WorkflowBench) -> None:
    """Also those without a retry of their own: a limit is nobody's failure."""
    refused = [AgentFailure("rate_limit", "429 slow down", retryable=True) for _ in range(2)]
    bench.steps.outcomes["n0"] += refused
    bench.quota = QuotaPolicy(first_seconds=0.01)
    script = "return await wf.parallel([lambda n=n: wf.agent(f'n{n}', retries=0) for n in range(6)])"
    async with bench.runtime() as runtime:
        _, state = await bench.finish(runtime, script)
    assert (state.status, state.result) == ("completed", [f"<n{number}>" for number in range(6)])
    assert state.limits == {}
    assert [a.error_kind for a in state.steps["n0"].attempts] == ["rate_limit", "rate_limit", ""]


@pytest.mark.parametrize("gone", [True, False], ids=["gone", "changed"])
async def test_a_nested_workflow_is_resumed_as_it_was(
    bench: WorkflowBench, tmp_path: Path, gone: bool
) -> None:
    child = tmp_path / "child.py"
    child.write_text("async def main(wf):\n    return [await wf.agent('c1'), await wf.agent('c2')]\n")
    bench.steps.hold("c2")
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load("return await wf.workflow('child')"))
        await run.start()
        await bench.steps.started("c2")
        run_id = run.id
    if gone:
        child.unlink()
    else:
        child.write_text("async def main(wf):\n    return 'something else'\n")
    bench.steps.release("c2")
    async with bench.runtime() as runtime:
        run = await runtime.open_run(run_id)
        await run.start()
        state = await run.wait()
    assert (state.status, state.result) == ("completed", ["<c1>", "<c2>"])
    assert bench.answers.prompts.count("c1") == 1


@pytest.mark.parametrize(
    ("models", "wanted", "given"),
    [
        ({}, "opus", ""),
        ({}, "inherit", ""),
        ({}, "openai/gpt", "openai/gpt"),
        ({"opus": "openai/gpt"}, "opus", "openai/gpt"),
        ({"mine": "openai/gpt"}, "mine", "openai/gpt"),
    ],
)
async def test_a_model_s_name_means_what_the_user_says(
    bench: WorkflowBench, models: dict[str, str], wanted: str, given: str
) -> None:
    bench.options = replace(bench.options, model="own", models=models)
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(f"await wf.agent('x', model={wanted!r})"))
        said = logs(run)
        await run.start()
        state = await run.wait()
    (step,) = state.order
    assert step.attempt is not None
    assert step.attempt.model == given or (given == "" and step.attempt.model == "own")
    assert said == (
        [
            "the script asks for the model 'opus', which takes the run's own model (own); "
            "[models] in the config file can say which one it is"
        ]
        if (models, wanted) == ({}, "opus")
        else []
    )


@pytest.mark.parametrize("language", ["python", "javascript"])
async def test_before_it_starts_it_says_what_it_will_reuse_and_run(
    bench: WorkflowBench, language: str
) -> None:
    scripts = {
        "python": (
            "found = await wf.parallel([lambda n=n: wf.agent(f'find {n}') for n in range(9)])\n"
            "return await wf.parallel([lambda n=n: wf.agent(f'JUDGE {n}') for n in range(4)])"
        ),
        "javascript": (
            "const found = await parallel(Array.from({ length: 9 }, (_, n) => () => agent(`find ${n}`)))\n"
            "return await parallel(Array.from({ length: 4 }, (_, n) => () => agent(`JUDGE ${n}`)))"
        ),
    }
    async with bench.runtime() as runtime:
        first = await runtime.create_workflow_run(bench.load_as(language, scripts[language]))
        await first.start()
        await first.wait()
        edited = bench.load_as(language, scripts[language].replace("JUDGE", "weigh"))
        again = await runtime.create_workflow_run(edited, reuse_from=first.id)
        said = logs(again)
        made = len(bench.answers.prompts)
        started: list[int] = []
        again.subscribe(lambda event: started.append(event.seq) if isinstance(event, ev.RunStarted) else None)
        await again.start()
        state = await again.wait()
        stored = [event async for event in bench.store.read(again.id)]
    assert said[0] == "9 finished calls will be reused, and at least 4 will run"
    (line,) = [event.seq for event in stored if isinstance(event, ev.Logged)]
    assert line < started[0]
    assert sorted(bench.answers.prompts[made:]) == [f"weigh {n}" for n in range(4)]
    assert state.counts["reused"] == 9
