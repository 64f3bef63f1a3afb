"""A long run in one process: what it holds does not grow with what it has done."""

from __future__ import annotations

import gc
from pathlib import Path

import anyio
import psutil
import pytest

from piplan_tui.agents.protocol import AskRaised, AskReply, TextDelta, ToolEnded, ToolStarted
from piplan_tui.run import events as ev
from piplan_tui.run.model import SessionRef, StepDone, StepJob, StepResult
from piplan_tui.run.run import Run
from piplan_tui.run.step_runner import StepPort
from piplan_tui.store.file import FileRuntimeStore
from tests.hardening.size import sized
from tests.run.conftest import Bench
from tests.run.plans import plan
from tests.run.steps import Steps, completed

pytestmark = [pytest.mark.anyio, pytest.mark.timeout(900)]

STEPS = sized(300, 5_000)


class _Session:
    ref = SessionRef(agent="scripted")

    def __init__(self) -> None:
        self.answered = anyio.Event()

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        self.answered.set()


class _Busy(Steps):
    """Every step talks; every 10th fails first, every 15th ends with a question, every 20th asks live."""

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        number = int(str(job.given.step["id"])[1:])
        session = _Session()
        port.opened(session)  # type: ignore[arg-type]  # only `answer` is used
        for part in range(5):
            port.said(TextDelta(f"text {part} of {number} "))
            port.said(ToolStarted(str(part), "bash", "ls"))
            await anyio.lowlevel.checkpoint()
            port.said(ToolEnded(str(part), True, "x" * 200))
        if number % 10 == 0 and job.given.attempt == 1:
            return StepDone(result=StepResult(status="failed", summary="the first time"))
        if number % 15 == 1 and not job.given.user_input:
            return StepDone(result=StepResult(status="waiting_user", input_request={"message": "?"}))
        if number % 20 == 2 and job.given.attempt == 1:
            port.said(AskRaised("q", {"message": "?"}))
            await session.answered.wait()
        return completed(job)


async def test_memory_handles_and_tasks_stay_flat(tmp_path: Path) -> None:
    edges = {f"s{n}": [f"s{n - 50}"] if n >= 50 else [] for n in range(STEPS)}
    bench = Bench(tmp_path, FileRuntimeStore(tmp_path / "store"))
    bench.steps = _Busy()
    process = psutil.Process()
    samples: list[tuple[int, int, int]] = []
    handles_before = process.num_fds()
    tasks_before = len(anyio.get_running_tasks())
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan(edges))

        def sample(event: ev.RuntimeEvent) -> None:
            if isinstance(event, ev.StepCompleted) and run.state.done % (STEPS // 10) == 0:
                gc.collect()
                tasks = len(anyio.get_running_tasks())
                samples.append((process.memory_info().rss, process.num_fds(), tasks))

        run.subscribe(sample)
        await run.start()
        await _see_through(run)
        assert run.state.status == "completed"
        assert sum(len(step.attempts) for step in run.state.order) == STEPS + len(range(0, STEPS, 10))
        assert not run.transcripts._attempts
        assert not run._attempts.active
        assert not run._inbox._requests
    assert len(samples) >= 10
    # what stays of a step is its state: some attempts, each with the input that it was given
    per_step = (samples[-1][0] - samples[1][0]) / (0.8 * STEPS)
    print(
        f"soak: {STEPS} steps, {per_step:.0f} bytes a step, handles and tasks {samples[1][1:]} to {samples[-1][1:]}"
    )
    assert per_step < sized(60_000, 12_000)
    assert max(fds for _, fds, _ in samples) <= handles_before + 12
    assert max(tasks for _, _, tasks in samples) <= tasks_before + 40
    assert process.num_fds() <= handles_before + 4
    assert len(anyio.get_running_tasks()) == tasks_before


async def _see_through(run: Run) -> None:
    state = await run.wait()
    while state.status in ("waiting_user", "failed"):
        for ask_id in list(state.asks):
            await run.answer(ask_id, {"answer": "x"}, by="policy")
        if state.status == "failed":
            await run.retry()
        state = await run.wait()
