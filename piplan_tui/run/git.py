"""Git, run as a program."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from subprocess import DEVNULL, PIPE, STDOUT
from typing import NamedTuple

import anyio
import anyio.to_thread

from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.run.room import NoRoom, what_helps_with

one_at_a_time = anyio.Lock()
"""Hold it for what changes a repository: git locks its list of worktrees and its index, and does not wait."""


class GitSaid(NamedTuple):
    """The exit code, and all that was written."""

    code: int
    text: str


async def try_git(folder: Path, *arguments: str, given: bytes | None = None) -> GitSaid:
    """Run git and give back what it said, whatever became of it. `given` is its input, nothing by default.

    Raises:
        AgentFailure: there is no git.
    """
    program = await anyio.to_thread.run_sync(shutil.which, "git")
    if program is None:
        raise AgentFailure("unusable", "isolation 'worktree' needs git, which is not installed")
    try:
        done = await anyio.run_process(
            [program, "-C", str(folder), *arguments],
            input=given,
            stdin=DEVNULL if given is None else None,
            stdout=PIPE,
            stderr=STDOUT,
            check=False,
            env={**os.environ, "LC_ALL": "C"},
        )
    except OSError as error:
        raise AgentFailure("unusable", f"git cannot be run: {error}") from error
    return GitSaid(done.returncode, done.stdout.decode(errors="replace").strip())


async def git(folder: Path, *arguments: str, given: bytes | None = None) -> str:
    """Run git and give back what it wrote.

    Raises:
        NoRoom: there is no room for what it writes.
        AgentFailure: it failed; the sentence has what it said.
    """
    said = await try_git(folder, *arguments, given=given)
    if said.code:
        if helps := what_helps_with(said.text):
            raise NoRoom(f"git cannot write for {folder}: {helps}")
        why = said.text.splitlines()[-1] if said.text else f"exit code {said.code}"
        raise AgentFailure("unusable", f"isolation 'worktree' did not work in {folder}: git says: {why}")
    return said.text
