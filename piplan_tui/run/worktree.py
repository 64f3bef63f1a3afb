"""A git worktree of its own for one attempt, so that agents that change files at once do not meet."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from subprocess import PIPE, STDOUT

import anyio
import msgspec

from piplan_tui.agents.protocol import AgentFailure, Notice
from piplan_tui.run.model import StepJob

_one_at_a_time = anyio.Lock()  # git locks the repository's list of worktrees, and does not wait for it


@asynccontextmanager
async def isolated(job: StepJob, notices: list[Notice]) -> AsyncIterator[StepJob]:
    """The errand in a worktree of the workspace's repository, at its `HEAD`, when the job asks for one.

    Afterwards an unchanged worktree is removed; one with changes or commits stays, and a notice says where.

    Raises:
        AgentFailure: the workspace is in no git repository, or git could not make the worktree.
    """
    if job.isolation != "worktree":
        yield job
        return
    workspace = Path(job.given.workspace)
    below = await _git(workspace, "rev-parse", "--show-prefix")
    head = await _git(workspace, "rev-parse", "HEAD")
    tree = await anyio.to_thread.run_sync(_new_folder, job)
    async with _one_at_a_time:
        await _git(workspace, "worktree", "add", "--detach", str(tree), head)
    given = msgspec.structs.replace(job.given, workspace=str(tree / below))
    try:
        yield msgspec.structs.replace(job, given=given)
    finally:
        with anyio.CancelScope(shield=True):
            if await _changed(tree, head):
                notices.append(Notice(f"its changes are in the git worktree {tree}"))
            else:
                async with _one_at_a_time:
                    await _git(workspace, "worktree", "remove", "--force", str(tree))


def _new_folder(job: StepJob) -> Path:
    name = f"worktree-{job.given.attempt}"
    if not job.session_dir:
        return Path(tempfile.mkdtemp(prefix="piplan-worktree-")) / name
    folder = Path(job.session_dir).parent
    folder.mkdir(parents=True, exist_ok=True)
    while (folder / name).exists():
        # left by an attempt that was cut off in the middle, perhaps with changes
        name += "a"
    return folder / name


async def _changed(tree: Path, head: str) -> bool:
    try:
        return (
            bool(await _git(tree, "status", "--porcelain")) or await _git(tree, "rev-parse", "HEAD") != head
        )
    except AgentFailure:
        return await anyio.Path(tree).exists()  # whatever became of it, nothing of it is thrown away


async def _git(folder: Path, *arguments: str) -> str:
    program = shutil.which("git")
    if program is None:
        raise AgentFailure("unusable", "isolation 'worktree' needs git, which is not installed")
    try:
        done = await anyio.run_process(
            [program, "-C", str(folder), *arguments], stdout=PIPE, stderr=STDOUT, check=False
        )
    except OSError as error:
        raise AgentFailure("unusable", f"git cannot be run: {error}") from error
    said = done.stdout.decode(errors="replace").strip()
    if done.returncode:
        why = said.splitlines()[-1] if said else f"exit code {done.returncode}"
        raise AgentFailure("unusable", f"isolation 'worktree' did not work in {folder}: git says: {why}")
    return said
