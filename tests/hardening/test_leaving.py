"""What went wrong once when a run was left."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from piplan_tui.agents.protocol import AskRaised
from piplan_tui.run.model import StepDone, StepJob
from piplan_tui.run.step_runner import StepPort
from piplan_tui.store.disk import Disk
from piplan_tui.store.file import FileRuntimeStore
from tests.run.conftest import Bench
from tests.run.plans import plan
from tests.run.steps import Steps

pytestmark = pytest.mark.anyio


class _AsksLive(Steps):
    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        if not self.attempts("a"):
            port.said(AskRaised("q", {"message": "?"}))
            self.hold("a")
        return await super().execute(job, port)


async def test_a_withdrawn_question_is_no_answer_to_go_on_with(bench: Bench) -> None:
    bench.steps = _AsksLive()
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        assert (await run.wait()).status == "waiting_user"
    bench.steps.release("a")
    async with bench.runtime() as runtime:
        again = await runtime.open_run(run.id)
        await again.start()
        state = await again.wait()
    assert state.status == "completed"
    assert [attempt.status for attempt in state.steps["a"].attempts] == ["interrupted", "completed"]
    assert [job.reason for job in bench.steps.jobs] == ["start", "continue"]


class _FullDisk(Disk):
    full = False

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.full:
            raise OSError(28, "No space left on device")
        return super().write(fd, data)


async def test_leaving_a_run_whose_disk_is_full_ends(tmp_path: Path) -> None:
    disk = _FullDisk()
    bench = Bench(tmp_path, FileRuntimeStore(tmp_path / "store", disk=disk))
    bench.steps.hold("a")
    with anyio.fail_after(10):
        async with bench.runtime() as runtime:
            run = await runtime.create_run(plan({"a": []}))
            await run.start()
            await bench.steps.started("a")
            disk.full = True
    disk.full = False
    async with bench.runtime() as runtime:
        again = await runtime.open_run(run.id)
        bench.steps.release("a")
        await again.start()
        assert (await again.wait()).status == "completed"


async def test_a_live_question_is_durable_before_it_can_be_answered(bench: Bench) -> None:
    bench.steps = _AsksLive()
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        await run.wait()
        await anyio.wait_all_tasks_blocked()
        assert run._journal.durable_seq >= next(e for e in reversed(await _events(bench, run.id)) if e[1])[0]


async def _events(bench: Bench, run_id: str) -> list[tuple[int, bool]]:
    return [(event.seq, event.type == "ask.opened") async for event in bench.store.read(run_id)]
