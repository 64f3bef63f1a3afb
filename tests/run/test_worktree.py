"""Calls that ask for a git worktree of their own, on a real repository."""

from __future__ import annotations

import contextlib
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from piplan_tui.agents.protocol import AgentFailure, Notice
from piplan_tui.run.model import StepExecutionInput, StepJob
from piplan_tui.run.worktree import isolated

pytestmark = pytest.mark.anyio


def git(folder: Path, *arguments: str) -> str:
    who = {
        "GIT_AUTHOR_NAME": "a",
        "GIT_AUTHOR_EMAIL": "a@b",
        "GIT_COMMITTER_NAME": "a",
        "GIT_COMMITTER_EMAIL": "a@b",
    }
    done = subprocess.run(
        ["git", "-C", str(folder), *arguments],
        env={**os.environ, **who},
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "a.txt").write_text("one\n")
    git(folder, "init", "-q")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "first")
    return folder


def job(workspace: Path, sessions: Path, **more: Any) -> StepJob:
    given = StepExecutionInput(
        run_id="r", attempt=1, plan={"id": "p"}, step={"id": "a"}, workspace=str(workspace)
    )
    return StepJob(
        given=given, agent="demo", session_dir=str(sessions / "a" / "sessions"), isolation="worktree", **more
    )


async def test_an_unchanged_worktree_is_removed(repository: Path, tmp_path: Path) -> None:
    notices: list[Notice] = []
    async with isolated(job(repository / "sub", tmp_path / "attempts"), notices) as (there, _):
        inside = Path(there.given.workspace)
        assert inside != repository / "sub"
        assert inside.name == "sub"
        assert (inside / "a.txt").read_text() == "one\n"
    assert os.listdir(tmp_path / "attempts" / "a") == []
    assert notices == []
    assert len(git(repository, "worktree", "list").splitlines()) == 1


async def test_changes_stay_apart_and_are_kept(repository: Path, tmp_path: Path) -> None:
    notices: list[Notice] = []
    with contextlib.suppress(KeyError):
        async with isolated(job(repository, tmp_path / "attempts"), notices) as (there, _):
            (Path(there.given.workspace) / "sub" / "a.txt").write_text("two\n")
            raise KeyError("the attempt failed")
    assert (repository / "sub" / "a.txt").read_text() == "one\n"
    assert (Path(there.given.workspace) / "sub" / "a.txt").read_text() == "two\n"
    assert [notice.text for notice in notices] == [
        f"its changes are in the git worktree {there.given.workspace}"
    ]
    async with isolated(job(repository, tmp_path / "attempts"), notices) as (again, _):
        assert again.given.workspace != there.given.workspace


async def test_without_a_repository_the_call_fails_with_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(
        AgentFailure, match=r"isolation 'worktree' did not work in .*: git says: .*not a git repository"
    ):
        async with isolated(job(tmp_path, tmp_path / "attempts"), []):
            raise AssertionError


async def test_other_calls_stay_where_they_are(tmp_path: Path) -> None:
    plain = StepJob(given=job(tmp_path, tmp_path).given, agent="demo")
    async with isolated(plain, []) as (there, _):
        assert there is plain
