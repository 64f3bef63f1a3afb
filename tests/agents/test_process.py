"""Children that leave their group, ignore SIGTERM or outlive their parent are ended all the same."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import uuid
from pathlib import Path

import anyio
import psutil
import pytest

from piplan_tui.agents.process import (
    RUN_MARK,
    ChildProcess,
    describe_exit,
    start_child,
    sweep,
    terminate_tree,
)
from tests.support.processes import is_running

pytestmark = pytest.mark.anyio


async def start(script: str, tmp_path: Path, run_id: str = "") -> ChildProcess:
    """A shell that runs `script`; returns when it has written a line."""
    env = {**os.environ, RUN_MARK: run_id or uuid.uuid4().hex}
    child = await start_child(["sh", "-c", script], cwd=tmp_path, env=env)
    with anyio.fail_after(10):
        assert await child.receive()
    return child


@pytest.mark.parametrize(
    "script",
    [
        "sleep 300 & echo begun; wait",
        "trap '' TERM; echo begun; while :; do sleep 1; done",
        "setsid -f sleep 300; setsid sleep 300 & echo begun; wait",
        "setsid -f sh -c 'trap \"\" TERM; sleep 300'; echo begun",  # outlives its parent
        "env -i sleep 300 & echo begun; wait",  # drops the marks but stays in the session
        "echo begun; kill -STOP $$; sleep 300",
    ],
    ids=["group", "ignores TERM", "own session", "orphan", "no marks", "stopped"],
)
async def test_a_whole_tree_is_ended(script: str, tmp_path: Path) -> None:
    run_id = uuid.uuid4().hex
    child = await start(script, tmp_path, run_id)
    try:
        tree = [child.pid, *(p.pid for p in psutil.Process(child.pid).children(recursive=True))]
    except psutil.NoSuchProcess:
        tree = [child.pid]
    assert await terminate_tree(child, 0.1) == 0
    await child.release()
    assert not any(is_running(pid) for pid in tree)
    assert (await sweep(run_id)).ended == 0
    assert child.returncode is not None


async def test_what_a_crashed_owner_left_is_swept(tmp_path: Path) -> None:
    run_id = uuid.uuid4().hex
    script = "setsid -f sleep 300; echo begun; exec sleep 300"
    child = await start(script, tmp_path, run_id)
    stranger = await start("echo begun; sleep 300", tmp_path)
    try:
        report = await sweep(run_id, grace_seconds=1)
        assert report.left == 0
        assert report.ended == 2
        assert is_running(stranger.pid)
        assert not is_running(child.pid)
        assert (await sweep(run_id)) == (0, 0)
    finally:
        for process in (child, stranger):
            await terminate_tree(process)
            await process.release()


async def test_a_sweep_spares_its_own_ancestors(tmp_path: Path) -> None:
    """A run that is started by a step of another run carries that run's mark itself."""
    run_id = uuid.uuid4().hex
    program = (
        "import anyio, sys; from piplan_tui.agents.process import sweep; print(anyio.run(sweep, sys.argv[1]))"
    )
    done = await anyio.run_process(
        [sys.executable, "-c", program, run_id], env={**os.environ, RUN_MARK: run_id}, check=False
    )
    assert done.stdout.decode().strip() == "SweepReport(ended=0, left=0)"


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the parent-death signal is Linux's")
async def test_children_end_with_their_parent(tmp_path: Path) -> None:
    """kill -9 of the owner does not leave its child alive."""
    program = (
        "import anyio, os, pathlib; from piplan_tui.agents.process import start_child\n"
        "async def main():\n"
        "    child = await start_child(['sleep', '300'], cwd=pathlib.Path('.'), env=dict(os.environ))\n"
        "    print(child.pid, flush=True)\n"
        "    await anyio.sleep(300)\n"
        "anyio.run(main)"
    )
    async with await anyio.open_process([sys.executable, "-c", program], stderr=subprocess.DEVNULL) as owner:
        assert owner.stdout is not None
        pid = int(await owner.stdout.receive())
        with anyio.fail_after(5):
            while psutil.Process(pid).name() != "sleep":  # noqa: ASYNC110 - not before it has executed
                await anyio.sleep(0.005)
        owner.send_signal(signal.SIGKILL)
        await owner.wait()
        with anyio.fail_after(5):
            while is_running(pid):  # noqa: ASYNC110 - another process's child gives no event
                await anyio.sleep(0.01)


async def test_stderr_keeps_its_end_and_bounds_its_lines(tmp_path: Path) -> None:
    script = (
        "for i in $(seq 100); do echo line $i >&2; done; head -c 1000000 /dev/zero | tr '\\0' x >&2; exit 3"
    )
    child = await start_child(["sh", "-c", script], cwd=tmp_path, env=dict(os.environ))
    lines: list[str] = []
    await child.drain_stderr(lines.append)
    assert await child.wait(5) == 3
    await child.release()
    assert lines[:2] == ["line 1", "line 2"]
    tail = child.stderr_tail.splitlines()
    assert len(tail) == 40
    assert tail[-2] == "line 100"
    assert tail[-1] == "x" * 2000


def test_how_a_process_ended_is_said_in_words() -> None:
    assert describe_exit(3) == "exit code 3"
    assert describe_exit(-9) == "killed by SIGKILL"
    assert describe_exit(-200) == "killed by signal 200"
    assert describe_exit(None) == "still running"
