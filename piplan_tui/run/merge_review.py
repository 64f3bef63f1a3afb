"""Bring what a step changed in its worktree back into the workspace, when the user says so."""

from __future__ import annotations

from typing import Any, Protocol

import msgspec

from piplan_tui.agents.protocol import AskReply
from piplan_tui.run.git import git, try_git
from piplan_tui.run.merge import conflicts, merge
from piplan_tui.run.merge_undone import mend_broken_merge
from piplan_tui.run.model import Changes, StepJob
from piplan_tui.run.room import once_there_is_room
from piplan_tui.run.worktree import Worktree

_MAX_DIFF = 60_000


class ReviewPort(Protocol):
    """The part of a step's port that a review needs; see `step_runner.StepPort`."""

    async def ask(self, request: dict[str, Any]) -> AskReply: ...

    def changed(self, changes: Changes) -> None: ...

    def held_up(self, problem: str) -> None: ...


async def bring_back(
    job: StepJob, worktree: Worktree, port: ReviewPort, answered: AskReply | None = None
) -> Changes | None:
    """Commit, ask, and merge or leave it; `None` when nothing was changed.

    A merge that would conflict touches nothing: the question comes again and says which files are in the way, for as
    long as the user wants to try. Nor does one that there is no room for; it waits. `answered` is the answer to the
    question as it was put before the run was left.

    Raises:
        AgentFailure: git could not commit.
    """
    step = job.given.step
    name = str(step["id"])
    title = " ".join(str(step.get("title") or name).split())
    message = f"{title}\n\nStep {name} of run {job.given.run_id}"
    branch = f"piplan/{job.given.run_id}/{name}"
    files = await once_there_is_room(lambda: worktree.commit(message, branch), port.held_up)
    if not files:
        return None
    changes = Changes(files=tuple(files), branch=worktree.branch, worktree=str(worktree.tree))
    port.changed(changes)
    if await once_there_is_room(lambda: mend_broken_merge(worktree), port.held_up):
        answered = AskReply(action="accept")
    # an owner that died may have merged it, and not have come to say so
    if not await worktree.merged():
        problem = await conflicts(worktree)
        while True:
            reply, answered = answered, None
            if reply is None:
                reply = await port.ask(await _request(name, worktree, files, problem))
            if reply.action != "accept":
                worktree.keep = True
                changes = msgspec.structs.replace(changes, merged="kept")
                port.changed(changes)
                return changes
            problem = await once_there_is_room(
                lambda: _merge_after_review(job, worktree, title), port.held_up
            )
            if not problem:
                break
    changes = msgspec.structs.replace(changes, merged="merged")
    port.changed(changes)
    return changes


async def _merge_after_review(job: StepJob, worktree: Worktree, title: str) -> str:
    # what the user repaired in the worktree belongs to it
    await worktree.commit(f"{title}: after the review", worktree.branch)
    return await merge(worktree, f"Merge step {job.given.step['id']} of run {job.given.run_id}: {title}")


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
