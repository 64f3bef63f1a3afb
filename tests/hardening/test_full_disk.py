"""A disk that is full, or read-only for a while: the run pauses, says why, and goes on when it can."""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import anyio
import pytest

from piplan_tui.run import plan_driver
from piplan_tui.run.reduce import fold
from piplan_tui.store.disk import Disk
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import StoreError
from tests.run.conftest import Bench
from tests.run.plans import plan


class _Refusing(Disk):
    error = 0

    def open_append(self, path: Path, *, create: bool = False) -> int:
        if self.error == errno.EROFS:
            raise OSError(self.error, os.strerror(self.error))
        return super().open_append(path, create=create)

    def write(self, fd: int, data: bytes | memoryview) -> int:
        if self.error:
            raise OSError(self.error, os.strerror(self.error))
        return super().write(fd, data)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("error", "said"), [(errno.ENOSPC, "no space is left on the device"), (errno.EROFS, "read-only")]
)
async def test_a_run_pauses_and_goes_on_by_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: int, said: str
) -> None:
    monkeypatch.setattr(plan_driver, "TRY_AGAIN_SECONDS", 0.01)
    disk = _Refusing()
    bench = Bench(tmp_path, FileRuntimeStore(tmp_path / "store", disk=disk))
    bench.steps.hold("a")
    with anyio.fail_after(10):
        async with bench.runtime() as runtime:
            run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
            await run.start()
            await bench.steps.started("a")
            disk.error = error
            bench.steps.release("a")
            with pytest.raises(StoreError, match=said):
                await run.wait()
            assert said in run.problem
            assert run.state.steps["b"].status == "queued", "it would build on what is not stored"
            disk.error = 0
            await run.until_storable()
            assert (await run.wait()).status == "completed"
            assert run.problem == ""
            assert fold([event async for event in bench.store.read(run.id)]) == run.state


def _mounted(place: Path) -> list[str]:
    """Words before a command that give it a disk of 640 kB at `place`."""
    mount = f"mount -t tmpfs -o size=640k none {place}"
    words = ["unshare", "-Urm", "sh", "-c"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*words, mount], check=False, capture_output=True).returncode
    ):
        pytest.skip("no user namespaces here")
    return [*words, f'{mount} && exec "$@"', "-"]


RUNS_ON_IT = """
import os, subprocess, sys
store, plan, workspace = sys.argv[1:]
command = [sys.executable, "-P", "-m", "piplan_tui", "run", plan, "--store", store, "--agent", "demo"]
command += ["--workspace", workspace, "--on-ask", "wait", "--run-id", "full", "--demo-pace", "0"]
filler = os.path.join(store, "filler")
with open(filler, "wb", buffering=0) as file:
    os.posix_fallocate(file.fileno(), 0, 500 * 1024)
process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True)
for line in process.stderr:
    print(line, end="")
    if "pauses:" in line:
        os.unlink(filler) if os.path.exists(filler) else process.kill()
sys.exit(process.wait(60))
"""


def test_a_real_full_disk(tmp_path: Path) -> None:
    place, workspace = tmp_path / "disk", tmp_path / "workspace"
    place.mkdir()
    workspace.mkdir()
    steps = [
        {"id": f"s{n}", "title": f"S{n}", "goal": "go " + "x" * 2000, "dependsOn": [f"s{n - 1}"] if n else []}
        for n in range(20)
    ]
    (tmp_path / "plan.json").write_text(json.dumps({"id": "p", "title": "P", "steps": steps}))
    command = [sys.executable, "-c", RUNS_ON_IT, str(place), str(tmp_path / "plan.json"), str(workspace)]
    done = subprocess.run(
        [*_mounted(place), *command], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "run full pauses: cannot write to" in done.stdout
    assert "make room there" in done.stdout
    assert "run full goes on\n" in done.stdout
    assert "run full COMPLETED" in done.stdout
    assert done.stdout.count("] started") == 20
