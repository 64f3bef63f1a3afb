"""Edit a text in the user's own editor."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import tempfile
import threading
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, contextmanager
from pathlib import Path
from typing import Protocol

import anyio.to_thread
from textual.app import SuspendNotSupported


class EditorFailed(Exception):
    """The program could not be run, or said that it failed. `str()` is one sentence for the user."""


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
        EditorFailed: it is not installed or ended with an error, or nothing could be written for it or read after
            it; the text is as it was.
    """
    try:
        async with private_file([text], prefix="answer-", suffix=suffix) as path:
            await in_terminal(app, [*editor_command(), str(path)])
            return await anyio.to_thread.run_sync(_read, path)
    except EditorFailed as failed:
        raise EditorFailed(f"{failed}; your text is as it was") from None


async def in_terminal(app: Suspendable, command: list[str]) -> None:
    """Give the terminal to a program until it ends.

    Raises:
        EditorFailed: it could not be started, or ended with an error, or this terminal cannot be given away.
    """
    try:
        # a repaint while the program has the terminal would go to a driver that is closed
        with app.batch_update(), app.suspend(), _interrupts_ignored():
            problem = await _run(command)
    except SuspendNotSupported:
        raise EditorFailed("this terminal cannot be given to another program") from None
    # not inside: an exception there would leave the terminal to the program that is gone
    if problem:
        raise EditorFailed(problem)


@asynccontextmanager
async def private_file(text: Iterable[str], *, prefix: str, suffix: str) -> AsyncIterator[Path]:
    """A file of this text that only the user can read, for as long as a program is shown it. Read in a thread.

    Raises:
        EditorFailed: it could not be written.
    """
    path = await anyio.to_thread.run_sync(_write_private, text, prefix, suffix)
    try:
        yield path
    finally:
        # in no thread: nothing is waited for any more when the interface is left meanwhile
        path.unlink(missing_ok=True)


def _write_private(text: Iterable[str], prefix: str, suffix: str) -> Path:
    try:
        handle, name = tempfile.mkstemp(prefix=prefix, suffix=suffix)
        path = Path(name)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", errors="replace") as file:
                file.writelines(text)
        except BaseException:
            path.unlink(missing_ok=True)
            raise
    except OSError as error:
        raise EditorFailed(f"no file could be written for it: {error.strerror or error}") from None
    return path


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").removesuffix("\n")
    except OSError as error:
        raise EditorFailed(f"nothing could be read after it: {error.strerror or error}") from None


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
