"""Undo a merge that was broken off: git writes one file after the other, and may be killed in between."""

from __future__ import annotations

import subprocess
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.to_thread
import msgspec
import psutil

from piplan_tui.run.git import git, try_git
from piplan_tui.run.room import NoRoom, what_helps
from piplan_tui.run.worktree import Worktree
from piplan_tui.store.disk import Disk

_NOTE = "piplan-merge.json"
_PATHS_AT_ONCE = 500
_OTHERS_SECONDS = 60.0
_LOOK_AGAIN_SECONDS = 0.05


class _Note(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """A merge that was begun on the commit `head`; `files` are as there before it, and what it makes of them."""

    head: str
    files: dict[str, str]


async def note_merge(worktree: Worktree, top: Path, files: dict[str, str]) -> anyio.Path:
    """Write down what a merge is about to change, where it goes with the worktree; remove it when it is done."""
    path = await _note_of(worktree)
    note = _Note(head=await git(top, "rev-parse", "HEAD"), files=files)
    await anyio.to_thread.run_sync(_write, Path(path), msgspec.json.encode(note))
    return path


def _write(path: Path, data: bytes) -> None:
    try:
        Disk().replace(path, data)
        Disk().sync_folder(path.parent)
    except OSError as error:
        if helps := what_helps(error):
            raise NoRoom(f"there is no room for a merge beside {path}: {helps}") from error
        raise


async def _note_of(worktree: Worktree) -> anyio.Path:
    return anyio.Path(await git(worktree.tree, "rev-parse", "--absolute-git-dir"), _NOTE)


async def mend_broken_merge(worktree: Worktree) -> bool:
    """Undo what is left of a merge that was broken off with its owner, as far as nobody has changed anything since.

    Whether there was one, so that the user has said that it is to be. A git that outlived the owner is waited for.

    Raises:
        NoRoom
    """
    path = await _note_of(worktree)
    try:
        note = msgspec.json.decode(await path.read_bytes(), type=_Note)
    except (OSError, msgspec.DecodeError):
        return False
    top = Path(await git(worktree.repository, "rev-parse", "--show-toplevel"))
    until = anyio.current_time() + _OTHERS_SECONDS
    while await anyio.to_thread.run_sync(_git_runs_in, top):
        if anyio.current_time() > until:
            return False
        await anyio.sleep(_LOOK_AGAIN_SECONDS)
    begun = note.head == await git(top, "rev-parse", "HEAD")
    if begun:
        await _remove_stale_lock(top, (await path.stat()).st_mtime_ns)
        merging = await try_git(top, "rev-parse", "--verify", "--quiet", "MERGE_HEAD")
        if merging.code == 0 and merging.text == await git(top, "rev-parse", worktree.branch):
            await try_git(top, "merge", "--abort")
        worktree.torn = [file for file, blob in note.files.items() if await _is_left_over(top, file, blob)]
        await put_back(worktree)
    await path.unlink(missing_ok=True)
    return begun


async def _remove_stale_lock(top: Path, noted_ns: int) -> None:
    """Remove the lock of a git that was killed in the middle of the merge; no git runs now that could hold it."""
    lock = anyio.Path(top, await git(top, "rev-parse", "--git-path", "index.lock"))
    with suppress(FileNotFoundError):
        if (await lock.stat()).st_mtime_ns >= noted_ns:
            await lock.unlink()


def _git_runs_in(top: Path) -> bool:
    """Whether any git works in the repository."""
    top = top.resolve()
    for process in psutil.process_iter(["name", "status"]):
        with suppress(psutil.Error):
            if process.info["name"] == "git" and process.info["status"] != psutil.STATUS_ZOMBIE:
                place = Path(process.cwd())
                if place == top or top in place.parents:
                    return True
    return False


async def _is_left_over(top: Path, file: str, blob: str) -> bool:
    """Whether a file is gone, or is what the merge would have made of it, or the beginning of that."""
    if not await anyio.Path(top, file).exists():
        return True
    if not blob.strip("0"):
        return False
    return await anyio.to_thread.run_sync(_begins_as, top, file, blob)


def _begins_as(top: Path, file: str, blob: str) -> bool:
    made = subprocess.run(["git", "-C", top, "cat-file", "blob", blob], capture_output=True, check=False)
    there = Path(top, file)
    if made.returncode or there.is_symlink() or not there.is_file():
        return False
    return made.stdout.startswith(there.read_bytes())


async def dirty(top: Path, paths: list[str]) -> set[str]:
    """Those of the paths that differ from HEAD, files that git does not know included."""
    found: set[str] = set()
    for some in _chunks(paths):
        told = await git(
            top, "--literal-pathspecs", "status", "--porcelain", "-z", "--no-renames", "-uall", "--", *some
        )
        # the first line has lost the blank that it may begin with
        found.update(line.lstrip()[2:].lstrip() for line in told.split("\0") if line)
    return found


async def put_back(worktree: Worktree) -> None:
    """Make the files as they are in HEAD that a merge has left half done; all of them were before.

    Raises:
        NoRoom: it is tried again with the next merge.
    """
    top = Path(await git(worktree.repository, "rev-parse", "--show-toplevel"))
    changed = await dirty(top, worktree.torn)
    for some in _chunks([path for path in worktree.torn if path in changed]):
        listed = await git(
            top, "--literal-pathspecs", "ls-tree", "-r", "-z", "--name-only", "HEAD", "--", *some
        )
        known = [path for path in listed.split("\0") if path]
        new = [path for path in some if path not in known]
        if known:
            await git(top, "--literal-pathspecs", "checkout", "--quiet", "HEAD", "--", *known)
        if new:
            await git(
                top, "--literal-pathspecs", "rm", "-r", "-f", "-q", "--cached", "--ignore-unmatch", "--", *new
            )
            for path in new:
                await anyio.Path(top, path).unlink(missing_ok=True)
    worktree.torn = []


def _chunks(paths: list[str]) -> list[list[str]]:
    return [paths[start : start + _PATHS_AT_ONCE] for start in range(0, len(paths), _PATHS_AT_ONCE)]
