"""Git, run as a program."""

from __future__ import annotations

import shutil
from pathlib import Path
from subprocess import PIPE, STDOUT
from typing import NamedTuple

import anyio
import anyio.to_thread

from piplan_tui.agents.protocol import AgentFailure

one_at_a_time = anyio.Lock()
"""Hold it for what changes a repository: git locks its list of worktrees and its index, and does not wait."""


class GitSaid(NamedTuple):
    """The exit code, and all that was written."""

    code: int
    text: str


async def try_git(folder: Path, *arguments: str) -> GitSaid:
    """Run git and give back what it said, whatever became of it.

    Raises:
        AgentFailure: there is no git.
    """
    program = await anyio.to_thread.run_sync(shutil.which, "git")
    if program is None:
        raise AgentFailure("unusable", "isolation 'worktree' needs git, which is not installed")
    try:
        done = await anyio.run_process(
            [program, "-C", str(folder), *arguments], stdout=PIPE, stderr=STDOUT, check=False
        )
    except OSError as error:
        raise AgentFailure("unusable", f"git cannot be run: {error}") from error
    return GitSaid(done.returncode, done.stdout.decode(errors="replace").strip())


async def git(folder: Path, *arguments: str) -> str:
    """Run git and give back what it wrote.

    Raises:
        AgentFailure: it failed; the sentence has what it said.
    """
    said = await try_git(folder, *arguments)
    if said.code:
        why = said.text.splitlines()[-1] if said.text else f"exit code {said.code}"
        raise AgentFailure("unusable", f"isolation 'worktree' did not work in {folder}: git says: {why}")
    return said.text
