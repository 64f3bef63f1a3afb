"""No room in the workspace for what a finished session left: the run waits for room, and repeats nothing."""

from __future__ import annotations

import errno
import json
import os
import shlex
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import anyio
import pytest

from piplan_tui.agents.command import CommandAgent
from piplan_tui.agents.protocol import Agent
from piplan_tui.run import room
from piplan_tui.run.handoff import write_handoff
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.step_runner import StepRunner
from piplan_tui.store.disk import Disk
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RuntimeStore, StoreError
from tests.run.plans import plan

pytestmark = pytest.mark.anyio

AGENT = """
import sys
sys.stdin.read()
with open("sessions", "a") as file:
    file.write("one\\n")
print('a word before it {"status": "completed", "summary": "done", "kept": [1, 2]}')
"""


class Refusing(Disk):
    error = 0

    def make_folder(self, path: Path) -> None:
        if self.error == errno.EROFS:
            raise OSError(self.error, os.strerror(self.error))
        super().make_folder(path)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        return super().write(fd, data)


OWNER = """
import errno, os, signal, sys
from pathlib import Path
import anyio
from piplan_tui.store.file import FileRuntimeStore
from tests.hardening.test_full_workspace import Refusing, runtime_of
from tests.run.plans import plan

async def main(folder):
    disk = Refusing()
    disk.error = errno.ENOSPC
    async with runtime_of(folder / "workspace", disk, FileRuntimeStore(folder / "store")) as runtime:
        stored = await runtime.store.list_runs()
        run = await (runtime.open_run("full") if stored else runtime.create_run(plan({"a": [], "b": ["a"]})))
        await run.start()
        try:
            await run.wait()
        except Exception as error:
            print(error, flush=True)
        await run.stored()
        os.kill(os.getpid(), signal.SIGKILL)

anyio.run(main, Path(sys.argv[1]))
"""


@asynccontextmanager
async def runtime_of(
    workspace: Path, disk: Disk, store: RuntimeStore | None = None
) -> AsyncIterator[PlanRuntime]:
    await anyio.Path(workspace).mkdir(exist_ok=True)
    async with CommandAgent(shlex.join([sys.executable, "-c", AGENT])) as agent:

        async def named(name: str) -> Agent:
            return agent

        async def swept(token: str) -> int:
            return 0

        async with PlanRuntime(
            store=store or MemoryRuntimeStore(),
            make_agent=lambda name: agent,
            sweep=swept,
            options=RunOptions(workspace=workspace, agent="command", max_concurrency=2, run_id="full"),
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
    monkeypatch.setattr(room, "TRY_AGAIN_SECONDS", 0.01)
    disk = Refusing()
    disk.error = error
    workspace = tmp_path / "workspace"
    with anyio.fail_after(20):
        async with runtime_of(workspace, disk) as runtime:
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


@pytest.mark.parametrize("deaths", [1, 2])
async def test_no_session_is_repeated_when_the_owner_is_killed_meanwhile(tmp_path: Path, deaths: int) -> None:
    for _ in range(deaths):
        owner = await anyio.run_process(
            [sys.executable, "-c", OWNER, str(tmp_path)], check=False, stderr=None
        )
        assert b"no space is left on the device; make room there" in owner.stdout
        assert owner.returncode == -signal.SIGKILL
    assert (tmp_path / "workspace" / "sessions").read_text() == "one\n"
    store = FileRuntimeStore(tmp_path / "store")
    with anyio.fail_after(20):
        async with runtime_of(tmp_path / "workspace", Disk(), store) as runtime:
            run = await runtime.open_run("full")
            await run.start()
            state = await run.wait()
    assert state.status == "completed"
    assert [attempt.status for attempt in state.steps["a"].attempts] == ["interrupted"] * deaths + [
        "completed"
    ]
    assert (tmp_path / "workspace" / "sessions").read_text() == "one\n" * 2, "one for a, one for b"
    left = json.loads((tmp_path / "workspace/.pi-plan-runtime/handoff/p/a/result.json").read_text())
    assert (left["summary"], left["kept"]) == ("done", [1, 2])
    raw = (tmp_path / "workspace/.pi-plan-runtime/handoff/p/a/raw_output.txt").read_text()
    assert raw.startswith("a word before it")


async def test_nothing_new_starts_meanwhile_and_the_step_can_be_cancelled(tmp_path: Path) -> None:
    disk = Refusing()
    disk.error = errno.ENOSPC
    with anyio.fail_after(20):
        async with runtime_of(tmp_path / "workspace", disk) as runtime:
            run = await runtime.create_run(plan({"a": [], "b": [], "c": []}))
            await run.start()
            with pytest.raises(StoreError):
                await run.wait()
            assert run.state.steps["c"].status == "queued"
            await run.cancel()
            assert (await run.wait()).status == "cancelled"
            assert run.problem == ""


async def test_any_other_error_still_fails_the_step(tmp_path: Path) -> None:
    disk = Refusing()
    disk.error = errno.EIO
    with anyio.fail_after(20):
        async with runtime_of(tmp_path / "workspace", disk) as runtime:
            run = await runtime.create_run(plan({"a": []}))
            await run.start()
            state = await run.wait()
    assert (state.status, state.steps["a"].attempt and state.steps["a"].attempt.error_kind) == (
        "failed",
        "handoff",
    )
