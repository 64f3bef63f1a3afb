"""What is left of a run when its owner is gone: the store's files are copied in the middle, as a crash would
leave them, and opened again."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from piplan_tui.run import events as ev
from piplan_tui.run.reduce import fold
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.run.state import TERMINAL
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunNotFound
from tests.run.conftest import Bench
from tests.run.plans import plan

pytestmark = pytest.mark.anyio


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, FileRuntimeStore(tmp_path / "store"))


def crashed(bench: Bench, tmp_path: Path) -> Bench:
    """The same store as another process would find it if this one were gone now."""
    shutil.copytree(tmp_path / "store", tmp_path / "crashed")
    return Bench(tmp_path, FileRuntimeStore(tmp_path / "crashed"))


async def begin(bench: Bench, run: Run, *until: str) -> None:
    await run.start()
    await bench.steps.started(*until)


async def test_completed_steps_stay_completed_and_running_ones_become_a_new_attempt(
    bench: Bench, tmp_path: Path
) -> None:
    bench.steps.hold("b")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"], "c": ["b"]}))
        await begin(bench, run, "b")
        await run._journal.flush()
        after = crashed(bench, tmp_path)
    async with after.runtime() as runtime:
        again = await runtime.open_run(run.id)
        assert again.state.status == "interrupted"
        assert [step.status for step in again.state.order] == ["completed", "queued", "pending"]
        assert after.swept == [run.token]
        await again.start()
        state = await again.wait()
    assert state.status == "completed"
    assert [after.steps.attempts(name) for name in "abc"] == [0, 1, 1]
    assert after.steps.jobs[0].reason == "continue"
    assert [attempt.status for attempt in state.steps["b"].attempts] == ["interrupted", "completed"]


async def test_a_question_is_still_open_and_its_draft_still_there(bench: Bench, tmp_path: Path) -> None:
    bench.steps.ask("a", {"message": "Who?"})
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
        await run.start()
        await run.wait()
        ask_id = next(iter(run.state.asks))
        await run.save_draft(ask_id, {"answer": "half an ans"})
        after = crashed(bench, tmp_path)
    async with after.runtime() as runtime:
        again = await runtime.open_run(run.id)
        assert list(again.state.asks) == [ask_id]
        assert await again.load_draft(ask_id) == {"answer": "half an ans"}
        await again.answer(ask_id, {"answer": "half an answer"})
        assert after.steps.jobs == [], "an answer alone starts nothing"
        await again.start()
        state = await again.wait()
    assert state.status == "completed"
    assert [job.reason for job in after.steps.jobs] == ["answer", "start"]
    assert len(state.steps["a"].attempts) == 1


async def test_a_cancel_that_was_asked_for_is_carried_to_its_end(bench: Bench, tmp_path: Path) -> None:
    bench.steps.hold("a")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
        await begin(bench, run, "a")
        run.emit(ev.RunCancelRequested(by="user"))
        await run._journal.sync()
        after = crashed(bench, tmp_path)
    async with after.runtime() as runtime:
        again = await runtime.open_run(run.id)
        assert again.state.status == "cancelled"
        assert all(step.status in TERMINAL for step in again.state.order)
        await again.start()
        assert (await again.wait()).status == "cancelled"
    assert after.steps.jobs == []


async def test_leaving_in_order_pauses_the_run_and_it_goes_on_later(bench: Bench) -> None:
    bench.steps.hold("a")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
        await begin(bench, run, "a")
    assert bench.steps.cancelled == ["a"]
    async with bench.runtime() as runtime:
        bench.steps.release("a")
        again = await runtime.open_run(run.id)
        assert (again.state.status, again.state.steps["a"].status) == ("paused", "queued")
        await again.start()
        assert (await again.wait()).status == "completed"
        assert fold([event async for event in bench.store.read(run.id)]) == again.state


async def test_a_run_that_has_ended_opens_without_change(bench: Bench) -> None:
    async with bench.runtime() as runtime:
        state = await runtime.run_plan(plan({"a": []}))
        last = state.seq
    async with bench.runtime() as runtime:
        again = await runtime.open_run(state.run_id)
        assert (again.state.status, again.state.seq) == ("completed", last)
        with pytest.raises(ControlRefused, match="nothing to try again"):
            await again.retry()


class CopiedStore(FileRuntimeStore):
    """Copies the whole store before and after every write: each copy is what a crash at that moment leaves."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.copies: list[Path] = []
        self.completed: list[set[str]] = []
        self.seen: set[str] = set()

    def copy(self) -> None:
        target = self.root.parent / f"copy-{len(self.copies)}"
        # the run's line in the list is written meanwhile, by way of a file that is gone a moment later
        shutil.copytree(self.root, target, ignore=shutil.ignore_patterns(".*.tmp"))
        self.copies.append(target)
        self.completed.append(set(self.seen))

    async def append(self, run_id: str, events: Sequence[ev.RuntimeEvent], *, durable: bool) -> None:
        self.copy()
        await super().append(run_id, events, durable=durable)
        if durable:
            self.seen |= {event.step_id for event in events if isinstance(event, ev.StepCompleted)}
        self.copy()


async def test_a_crash_at_any_write_loses_no_completed_step_and_repeats_none(tmp_path: Path) -> None:
    edges = {"a": [], "b": [], "c": ["a"], "d": ["a", "b"], "e": ["c", "d"], "f": []}

    def scripted(bench: Bench) -> None:
        bench.steps.ask("d", {"message": "Who?"})

    async def finish(run: Run) -> None:
        await run.start()
        state = await run.wait()
        while state.status == "waiting_user":
            await run.answer(next(iter(state.asks)), {"answer": "seed"})
            state = await run.wait()

    store = CopiedStore(tmp_path / "store")
    bench = Bench(tmp_path, store)
    bench.options = replace(bench.options, max_concurrency=1)
    scripted(bench)
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan(edges))
        await finish(run)
        undisturbed = {step.id: step.status for step in run.state.order}

    assert len(store.copies) > 18
    for copy, completed_before in zip(store.copies, store.completed, strict=True):
        after = Bench(tmp_path, FileRuntimeStore(copy))
        async with after.runtime() as runtime:
            try:
                again = await runtime.open_run(run.id)
            except RunNotFound:
                assert not completed_before
                continue
            asked_before = any(step.attempts and step.attempts[-1].answers for step in again.state.order)
            if not asked_before and not again.state.asks:
                scripted(after)
            already = {step.id for step in again.state.order if step.status == "completed"}
            assert completed_before <= already
            if not again.state.ended:
                await finish(again)
            assert {step.id: step.status for step in again.state.order} == undisturbed
            ran_again = {str(job.given.step["id"]) for job in after.steps.jobs}
            assert not ran_again & already
            assert fold([event async for event in after.store.read(run.id)]) == again.state
