"""A plan in a git worktree whose repository has no room at every turn. A program, run on a disk of its own:

    python -m tests.hardening.full_worktree PLACE STORE full|read-only|unseen

With `unseen` there is no looking for room before a merge, so that git fails in the middle of it.
"""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import anyio

from piplan_tui.run import merge, room
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import StoreError
from tests.run.plans import plan
from tests.run.test_worktree import git

BIG = 60_000
AGENT = f"""
import pathlib, random, sys
sys.stdin.read()
pathlib.Path(sys.argv[1], "sessions").open("a").write("one\\n")
words = random.Random(7)
for name in "abc":
    pathlib.Path(name + ".bin").write_bytes(b"new" + words.randbytes({BIG}))
pathlib.Path("d/e.txt").parent.mkdir()
pathlib.Path("d/e.txt").write_text("new")
print('{{"status": "completed", "summary": "ok"}}')
"""


class Blocked:
    """The disk at `place`, which can be made to refuse."""

    def __init__(self, place: Path, way: str) -> None:
        self.place, self.way = place, way

    def block(self) -> None:
        if self.way == "read-only":
            subprocess.run(["mount", "-o", "remount,ro", self.place], check=True)
            return
        with (self.place / "filler").open("ab", buffering=0) as file:
            for size in (100_000, 4_096, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    continue

    def free(self) -> None:
        if self.way == "read-only":
            subprocess.run(["mount", "-o", "remount,rw", self.place], check=True)
        else:
            (self.place / "filler").unlink()


def files_of(repository: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(repository)): path.read_bytes()
        for path in repository.rglob("*")
        if path.is_file() and ".git" not in path.parts and ".pi-plan-runtime" not in path.parts
    }


async def held_up(run: Run, disk: Blocked) -> None:
    """The run says what is wrong, and goes on by itself when it is mended."""
    try:
        await run.wait()
    except StoreError as error:
        print(error)
    else:
        raise AssertionError(
            f"the run did not notice: {[a.request for a in run.state.asks.values()]} {run.state.counts}"
        )
    print(f"pending {sorted(run.state.asks)}")
    if disk.way != "unseen":
        assert git(disk.place / "repo", "--no-optional-locks", "status", "--porcelain") == ""
    disk.free()
    with anyio.fail_after(20):
        await run.until_storable()


async def main(place: Path, store: Path, way: str) -> None:
    room.TRY_AGAIN_SECONDS = 0.01
    if way == "unseen":

        def unseen(*_: Any) -> None:
            return None

        merge._try_to_write = unseen
    repository = place / "repo"
    repository.mkdir()
    for name in "abc":
        (repository / f"{name}.bin").write_bytes(b"old" + os.urandom(BIG))
    git(repository, "init", "-q", "-b", "main")
    git(repository, "config", "user.name", "a")
    git(repository, "config", "user.email", "a@b")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "first")
    before = files_of(repository)
    disk = Blocked(place, way)
    (store / "agent.py").write_text(AGENT)
    options = RunOptions(
        workspace=repository,
        agent=f"command:{sys.executable} {store / 'agent.py'} {store}",
        steps={"isolation": "worktree"},
    )
    async with create_runtime(store=FileRuntimeStore(store / "runs"), options=options) as runtime:
        run = await runtime.create_run(plan({"a": []}))
        disk.block()
        await run.start()
        await held_up(run, disk)  # no room for the worktree
        with anyio.fail_after(20):
            state = await run.wait()
        [ask] = state.asks.values()
        disk.block()
        await run.answer(ask.id, action_id="merge")
        await held_up(run, disk)  # no room for the merge
        with anyio.fail_after(20):
            state = await run.wait()
        assert state.status == "completed", (state.status, state.reason, run.problem)
        attempt = state.steps["a"].attempt
        assert attempt is not None
        assert attempt.changes is not None
        assert attempt.changes.merged == "merged"
        assert len(state.steps["a"].attempts) == 1
    after = files_of(repository)
    assert set(after) == {*before, "d/e.txt"}
    assert all(data.startswith(b"new") and len(data) in (3, BIG + 3) for data in after.values())
    assert git(repository, "status", "--porcelain", "--", ".", ":!.pi-plan-runtime") == ""
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert (store / "sessions").read_text() == "one\n"
    print("merged")


if __name__ == "__main__":
    anyio.run(main, Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
