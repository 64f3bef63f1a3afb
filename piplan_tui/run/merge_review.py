"""Bring what a step changed in its worktree back into the workspace, when the user says so."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import msgspec

from piplan_tui.agents.protocol import AskReply
from piplan_tui.run.git import git, one_at_a_time, try_git
from piplan_tui.run.model import Changes, StepJob
from piplan_tui.run.worktree import Worktree

_MAX_DIFF = 60_000
_MAX_FILES = 20

Ask = Callable[[dict[str, Any]], Awaitable[AskReply]]


async def bring_back(
    job: StepJob, worktree: Worktree, ask: Ask, changed: Callable[[Changes], None]
) -> Changes | None:
    """Commit, ask, and merge or leave it; `None` when nothing was changed. `changed` is told of each state.

    A merge that would conflict touches nothing: the question comes again and says which files are in the way, for as
    long as the user wants to try.

    Raises:
        AgentFailure: git could not commit.
    """
    step = job.given.step
    name = str(step["id"])
    title = " ".join(str(step.get("title") or name).split())
    files = await worktree.commit(
        f"{title}\n\nStep {name} of run {job.given.run_id}", f"piplan/{job.given.run_id}/{name}"
    )
    if not files:
        return None
    changes = Changes(files=tuple(files), branch=worktree.branch, worktree=str(worktree.tree))
    changed(changes)
    problem = await _conflicts(worktree)
    while True:
        reply = await ask(await _request(name, worktree, files, problem))
        if reply.action != "accept":
            worktree.keep = True
            changes = msgspec.structs.replace(changes, merged="kept")
            break
        # what the user repaired in the worktree belongs to it
        await worktree.commit(f"{title}: after the review", worktree.branch)
        problem = await _merge(worktree, f"Merge step {name} of run {job.given.run_id}: {title}")
        if not problem:
            changes = msgspec.structs.replace(changes, merged="merged")
            break
    changed(changes)
    return changes


async def _conflicts(worktree: Worktree) -> str:
    """What would be in the way of a merge now; empty when nothing is, or this git cannot tell."""
    told = await try_git(
        worktree.repository,
        "merge-tree",
        "--write-tree",
        "--name-only",
        "--no-messages",
        "HEAD",
        worktree.branch,
    )
    if told.code != 1:
        return ""
    files = sorted(set(told.text.splitlines()[1:]))
    shown = ", ".join(f"`{file}`" for file in files[:_MAX_FILES]) or "some files"
    more = f" and {len(files) - _MAX_FILES} more" if len(files) > _MAX_FILES else ""
    return f"It conflicts with the workspace in {shown}{more}."


async def _merge(worktree: Worktree, message: str) -> str:
    """Merge the branch into the workspace, wholly or not at all; what was in the way."""
    if problem := await _conflicts(worktree):
        return problem
    with anyio.CancelScope(shield=True):
        async with one_at_a_time:
            merged = await try_git(
                worktree.repository,
                *await worktree.author(),
                "merge",
                "--no-ff",
                "--quiet",
                "-m",
                message,
                worktree.branch,
            )
            if merged.code == 0:
                return ""
            if (
                await try_git(worktree.repository, "rev-parse", "--verify", "--quiet", "MERGE_HEAD")
            ).code == 0:
                await try_git(worktree.repository, "merge", "--abort")
    return "git did not merge it, and nothing was changed. It says:\n\n" + "\n".join(
        f"    {line}" for line in merged.text.splitlines()[-12:]
    )


async def _request(name: str, worktree: Worktree, files: list[str], problem: str) -> dict[str, Any]:
    count = f"{len(files)} file{'' if len(files) == 1 else 's'}"
    place = f"They are on the branch `{worktree.branch}` in the worktree `{worktree.tree}`."
    message = f"Step `{name}` changed {count} in a git worktree of its own. {place}"
    if problem:
        message += (
            f"\n\n**{problem}**\n\nTo repair it: `git -C {worktree.tree} merge "
            f"{await _branch_of(worktree)}`, resolve the conflicts there, commit, and choose Merge again. "
            "Nothing of the workspace was changed."
        )
    diff = await git(worktree.tree, "diff", worktree.base, worktree.branch)
    if len(diff) > _MAX_DIFF:
        diff = f"{diff[:_MAX_DIFF]}\n… the rest: git -C {worktree.tree} diff {worktree.base[:12]}"
    return {
        "version": 1,
        "kind": "review",
        "title": f"Conflict in {name}" if problem else f"Merge {name}",
        "message": message,
        "context": [{"type": "diff", "title": count, "text": diff}],
        "actions": [
            {"id": "merge", "label": "Merge", "key": "m", "result": "accept", "needs": []},
            {"id": "keep", "label": "Keep the branch", "key": "k", "result": "decline", "needs": []},
        ],
        "source": {"dialect": "worktree", "branch": worktree.branch, "worktree": str(worktree.tree)},
    }


async def _branch_of(worktree: Worktree) -> str:
    on = await try_git(worktree.repository, "symbolic-ref", "--quiet", "--short", "HEAD")
    return on.text if on.code == 0 else await git(worktree.repository, "rev-parse", "HEAD")
