"""Edit a text in the user's own editor."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol


class EditorFailed(Exception):
    """The editor could not be run, or said that it failed. `str()` is one sentence for the user."""


class Suspendable(Protocol):
    """What is asked of the app: to give the terminal away, and not to draw meanwhile."""

    def suspend(self) -> AbstractContextManager[None]: ...

    def batch_update(self) -> AbstractContextManager[None]: ...


def editor_command() -> list[str]:
    """`$VISUAL`, `$EDITOR` or vi, split as a shell would."""
    command = os.environ.get("VISUAL") or os.environ.get("EDITOR") or "vi"
    try:
        return shlex.split(command) or ["vi"]
    except ValueError:
        return [command]


async def edit_text(app: Suspendable, text: str, *, suffix: str = ".txt") -> str:
    """Give the terminal to the user's editor and return what was saved.

    The event loop goes on: runs do not stand still while the user writes.

    Raises:
        EditorFailed: it is not installed or ended with an error; the text is as it was.
        textual.app.SuspendNotSupported: this terminal cannot be given away.
    """
    command = editor_command()
    path = _write_private(text, suffix)
    try:
        try:
            await in_terminal(app, [*command, str(path)])
        except EditorFailed as failed:
            raise EditorFailed(f"{failed}; your text is as it was") from None
        return _read(path)
    finally:
        _remove(path)


async def in_terminal(app: Suspendable, command: list[str]) -> None:
    """Give the terminal to a program until it ends.

    Raises:
        EditorFailed: it could not be started, or ended with an error.
        textual.app.SuspendNotSupported: this terminal cannot be given away.
    """
    # a repaint while the program has the terminal would go to a driver that is closed
    with app.batch_update(), app.suspend(), _interrupts_ignored():
        problem = await _run(command)
    # not inside: an exception there would leave the terminal to the program that is gone
    if problem:
        raise EditorFailed(problem)


def _write_private(text: str, suffix: str) -> Path:
    """A new file that only the user can read."""
    handle, name = tempfile.mkstemp(prefix="answer-", suffix=suffix)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
    return Path(name)


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


async def _run(command: list[str]) -> str:
    try:
        process = await asyncio.create_subprocess_exec(*command)
    except OSError as error:
        return f"could not start {command[0]}: {error.strerror or error}"
    try:
        code = await process.wait()
    except asyncio.CancelledError:
        process.terminate()
        raise
    return f"{command[0]} ended with exit code {code}" if code else ""


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ctrl-C in the editor is meant for the editor; a handler, unlike SIG_IGN, is not inherited by it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
