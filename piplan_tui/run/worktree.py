"""A git worktree of its own for one attempt, so that agents that change files at once do not meet."""

from __future__ import annotations

import re
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import anyio
import msgspec

from piplan_tui.agents.protocol import AgentFailure, Notice
from piplan_tui.run.git import git, one_at_a_time, try_git
from piplan_tui.run.handoff import HANDOFF_ROOT
from piplan_tui.run.model import StepJob
from piplan_tui.run.room import NoRoom, once_there_is_room

_NOT_OURS = (".", f":(exclude,glob)**/{HANDOFF_ROOT.parts[0]}/**")
"""All files but those that pass between steps."""


@dataclass
class Worktree:
    """Where an attempt works: `tree` is the folder, `base` the commit that it began with, `repository` the workspace.

    `keep` leaves it where it is, changed or not. `torn` are files of the workspace that a merge has left half done.
    """

    tree: Path
    base: str
    repository: Path
    branch: str = ""
    keep: bool = False
    torn: list[str] = field(default_factory=list)

    async def commit(self, message: str, branch: str) -> list[str]:
        """Put all changes onto a branch of this name, or one like it; the files that differ from the base.

        Raises:
            AgentFailure
        """
        await git(self.tree, "add", "--all", "--", *_NOT_OURS)
        named = await git(self.tree, "diff", "--cached", "--name-only", "-z", self.base)
        files = [name for name in named.split("\0") if name]
        if not files:
            return []
        if (await try_git(self.tree, "diff", "--cached", "--quiet")).code:
            await git(self.tree, *await self.author(), "commit", "--quiet", "--no-verify", "-m", message)
        if not self.branch:
            self.branch = await self._free_name(branch)
            async with one_at_a_time:
                await git(self.tree, "checkout", "--quiet", "-b", self.branch)
        return files

    async def author(self) -> tuple[str, ...]:
        """Options that name an author for git, for a user who has none."""
        if (await try_git(self.tree, "config", "user.email")).code == 0:
            return ()
        return ("-c", "user.name=piplan-tui", "-c", "user.email=piplan-tui@localhost")

    async def _free_name(self, name: str) -> str:
        name = re.sub(r"[^\w./-]|\.\.|\.(?=$|/)", "-", name)
        while (await try_git(self.tree, "rev-parse", "--verify", "--quiet", f"refs/heads/{name}")).code == 0:
            name += "a"
        return name

    async def changed(self) -> bool:
        """Whether there is anything in it that is nowhere else."""
        try:
            dirty = await git(self.tree, "status", "--porcelain", "--", *_NOT_OURS)
            return bool(dirty) or await git(self.tree, "rev-parse", "HEAD") != self.base
        except (AgentFailure, NoRoom):
            return await anyio.Path(self.tree).exists()  # whatever became of it, nothing of it is thrown away

    async def merged(self) -> bool:
        """Whether the workspace has all of its branch, and nothing lies beside it."""
        if not self.branch or await git(self.tree, "status", "--porcelain", "--", *_NOT_OURS):
            return False
        return (await try_git(self.repository, "merge-base", "--is-ancestor", self.branch, "HEAD")).code == 0

    async def remove(self) -> None:
        """Remove a worktree of which nothing is lost."""
        async with one_at_a_time:
            await git(self.repository, "worktree", "remove", "--force", str(self.tree))
            if self.branch:
                await try_git(self.repository, "branch", "--delete", self.branch)


@asynccontextmanager
async def isolated(
    job: StepJob, notices: list[Notice], held_up: Callable[[str], object] = lambda problem: None
) -> AsyncIterator[tuple[StepJob, Worktree | None]]:
    """The errand in a worktree of the workspace's repository, at its `HEAD`, when the job asks for one.

    An attempt that goes on finds the worktree of the one before. Afterwards one that is unchanged, or merged, is
    removed; one with changes or commits stays, and a notice says where. While there is no room for one it waits, and
    `held_up` hears why.

    Raises:
        AgentFailure: the workspace is in no git repository, or git could not make the worktree.
    """
    if job.isolation != "worktree":
        yield job, None
        return
    workspace = Path(job.given.workspace)
    below = await git(workspace, "rev-parse", "--show-prefix")
    worktree = await _earlier(job, workspace)
    if worktree is None:
        worktree = await once_there_is_room(lambda: _new(job, workspace), held_up)
    given = msgspec.structs.replace(job.given, workspace=str(worktree.tree / below))
    try:
        yield msgspec.structs.replace(job, given=given), worktree
    finally:
        with anyio.CancelScope(shield=True):
            await _leave(worktree, notices)


async def _leave(worktree: Worktree, notices: list[Notice]) -> None:
    try:
        changed = await worktree.changed()
        if changed and (worktree.keep or not await worktree.merged()):
            branch = f" on the branch {worktree.branch}" if worktree.branch else ""
            notices.append(Notice(f"its changes are in the git worktree {worktree.tree}{branch}"))
        elif not worktree.keep:
            await worktree.remove()
    except (AgentFailure, NoRoom) as error:
        # nothing that the step came to depends on it
        notices.append(Notice(f"the git worktree {worktree.tree} was left behind: {error}", "warning"))


async def _new(job: StepJob, workspace: Path) -> Worktree:
    head = await git(workspace, "rev-parse", "HEAD")
    tree = await anyio.to_thread.run_sync(_new_folder, job)
    async with one_at_a_time:
        await git(workspace, "worktree", "add", "--detach", str(tree), head)
    return Worktree(tree, head, workspace)


async def _earlier(job: StepJob, workspace: Path) -> Worktree | None:
    """The worktree that the attempt had before it waited or was interrupted."""
    if job.reason == "start" or not job.session_dir:
        return None
    for tree in await anyio.to_thread.run_sync(_folders, Path(job.session_dir).parent):
        top = await try_git(tree, "rev-parse", "--show-toplevel", "--absolute-git-dir")
        if top.code or Path(top.text.splitlines()[0]) != tree.resolve():
            continue
        # git marks a worktree while it makes it; one that was never finished lacks files, as if they were deleted
        if not await anyio.Path(top.text.splitlines()[1], "locked").exists():
            base = await git(tree, "merge-base", "HEAD", await git(workspace, "rev-parse", "HEAD"))
            on = await try_git(tree, "symbolic-ref", "--quiet", "--short", "HEAD")
            return Worktree(tree, base, workspace, branch=on.text if on.code == 0 else "")
    return None


def _folders(folder: Path) -> list[Path]:
    """The worktrees of a step, the newest first."""
    found = [path for path in folder.glob("worktree-*") if path.is_dir()]
    return sorted(found, key=lambda path: path.stat().st_mtime_ns, reverse=True)


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
