"""Text files for an agent: inside the workspace, wherever its paths and symbolic links lead."""

from __future__ import annotations

import os
import stat
from itertools import islice
from pathlib import Path

MAX_BYTES = 32 * 1024 * 1024


class FileRefused(Exception):
    """A file that the agent cannot have. `str()` is one sentence for the agent."""


def inside(workspace: Path, path: str) -> Path:
    """The real path of what `path` names.

    Raises:
        FileRefused: it is not absolute, or it is outside of the workspace.
    """
    if not os.path.isabs(path) or "\0" in path:
        raise FileRefused(f"{path!r} is not an absolute path")
    try:
        real = Path(path).resolve()
        root = workspace.resolve()
    except (OSError, RuntimeError) as error:
        raise FileRefused(f"{path} cannot be resolved: {error}") from error
    if not real.is_relative_to(root):
        raise FileRefused(f"{path} is outside of the workspace {root}")
    return real


def read_text(workspace: Path, path: str, line: int | None = None, limit: int | None = None) -> str:
    """The text of a file, from line `line` (counted from 1), at most `limit` lines. Blocks.

    Raises:
        FileNotFoundError: there is none.
        FileRefused: it is outside of the workspace, no file, too large or cannot be read.
    """
    real = inside(workspace, path)
    try:
        # a pipe would wait for its other end
        with open(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW), "rb") as stream:
            about = os.fstat(stream.fileno())
            if not stat.S_ISREG(about.st_mode):
                raise FileRefused(f"{path} is not a file")
            if about.st_size > MAX_BYTES:
                raise FileRefused(f"{path} is larger than {MAX_BYTES // 1024 // 1024} MiB")
            text = stream.read(MAX_BYTES + 1).decode("utf-8", "replace")
    except FileNotFoundError:
        raise
    except OSError as error:
        raise FileRefused(f"{path} cannot be read: {error.strerror}") from error
    if line is None and limit is None:
        return text
    start = max(0, (line or 1) - 1)
    stop = None if limit is None else start + limit
    return "".join(islice(text.splitlines(keepends=True), start, stop))


def write_text(workspace: Path, path: str, content: str) -> None:
    """Write a file, with the folders that it needs. Blocks.

    Raises:
        FileRefused: it is outside of the workspace, no file or cannot be written.
    """
    real = inside(workspace, path)
    try:
        real.parent.mkdir(parents=True, exist_ok=True)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NONBLOCK | os.O_NOFOLLOW
        with open(os.open(real, flags, 0o666), "wb") as stream:
            if not stat.S_ISREG(os.fstat(stream.fileno()).st_mode):
                raise FileRefused(f"{path} is not a file")
            stream.write(content.encode("utf-8", "replace"))
    except OSError as error:
        raise FileRefused(f"{path} cannot be written: {error.strerror}") from error
