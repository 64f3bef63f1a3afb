"""No room in the workspace for what a finished session left: the run waits for room, and repeats nothing."""

from __future__ import annotations

import errno
import os
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from piplan_tui.agents.command import CommandAgent
from piplan_tui.agents.protocol import Agent
from piplan_tui.run import step_runner
from piplan_tui.run.handoff import write_handoff
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.step_runner import StepRunner
from piplan_tui.store.disk import Disk
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import StoreError
from tests.run.plans import plan

pytestmark = pytest.mark.anyio

AGENT = """
import sys
sys.stdin.read()
with open("sessions", "a") as file:
    file.write("one\\n")
print('{"status": "completed", "summary": "done"}')
"""


class _Refusing(Disk):
    error = 0

    def make_folder(self, path: Path) -> None:
        if self.error == errno.EROFS:
            raise OSError(self.error, os.strerror(self.error))
        super().make_folder(path)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        return super().write(fd, data)


@asynccontextmanager
async def _runtime(workspace: Path, disk: Disk) -> AsyncIterator[PlanRuntime]:
    await anyio.Path(workspace).mkdir()
    async with CommandAgent(shlex.join([sys.executable, "-c", AGENT])) as agent:

        async def named(name: str) -> Agent:
            return agent

        async def swept(token: str) -> int:
            return 0

        async with PlanRuntime(
            store=MemoryRuntimeStore(),
            make_agent=lambda name: agent,
            sweep=swept,
            options=RunOptions(workspace=workspace, agent="command", max_concurrency=2),
            executor=lambda run: StepRunner(named, handoff=partial(write_handoff, disk=disk)),
        ) as runtime:
            yield runtime


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (errno.ENOSPC, "no space is left on the device; make room there"),
        (errno.EROFS, "the file system is read-only; make it writable"),
    ],
)
async def test_a_run_waits_for_room_and_repeats_no_session(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, said: str
) -> None:
    monkeypatch.setattr(step_runner, "TRY_AGAIN_SECONDS", 0.01)
    disk = _Refusing()
    disk.error = error
    workspace = tmp_path / "workspace"
    with anyio.fail_after(20):
        async with _runtime(workspace, disk) as runtime:
            run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
            await run.start()
            with pytest.raises(StoreError, match=f"handoff files of step a cannot be written to .*: {said}"):
                await run.wait()
            assert said in run.problem
            assert run.state.steps["a"].status == "running"
            disk.error = 0
            await run.until_storable()
            assert run.problem == ""
            assert (await run.wait()).status == "completed"
            assert [len(step.attempts) for step in run.state.order] == [1, 1]
    assert (workspace / "sessions").read_text() == "one\n" * 2
    assert (workspace / ".pi-plan-runtime" / "handoff" / "p" / "b" / "result.json").is_file()


async def test_nothing_new_starts_meanwhile_and_the_step_can_be_cancelled(tmp_path: Path) -> None:
    disk = _Refusing()
    disk.error = errno.ENOSPC
    with anyio.fail_after(20):
        async with _runtime(tmp_path / "workspace", disk) as runtime:
            run = await runtime.create_run(plan({"a": [], "b": [], "c": []}))
            await run.start()
            with pytest.raises(StoreError):
                await run.wait()
            assert run.state.steps["c"].status == "queued"
            await run.cancel()
            assert (await run.wait()).status == "cancelled"
            assert run.problem == ""


async def test_any_other_error_still_fails_the_step(tmp_path: Path) -> None:
    disk = _Refusing()
    disk.error = errno.EIO
    with anyio.fail_after(20):
        async with _runtime(tmp_path / "workspace", disk) as runtime:
            run = await runtime.create_run(plan({"a": []}))
            await run.start()
            state = await run.wait()
    assert (state.status, state.steps["a"].attempt and state.steps["a"].attempt.error_kind) == (
        "failed",
        "handoff",
    )
