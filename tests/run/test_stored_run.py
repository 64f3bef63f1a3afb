"""A run of another owner, followed and steered through its folder."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anyio
import pytest

from piplan_tui.agents.protocol import AgentFailure, SessionEvent, TextDelta
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run.clock import utc_now
from piplan_tui.run.control_watch import serve_control
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.model import SessionRef, StepDone, StepJob
from piplan_tui.run.options import RunOptions
from piplan_tui.run.reduce import fold
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.run.step_runner import StepPort
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.run.transcript import Transcripts
from piplan_tui.run.transcript_tail import TranscriptTails
from piplan_tui.store.file import FileRuntimeStore
from tests.run.conftest import Bench
from tests.run.plans import plan, plan_document
from tests.run.steps import Steps

pytestmark = pytest.mark.anyio

KEY = {
    "message": "Which key?",
    "fields": [
        {"name": "key", "type": "secret"},
        {"name": "count", "type": "integer", "maximum": 5, "required": False},
    ],
}


async def until(condition: Callable[[], object]) -> None:
    with anyio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - what is waited for is read from files
            await anyio.sleep(0.005)


@asynccontextmanager
async def watched(
    tmp_path: Path, bench: Bench, edges: dict[str, list[str]]
) -> AsyncIterator[tuple[Run, StoredRun]]:
    """A run with its owner, and the same run as another process sees it."""
    bench.store = FileRuntimeStore(tmp_path / "store")
    elsewhere = FileRuntimeStore(tmp_path / "store")
    async with bench.runtime() as runtime, anyio.create_task_group() as tasks:
        run = await runtime.create_run(plan(edges))
        tasks.start_soon(serve_control, run, elsewhere.run_dir(run.id))
        seen = await StoredRun.open(elsewhere, run.id, utc_now)
        tasks.start_soon(seen.follow)
        yield run, seen
        tasks.cancel_scope.cancel()


async def test_events_come_within_a_tenth_of_a_second(tmp_path: Path, bench: Bench) -> None:
    async with watched(tmp_path, bench, {"a": [], "b": ["a"], "c": ["b"]}) as (run, seen):
        emitted: dict[int, float] = {}
        delays: list[float] = []
        run.subscribe(lambda event: emitted.setdefault(event.seq, anyio.current_time()) and None)
        seen.subscribe(lambda event: delays.append(anyio.current_time() - emitted[event.seq]))
        bench.steps.hold("a", "b", "c")
        await run.start()
        for step_id in "abc":
            await bench.steps.started(step_id)
            bench.steps.release(step_id)
        await until(lambda: seen.state.ended)
        assert len(delays) == len(emitted)
        assert sorted(delays)[len(delays) // 2] < 0.1
        stored = [event async for event in bench.store.read(run.id)]
        assert seen.state.seq == stored[-1].seq
        assert {s.id: s.status for s in seen.state.order} == {s.id: s.status for s in fold(stored).order}


async def test_what_an_agent_says_is_there_for_others_although_nothing_happens(
    tmp_path: Path, bench: Bench
) -> None:
    async with watched(tmp_path, bench, {"a": []}) as (run, _):
        bench.steps.hold("a")
        await run.start()
        await bench.steps.started("a")
        await run.stored()
        path = run.transcripts.path("a", 1)
        assert path is not None
        for word in ("one ", "two"):
            run.transcripts.add("a", 1, TextDelta(word))
            await until(lambda word=word: path.exists() and word in path.read_text())
        bench.steps.release("a")
        await run.wait()


async def test_everything_is_steered_through_the_owner(tmp_path: Path, bench: Bench) -> None:
    async with watched(tmp_path, bench, {"a": [], "b": [], "c": ["b"]}) as (run, seen):
        bench.steps.hold("a")
        bench.steps.fail("b")
        await run.start()
        await bench.steps.started("a")
        await until(lambda: seen.state.steps["c"].status == "blocked")
        await seen.pause(reason="lunch")
        assert run.state.status == "paused"
        await seen.retry(["b"], goal="Better.", model="m2")
        assert (run.state.steps["b"].goal_override, run.state.steps["b"].model_override) == ("Better.", "m2")
        await seen.resume()
        await until(lambda: seen.state.steps["c"].status == "completed")
        await seen.retry(["b"], with_downstream=True)
        await until(lambda: bench.steps.attempts("c") == 2)
        with pytest.raises(ControlRefused, match="has no step 'nope'"):
            await seen.skip("nope")
        with pytest.raises(ControlRefused, match="cannot be told anything"):
            await seen.steer("a", "hurry")
        await seen.cancel_step("a")
        assert run.state.steps["a"].status == "cancelled"
        await seen.skip("a")
        await until(lambda: seen.state.ended)
        with pytest.raises(ControlRefused, match="already completed"):
            await seen.cancel()


class _Talking(Steps):
    """Steps whose sessions hear what they are told as `hears` says; an exception is raised."""

    def __init__(self, hears: Any) -> None:
        super().__init__()
        self.hears = hears
        self.heard: list[str] = []
        self.ref = SessionRef(agent="scripted", session_id="s")

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        port.opened(self)  # type: ignore[arg-type]  # of a session it has what is called
        return await super().execute(job, port)

    async def steer(self, text: str) -> Any:
        if isinstance(self.hears, Exception):
            raise self.hears
        if self.hears:
            self.heard.append(text)
        return self.hears


@pytest.mark.parametrize("hears", ["now", "queued"])
async def test_told_is_said_as_the_owner_said_it(tmp_path: Path, bench: Bench, hears: str) -> None:
    bench.steps = steps = _Talking(hears)
    async with watched(tmp_path, bench, {"a": []}) as (run, seen):
        steps.hold("a")
        await run.start()
        await steps.started("a")
        assert await seen.steer("a", "hurry") == hears
        assert steps.heard == ["hurry"]
        steps.release("a")
        await until(lambda: seen.state.ended)
        with pytest.raises(ControlRefused, match="the agent of step a cannot be told anything now; stop"):
            await seen.steer("a", "too late")
        assert steps.heard == ["hurry"]


@pytest.mark.parametrize(
    ("hears", "said"),
    [
        (
            "",
            "^the agent of step a cannot be told anything now; stop the step and retry it with an edited goal$",
        ),
        (
            AgentFailure("hung", "pi does not read its commands"),
            "^step a was not told: pi does not read its commands$",
        ),
    ],
)
async def test_what_was_not_told_is_never_said_to_be(
    tmp_path: Path, bench: Bench, hears: Any, said: str
) -> None:
    bench.steps = steps = _Talking(hears)
    async with watched(tmp_path, bench, {"a": []}) as (run, seen):
        steps.hold("a")
        await run.start()
        await steps.started("a")
        with pytest.raises(ControlRefused, match=said):
            await seen.steer("a", "hurry")
        assert steps.heard == []
        steps.release("a")
        await until(lambda: seen.state.ended)


async def test_an_agent_over_acp_hears_it_when_its_turn_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The real protocol and process; the message goes by the run's folder."""
    store = FileRuntimeStore(tmp_path / "store")
    elsewhere = FileRuntimeStore(tmp_path / "store")
    agent = shlex.join(["acp:" + sys.executable, "-m", "tests.support.acp_agent"])
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    options = RunOptions(workspace=tmp_path, agent=agent)
    document = plan_document({"a": []})
    document["steps"][0]["goal"] = "permission go on"
    with anyio.fail_after(60):
        async with (
            create_runtime(store=store, options=options) as runtime,
            anyio.create_task_group() as tasks,
        ):
            run = await runtime.create_run(PlanSpec.model_validate(document))
            tasks.start_soon(serve_control, run, elsewhere.run_dir(run.id))
            seen = await StoredRun.open(elsewhere, run.id, utc_now)
            tasks.start_soon(seen.follow)
            await run.start()
            await until(lambda: seen.state.asks)
            told = json.dumps({"status": "completed", "summary": "as I was told"})
            assert await seen.steer("a", f"say {told}") == "queued"
            await seen.answer(next(iter(seen.state.asks)), {"decision": "yes"})
            await until(lambda: seen.state.ended)
            attempt = seen.state.steps["a"].attempt
            assert attempt is not None
            assert (seen.state.status, attempt.summary) == ("completed", "as I was told")
            with pytest.raises(ControlRefused, match="cannot be told anything now"):
                await seen.steer("a", "too late")
            tasks.cancel_scope.cancel()


async def test_an_answer_is_checked_and_a_secret_never_put_into_a_file(tmp_path: Path, bench: Bench) -> None:
    async with watched(tmp_path, bench, {"a": []}) as (run, seen):
        bench.steps.ask("a", KEY)
        await run.start()
        await until(lambda: seen.state.asks)
        [ask_id] = seen.state.asks
        with pytest.raises(AnswerInvalid, match="5"):
            await seen.answer(ask_id, {"count": 9})
        for path in (tmp_path / "store").rglob("*"):
            assert not path.is_file() or b"hunter2" not in path.read_bytes()
        await seen.save_draft(ask_id, {"count": 3})
        assert await run.load_draft(ask_id) == {"count": 3}
        await seen.answer(ask_id, action="decline", note="not today", surface="tui")
        assert not run.state.asks
        await until(lambda: not seen.state.asks)
        with pytest.raises(ControlRefused, match="not open"):
            await seen.answer(ask_id, {"count": 1})


async def test_a_run_without_owner_cannot_be_steered_from_here(tmp_path: Path, bench: Bench) -> None:
    async with watched(tmp_path, bench, {"a": []}) as (run, seen):
        bench.steps.hold("a")
        await run.start()
        await until(lambda: seen.state.steps["a"].status == "running")
        told: list[ev.RuntimeEvent] = []
        seen.subscribe(told.append)
        changed = seen.owner_changed
        await run.leave()
        await changed.wait()
        assert seen.owner is None
        assert seen.state.status == "paused"
        with pytest.raises(ControlRefused, match="is gone; nothing was done"):
            await seen.pause()


async def test_a_transcript_is_followed_from_its_tail_without_loss(tmp_path: Path) -> None:
    written = Transcripts(tmp_path)
    tails = TranscriptTails(tmp_path)
    said: list[tuple[str, int, SessionEvent]] = []
    tails.subscribe(lambda *heard: said.append(heard))
    written.add("a", 1, TextDelta("one"))
    await written.flush()
    assert await tails.tail("a", 1) == [TextDelta("one")]
    await tails.poll()
    assert said == []
    written.add("a", 1, TextDelta("two"))
    written.add("b", 1, TextDelta("not asked for"))
    await written.flush()
    path = tails.path("a", 1)
    assert path is not None
    with path.open("ab") as file:
        file.write(b'{"type":')  # half a line, as a reader may find it
    await tails.poll()
    assert said == [("a", 1, TextDelta("two"))]
    await tails.finish("a", 1)
    await tails.poll()
    assert len(said) == 1
    assert set(await tails.last_written([("a", 1), ("zz", 1)])) == {"a"}


async def test_what_a_watcher_saw_of_a_dead_owner_is_not_counted_twice(tmp_path: Path, bench: Bench) -> None:
    """A watcher shows what a dead owner left as interrupted; then a third process says so in the store."""
    bench.store = FileRuntimeStore(tmp_path / "store")
    bench.steps.hold("b")
    elsewhere = FileRuntimeStore(tmp_path / "store")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"], "c": ["b"]}))
        await run.start()
        await bench.steps.started("b")
        await run._journal.flush()
        seen = await StoredRun.open(elsewhere, run.id, utc_now)
        heard: list[ev.RuntimeEvent] = []
        seen.subscribe(heard.append)
        step, number = seen.state.steps["b"], seen.state.steps["b"].attempts[-1].number
        # as after SIGKILL: the lock is free, and nothing more was written
        bench.store._open.pop(run.id).lock.release()
        await seen.poll()
        assert (seen.state.status, step.status) == ("interrupted", "queued")
    bench.steps.release("b")
    async with bench.runtime() as runtime:
        third = await runtime.open_run(run.id)
        await third._journal.flush()
        await seen.poll()
        stored = [event async for event in elsewhere.read(run.id)]
        assert seen.state == fold(stored)
        assert seen.state.steps["b"] is step
        assert [attempt.number for attempt in step.attempts] == [number]
        await third.start()
        await third.wait()
    await seen.poll()
    assert seen.state == fold([event async for event in elsewhere.read(run.id)])
    assert seen.state.status == "completed"
    real = [event.seq for event in heard if event.seq > stored[-1].seq]
    assert real == sorted(set(real))
