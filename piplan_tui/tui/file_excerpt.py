"""A few lines of a file that a question points at, from inside the workspace only."""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, NamedTuple

from piplan_tui.clean import clean_text
from piplan_tui.tui.workspace_file import NotReadable, open_inside

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
        with open_inside(workspace, name) as file:
            lines = _lines_around(file, line)
    except NotReadable as why:
        return Excerpt([], f"it {why}")
    except OSError as error:
        return Excerpt([], f"it cannot be read: {error.strerror or error}")
    if not lines:
        return Excerpt([], "it is empty" if line is None else f"it has no line {line}")
    return Excerpt(lines)


def _lines_around(file: BinaryIO, line: int | None) -> list[tuple[int, str]]:
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
    return lines
