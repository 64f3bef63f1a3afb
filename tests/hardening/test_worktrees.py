"""Steps in git worktrees, with the owner killed at every turn and disks that refuse: real git, real processes."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import pytest

from piplan_tui.run.factory import create_runtime
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState
from piplan_tui.store.file import FileRuntimeStore
from tests.run.test_worktree import git

pytestmark = pytest.mark.anyio

AGENT = """
import pathlib, sys
sys.stdin.read()
pathlib.Path(sys.argv[1], "sessions").open("a").write("one\\n")
pathlib.Path("notes.txt").write_text("written by the step\\n")
print('{"status": "completed", "summary": "it is written", "more": [1, {"a": "b"}]}')
"""
OWNER = """
import os, signal, sys
from pathlib import Path
import anyio
from piplan_tui.run import events as ev, step_runner
from tests.hardening.test_worktrees import runtime_of
from tests.run.plans import plan

folder, when = Path(sys.argv[1]), sys.argv[2]
bring_back = step_runner.bring_back

def die():
    os.kill(os.getpid(), signal.SIGKILL)

async def killed(*given):
    if when == "before the review":
        die()
    await bring_back(*given)
    die()

async def main():
    async with runtime_of(folder) as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        state = await run.wait()
        [ask] = state.asks.values()
        await run.save_draft(ask.id, {"note": "half a thought"})
        await run.stored()
        print("asked", flush=True)
        if when == "while it is reviewed":
            await anyio.sleep_forever()
        await run.answer(ask.id, action_id="merge")
        await run.wait()

step_runner.bring_back = killed if when in ("before the review", "after the merge") else bring_back
(folder / "owner").write_text(str(os.getpid()))
anyio.run(main)
"""
HOOK = """#!/bin/sh
kill -9 "$(cat "{folder}/owner")"
touch "{folder}/killed"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    repository = tmp_path / "repo"
    repository.mkdir()
    (repository / "notes.txt").write_text("nobody\n")
    (tmp_path / "agent.py").write_text(AGENT)
    git(repository, "init", "-q", "-b", "main")
    git(repository, "config", "user.name", "a")
    git(repository, "config", "user.email", "a@b")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "first")
    return tmp_path


def runtime_of(folder: Path) -> PlanRuntime:
    agent = f"command:{sys.executable} {folder / 'agent.py'} {folder}"
    options = RunOptions(
        workspace=folder / "repo", agent=agent, run_id="killed", steps={"isolation": "worktree"}
    )
    return create_runtime(store=FileRuntimeStore(folder / "store"), options=options)


@asynccontextmanager
async def taken_up(folder: Path) -> AsyncIterator[tuple[Run, RunState]]:
    """The run, started again by a new owner, and where it came to a rest."""
    with anyio.fail_after(60):
        async with runtime_of(folder) as runtime:
            run = await runtime.open_run("killed")
            await run.start()
            yield run, await run.wait()


def kill_owner(folder: Path, when: str) -> None:
    """Let an owner live until `when`, and kill it then."""
    owner = subprocess.Popen(
        [sys.executable, "-c", OWNER, str(folder), when], stdout=subprocess.PIPE, text=True
    )
    assert owner.stdout is not None
    with owner.stdout as told:
        if when == "while it is reviewed":
            assert told.readline() == "asked\n"
            owner.kill()
        assert owner.wait(60) == -signal.SIGKILL


def wait_for(what: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def check_merged(folder: Path, state: RunState, files: tuple[str, ...] = ("notes.txt",)) -> None:
    repository = folder / "repo"
    attempt = state.steps["a"].attempt
    assert attempt is not None
    assert attempt.changes is not None
    assert (state.status, attempt.changes.merged, attempt.changes.files) == ("completed", "merged", files)
    assert (repository / "notes.txt").read_text() == "written by the step\n"
    assert git(repository, "status", "--porcelain", "--", ".", ":!.pi-plan-runtime") == ""
    assert len(git(repository, "log", "--merges", "--oneline").splitlines()) == 1
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    assert (folder / "sessions").read_text() == "one\n", "the session is not repeated"
    left = (repository / ".pi-plan-runtime/handoff/p/a/result.json").read_text()
    assert '"more"' in left
    assert "it is written" in (repository / ".pi-plan-runtime/handoff/p/a/raw_output.txt").read_text()


async def test_the_same_review_is_asked_again_after_its_owner_was_killed(folder: Path) -> None:
    await anyio.to_thread.run_sync(kill_owner, folder, "while it is reviewed")
    async with taken_up(folder) as (run, state):
        [ask] = state.asks.values()
        assert run.request(ask.id).title == "Merge a"
        assert await run.load_draft(ask.id) == {"note": "half a thought"}
        assert len(state.steps["a"].attempts) == 1
        await run.answer(ask.id, action_id="merge")
        state = await run.wait()
    check_merged(folder, state)
    assert len(state.steps["a"].attempts) == 1
    assert [decision.choice for decision in state.steps["a"].attempts[0].decisions] == ["merge"]


async def test_what_is_declined_after_the_owner_was_killed_is_kept(folder: Path) -> None:
    await anyio.to_thread.run_sync(kill_owner, folder, "while it is reviewed")
    async with taken_up(folder) as (run, state):
        await run.answer(next(iter(state.asks)), action="decline")
        state = await run.wait()
    [attempt] = state.steps["a"].attempts
    assert attempt.changes is not None
    assert (state.status, attempt.changes.merged) == ("completed", "kept")
    assert (folder / "repo" / "notes.txt").read_text() == "nobody\n"
    assert (Path(attempt.changes.worktree) / "notes.txt").read_text() == "written by the step\n"
    assert (folder / "sessions").read_text() == "one\n"


async def test_a_conflict_that_arose_meanwhile_is_told_and_touches_nothing(folder: Path) -> None:
    await anyio.to_thread.run_sync(kill_owner, folder, "while it is reviewed")
    (folder / "repo" / "notes.txt").write_text("written by somebody else\n")
    git(folder / "repo", "commit", "-q", "-a", "-m", "second")
    async with taken_up(folder) as (run, state):
        await run.answer(next(iter(state.asks)), action_id="merge")
        state = await run.wait()
        [ask] = state.asks.values()
        assert run.request(ask.id).title == "Conflict in a"
        assert (folder / "repo" / "notes.txt").read_text() == "written by somebody else\n"
        await run.cancel()
    assert (folder / "sessions").read_text() == "one\n"


async def test_the_session_is_not_repeated_when_its_owner_dies_before_the_review(folder: Path) -> None:
    await anyio.to_thread.run_sync(kill_owner, folder, "before the review")
    async with taken_up(folder) as (run, state):
        [ask] = state.asks.values()
        assert run.request(ask.id).title == "Merge a"
        await run.answer(ask.id, action_id="merge")
        state = await run.wait()
    check_merged(folder, state)


@pytest.mark.parametrize("when", ["after the merge", "in the middle of the merge"])
async def test_a_merge_that_outlives_its_owner_is_not_asked_about_again(folder: Path, when: str) -> None:
    if when == "in the middle of the merge":
        hook = folder / "repo" / ".git" / "hooks" / "pre-merge-commit"
        hook.write_text(HOOK.format(folder=folder))
        hook.chmod(0o755)
    await anyio.to_thread.run_sync(kill_owner, folder, when)
    wait_for(lambda: (folder / "repo" / "notes.txt").read_text() == "written by the step\n")
    wait_for(lambda: len(git(folder / "repo", "log", "--merges", "--oneline").splitlines()) == 1)
    assert (folder / "killed").exists() == (when == "in the middle of the merge")
    async with taken_up(folder) as (_, state):
        pass
    check_merged(folder, state)


KILLS_GIT = """#!/bin/sh
text=$(cat; echo x)
case "$text" in *"written by the step"*) ;; *) printf %s "${{text%x}}"; exit 0 ;; esac
touch "{folder}/killed"
kill -9 "$(cat "{folder}/owner")" $(ps -o ppid= -p "$PPID") "$PPID"
"""


@pytest.mark.parametrize("since", ["nothing", "a change of the user's"])
async def test_a_merge_whose_git_was_killed_too_is_undone_and_done_again(folder: Path, since: str) -> None:
    """As when the power fails: some files are written, the rest are not, and nobody ran any more."""
    repository = folder / "repo"
    (repository / ".gitattributes").write_text("notes.txt filter=kills\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    (folder / "agent.py").write_text(AGENT + "pathlib.Path('first.txt').write_text('first')\n")
    killer = folder / "killer.sh"
    killer.write_text(KILLS_GIT.format(folder=folder))
    git(repository, "config", "filter.kills.smudge", f"sh {killer}")
    git(repository, "config", "filter.kills.clean", "cat")
    await anyio.to_thread.run_sync(kill_owner, folder, "in the middle of the merge")
    assert (folder / "killed").exists()
    assert git(repository, "log", "--merges", "--oneline") == ""
    assert (repository / "first.txt").exists(), "half of it is there"
    assert (repository / ".git" / "index.lock").exists()
    git(repository, "config", "filter.kills.smudge", "cat")
    if since != "nothing":
        (repository / "first.txt").write_text("the user's own by now")
    async with taken_up(folder) as (run, state):
        assert len(state.asks) == (since != "nothing"), [
            ask.request["message"] for ask in state.asks.values()
        ]
        if since != "nothing":
            [ask] = state.asks.values()
            assert "first.txt" in run.request(ask.id).message
            assert (repository / "first.txt").read_text() == "the user's own by now"
            assert (repository / "notes.txt").read_text() == "nobody\n"
            (repository / "first.txt").unlink()
            await run.answer(ask.id, action_id="merge")
            state = await run.wait()
    assert (repository / "first.txt").read_text() == "first"
    check_merged(folder, state, ("first.txt", "notes.txt"))


async def test_a_step_that_is_tried_again_has_a_session_of_its_own(folder: Path) -> None:
    await anyio.to_thread.run_sync(kill_owner, folder, "while it is reviewed")
    async with taken_up(folder) as (run, _):
        await run.retry(["a"])
        state = await run.wait()
        [ask] = state.asks.values()
        assert len(state.steps["a"].attempts) == 2
        assert (folder / "sessions").read_text() == "one\n" * 2
        await run.answer(ask.id, action="decline")
        assert (await run.wait()).status == "completed"


async def test_an_unfinished_worktree_is_not_gone_on_with(folder: Path) -> None:
    """Git was killed while it made one: files that are not there yet must not count as deleted."""
    await anyio.to_thread.run_sync(kill_owner, folder, "before the review")
    [tree] = (folder / "store" / "runs" / "killed" / "attempts" / "a").glob("worktree-*")
    admin = Path(git(tree, "rev-parse", "--absolute-git-dir").strip())
    (admin / "locked").write_text("initializing")
    (tree / "notes.txt").unlink()
    async with taken_up(folder) as (_, state):
        pass
    assert state.status == "completed"
    assert (folder / "repo" / "notes.txt").read_text() == "nobody\n"


def _on_a_disk_of_its_own(place: Path) -> list[str]:
    words = ["unshare", "-Urm", "sh", "-c"]
    mount = f"mount -t tmpfs -o size=2m none {place}"
    if (
        not shutil.which("unshare")
        or subprocess.run([*words, mount], check=False, capture_output=True).returncode
    ):
        pytest.skip("no user namespaces here")
    return [*words, f'{mount} && exec "$@"', "-"]


@pytest.mark.parametrize(
    ("way", "helps"),
    [
        ("full", "no space is left on the device; make room there"),
        ("read-only", "the file system is read-only; make it writable"),
        ("unseen", "no space is left on the device; make room there"),
    ],
)
def test_a_repository_without_room(tmp_path: Path, way: str, helps: str) -> None:
    place, store = tmp_path / "disk", tmp_path / "store"
    place.mkdir()
    store.mkdir()
    program = [sys.executable, "-m", "tests.hardening.full_worktree", str(place), str(store), way]
    done = subprocess.run(
        [*_on_a_disk_of_its_own(place), *program],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert lines[-1] == "merged"
    assert next(line for line in lines if line.endswith(helps)).startswith("git cannot write for ")
    assert sum(line.endswith(helps) for line in lines) == 2
