"""A few lines of a file that a question points at, from inside the workspace only."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import NamedTuple

from piplan_tui.clean import clean_text

_BEFORE = 3
_AFTER = 6
_WITHOUT_PLACE = 40
_LONGEST_LINE = 1_000
_MOST_BYTES = 20_000_000
"""How far into a file is looked for a line."""


class Excerpt(NamedTuple):
    """Lines with their numbers from 1, or why there are none."""

    lines: list[tuple[int, str]]
    problem: str = ""


def read_excerpt(workspace: Path, name: str, line: int | None) -> Excerpt:
    """The lines around `line`, or the first ones. Blocks: for a thread. Never raises for what a file may be."""
    try:
        root = workspace.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            return Excerpt([], "it is outside the workspace, so it is not shown")
        # a pipe that nobody writes to would be waited for; a link put in its place meanwhile is not followed
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            os.close(handle)
            return Excerpt([], "it is no ordinary file")
        with os.fdopen(handle, "rb") as file:
            first = 1 if line is None else max(1, line - _BEFORE)
            last = _WITHOUT_PLACE if line is None else line + _AFTER
            lines: list[tuple[int, str]] = []
            number, read = 0, 0
            ended = True
            while number < last and read < _MOST_BYTES:
                part = file.readline(_LONGEST_LINE * 4)
                if not part:
                    break
                read += len(part)
                number += ended
                if number >= first and ended:
                    text = clean_text(part.decode("utf-8", "replace")[:_LONGEST_LINE], keep_newlines=False)
                    lines.append((number, text.rstrip()))
                ended = part.endswith(b"\n")
    except (OSError, ValueError, RuntimeError) as error:
        return Excerpt([], f"it cannot be read: {getattr(error, 'strerror', None) or error}")
    if not lines:
        return Excerpt([], "it is empty" if line is None else f"it has no line {line}")
    return Excerpt(lines)
