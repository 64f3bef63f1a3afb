"""Plan steps in git worktrees: what they change, the review, conflicts, and what is kept."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import pytest

from piplan_tui.run import events as ev
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.model import Changes
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState
from piplan_tui.store.file import FileRuntimeStore
from tests.run.plans import plan
from tests.run.test_worktree import git

pytestmark = pytest.mark.anyio

AGENT = """\
import os, pathlib, sys
step = os.environ["PIPLAN_STEP_ID"]
if step in ("a", "b"):
    pathlib.Path("notes.txt").write_text(f"written by {step}\\n")
    pathlib.Path(f"{step}.txt").write_text(step)
if step == "c":
    assert "written by a" in pathlib.Path("notes.txt").read_text()
    assert pathlib.Path(".pi-plan-runtime/handoff/p/a/result.json").exists()
print('{"status": "completed", "summary": "ok"}')
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    folder.mkdir()
    (folder / "notes.txt").write_text("nobody\n")
    (folder / "agent.py").write_text(AGENT)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "config", "user.name", "a")
    git(folder, "config", "user.email", "a@b")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


@asynccontextmanager
async def runtime_of(repository: Path, tmp_path: Path, **options: Any) -> AsyncIterator[PlanRuntime]:
    agent = f"command:{sys.executable} agent.py"
    chosen = RunOptions(workspace=repository, agent=agent, steps={"isolation": "worktree"})
    store = FileRuntimeStore(tmp_path / "store")
    async with create_runtime(store=store, options=replace(chosen, **options)) as runtime:
        yield runtime


async def rest(run: Run) -> RunState:
    with anyio.fail_after(60):
        return await run.wait()


def changes_of(state: RunState, step_id: str) -> Changes:
    attempt = state.steps[step_id].attempt
    assert attempt is not None
    assert attempt.changes is not None
    return attempt.changes


async def test_two_steps_that_conflict(repository: Path, tmp_path: Path) -> None:
    async with runtime_of(repository, tmp_path) as runtime:
        run = await runtime.create_run(plan({"a": [], "b": [], "c": ["a"]}))
        seen: list[ev.RuntimeEvent] = []
        run.subscribe(seen.append)
        await run.start()
        state = await rest(run)
        assert state.status == "waiting_user"
        assert (repository / "notes.txt").read_text() == "nobody\n", "nothing is merged unasked"
        asks = {ask.step_id: ask for ask in state.asks.values()}
        request = run.request(asks["a"].id)
        assert (request.kind, request.title) == ("review", "Merge a")
        assert "+written by a" in request.context[0].text
        assert changes_of(state, "a").files == ("a.txt", "notes.txt")
        assert changes_of(state, "a").merged == "open"

        await run.answer(asks["a"].id, action_id="merge")
        state = await rest(run)
        assert state.steps["a"].status == "completed"
        assert state.steps["c"].status == "completed", "the next step sees the merge and the handoff"
        assert (repository / "notes.txt").read_text() == "written by a\n"
        assert changes_of(state, "a").merged == "merged"
        assert changes_of(state, "a").worktree not in git(repository, "worktree", "list")
        assert "piplan/" not in git(repository, "branch", "--list", changes_of(state, "a").branch)

        # the other one does not fit any more, and says so without touching anything
        await run.answer(asks["b"].id, action_id="merge")
        state = await rest(run)
        [again] = state.asks.values()
        request = run.request(again.id)
        assert request.title == "Conflict in b"
        assert "It conflicts with the workspace in `notes.txt`." in request.message
        assert git(repository, "status", "--porcelain", "--untracked-files=no") == ""
        assert (repository / "notes.txt").read_text() == "written by a\n"
        tree = Path(changes_of(state, "b").worktree)

        # the user repairs it in the worktree
        with pytest.raises(subprocess.CalledProcessError):
            git(tree, "merge", "main")
        (tree / "notes.txt").write_text("written by both\n")
        git(tree, "add", "notes.txt")
        await run.answer(again.id, action_id="merge")
        state = await rest(run)
    assert state.status == "completed"
    assert (repository / "notes.txt").read_text() == "written by both\n"
    assert len(git(repository, "worktree", "list").splitlines()) == 1
    decided = state.steps["b"].attempt
    assert decided is not None
    assert [decision.choice for decision in decided.decisions] == ["merge", "merge"]


async def test_what_is_declined_is_kept_and_said(repository: Path, tmp_path: Path) -> None:
    async with runtime_of(repository, tmp_path) as runtime:
        run = await runtime.create_run(plan({"a": [], "d": []}))
        await run.start()
        state = await rest(run)
        assert state.steps["d"].status == "completed", "a step that changed nothing is not asked about"
        [ask] = state.asks.values()
        await run.answer(ask.id, action="decline")
        state = await rest(run)
    changes = changes_of(state, "a")
    assert (state.status, changes.merged) == ("completed", "kept")
    assert (Path(changes.worktree) / "a.txt").read_text() == "a"
    assert git(repository, "show", f"{changes.branch}:a.txt") == "a"
    assert not (repository / "a.txt").exists()
    assert (repository / ".pi-plan-runtime/handoff/p/a/result.json").exists()


async def test_a_workspace_that_git_would_not_overwrite(repository: Path, tmp_path: Path) -> None:
    async with runtime_of(repository, tmp_path) as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        [ask] = (await rest(run)).asks.values()
        (repository / "notes.txt").write_text("the user's own, not committed\n")
        await run.answer(ask.id, action_id="merge")
        state = await rest(run)
        [again] = state.asks.values()
        assert "would be overwritten" in run.request(again.id).message
        assert (repository / "notes.txt").read_text() == "the user's own, not committed\n"
        await run.cancel()
    assert (Path(changes_of(state, "a").worktree) / "a.txt").exists(), "nothing of it is thrown away"


async def test_a_merge_that_breaks_off_in_the_middle_is_undone(repository: Path, tmp_path: Path) -> None:
    """Git writes one file after the other; here the filter of the last one fails."""
    (repository / ".gitattributes").write_text("notes.txt filter=broken\n")
    git(repository, "add", ".")
    git(repository, "commit", "-q", "-m", "second")
    async with runtime_of(repository, tmp_path) as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        [ask] = (await rest(run)).asks.values()
        filter_ = tmp_path / "filter.sh"
        filter_.write_text(
            'text=$(cat; echo x)\ncase "$text" in *written*) exit 1;; esac\nprintf %s "${text%x}"\n'
        )
        git(repository, "config", "filter.broken.smudge", f"sh {filter_}")
        git(repository, "config", "filter.broken.clean", "cat")
        git(repository, "config", "filter.broken.required", "true")
        (repository / "mine.txt").write_text("the user's own, not known to git\n")
        head = git(repository, "rev-parse", "HEAD")
        await run.answer(ask.id, action_id="merge")
        [again] = (await rest(run)).asks.values()
        assert "git did not merge it, and nothing was changed." in run.request(again.id).message
        assert git(repository, "rev-parse", "HEAD") == head
        assert not (repository / "a.txt").exists()
        assert (repository / "notes.txt").read_text() == "nobody\n"
        assert git(repository, "status", "--porcelain") == "?? mine.txt\n"
        git(repository, "config", "filter.broken.smudge", "cat")
        await run.answer(again.id, action_id="merge")
        assert (await rest(run)).status == "completed"
    assert (repository / "notes.txt").read_text() == "written by a\n"
    assert (repository / "a.txt").read_text() == "a"
    assert (repository / "mine.txt").exists()


async def test_a_folder_of_its_own_for_a_step(repository: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    rules = {"by": {"id": {"d": {"workspace": str(tmp_path / "other")}, "e": {"workspace": "nowhere"}}}}
    agent = f"command:{sys.executable} {repository / 'agent.py'}"
    async with runtime_of(repository, tmp_path, steps=rules, agent=agent) as runtime:
        run = await runtime.create_run(plan({"a": [], "d": ["a"], "e": []}))
        await run.start()
        state = await rest(run)
    assert state.steps["d"].status == "completed"
    assert (tmp_path / "other/.pi-plan-runtime/handoff/p/a/result.json").exists(), "what it builds on"
    assert (repository / ".pi-plan-runtime/handoff/p/d/result.json").exists(), "where the others look"
    failed = state.steps["e"].attempt
    assert failed is not None
    assert failed.error == (
        f"the workspace {repository / 'nowhere'} of step e is not a folder; make it, or change its rule"
    )
