"""Merge a step's branch into the workspace: wholly, or nothing of it."""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread

from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.run.git import git, one_at_a_time, try_git
from piplan_tui.run.merge_undone import dirty, mend_broken_merge, note_merge, put_back
from piplan_tui.run.room import NoRoom, what_helps, what_helps_with
from piplan_tui.run.worktree import Worktree

_MAX_FILES = 20
_SPARE_BYTES = 256 * 1024
"""Room for the objects and references of a merge, beside the files and the index."""
_CHUNK = 1 << 20


async def conflicts(worktree: Worktree) -> str:
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


async def merge(worktree: Worktree, message: str) -> str:
    """Merge the branch into the workspace, wholly or not at all; what was in the way, empty when it is done.

    Raises:
        NoRoom: it cannot be written now.
    """
    if problem := await conflicts(worktree):
        return problem
    with anyio.CancelScope(shield=True):
        async with one_at_a_time:
            if worktree.torn:
                await put_back(worktree)
            top = Path(await git(worktree.repository, "rev-parse", "--show-toplevel"))
            await mend_broken_merge(worktree)
            touched = await _touched(top, worktree.branch)
            await _look_for_room(top, touched)
            before = await dirty(top, list(touched))
            clean = {path: blob for path, blob in touched.items() if path not in before}
            note = await note_merge(worktree, top, clean)
            author = await worktree.author()
            merged = await try_git(
                top, *author, "merge", "--no-ff", "--quiet", "-m", message, worktree.branch
            )
            if merged.code == 0:
                await note.unlink(missing_ok=True)
                return ""
            if (await try_git(top, "rev-parse", "--verify", "--quiet", "MERGE_HEAD")).code == 0:
                await try_git(top, "merge", "--abort")
            worktree.torn = list(clean)
            try:
                await put_back(worktree)
                await note.unlink(missing_ok=True)
            except AgentFailure as failure:
                return _said(
                    "git broke off the merge, and what it had done could not be undone", str(failure)
                )
            # git does not always say why it could not write
            await _look_for_room(top, touched)
    if helps := what_helps_with(merged.text):
        raise NoRoom(f"git cannot merge the branch {worktree.branch} into {worktree.repository}: {helps}")
    return _said("git did not merge it, and nothing was changed", merged.text)


def _said(what: str, text: str) -> str:
    return f"{what}. It says:\n\n" + "\n".join(f"    {line}" for line in text.splitlines()[-12:])


async def _touched(top: Path, branch: str) -> dict[str, str]:
    """The files that a merge changes in the workspace, and what they will be: ids of objects."""
    tree = await try_git(top, "merge-tree", "--write-tree", "HEAD", branch)
    if helps := what_helps_with(tree.text):
        raise NoRoom(f"git cannot merge the branch {branch} into {top}: {helps}")
    # an older git cannot tell beforehand; then it is what the branch has
    after = tree.text.splitlines()[0] if tree.code == 0 else branch
    told = await git(top, "diff-tree", "-r", "-z", "--no-renames", "--no-abbrev", "HEAD", after)
    parts = told.split("\0")
    return {path: what.split()[3] for what, path in zip(parts[::2], parts[1::2], strict=False)}


async def _look_for_room(top: Path, touched: dict[str, str]) -> None:
    """See that the merge will have room before anything is touched: git changes one file after the other.

    Raises:
        NoRoom
    """
    common = Path(await git(top, "rev-parse", "--git-common-dir"))
    common = common if common.is_absolute() else top / common
    ids = "".join(f"{each}\n" for each in touched.values() if each.strip("0"))
    sizes = await git(top, "cat-file", "--batch-check=%(objectsize)", given=ids.encode())
    files = sum(int(size) for size in sizes.split() if size.isdigit())
    await anyio.to_thread.run_sync(_try_to_write, top, common, files)


def _take_room(fd: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(fd, 0, size)
        return
    while size > 0:  # macOS has no call for it, and a file with holes takes no room
        size -= os.write(fd, bytes(min(size, _CHUNK)))


def _try_to_write(top: Path, common: Path, files: int) -> None:
    index = common / "index"
    needed = {common: _SPARE_BYTES + (index.stat().st_size if index.exists() else 0)}
    if common.stat().st_dev == top.stat().st_dev:
        needed[common] += files
    else:
        needed[top] = files + 1
    for folder, size in needed.items():
        path = folder / f".piplan-room-{secrets.token_hex(6)}"
        try:
            fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                _take_room(fd, size)
            finally:
                os.close(fd)
        except OSError as error:
            if helps := what_helps(error):
                raise NoRoom(f"there is no room for a merge into {top}: {helps}") from error
        finally:
            with suppress(OSError):
                path.unlink()
