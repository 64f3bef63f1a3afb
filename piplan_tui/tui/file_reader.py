"""Shows a file in the user's own editor or pager."""

from __future__ import annotations

import os
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import anyio

from piplan_tui.clean import clean_text
from piplan_tui.tui.external_editor import EditorFailed, Suspendable, in_terminal, private_file
from piplan_tui.views.line import one_line

_VARIABLES = ("VISUAL", "EDITOR", "PAGER")
_CHUNK = 1 << 16


def reader_command() -> tuple[list[str], bool]:
    """`$VISUAL`, `$EDITOR` or `$PAGER`, split as a shell would, and whether it is the pager.

    Raises:
        EditorFailed: none of them is set, or the one that is names no program.
    """
    for name in _VARIABLES:
        text = os.environ.get(name, "").strip()
        if not text:
            continue
        try:
            command = shlex.split(text)
        except ValueError:
            command = [text]
        if not command or shutil.which(command[0]) is None:
            raise EditorFailed(f"${name} is {one_line(text)}, which is no program here")
        return command, name == "PAGER"
    raise EditorFailed("neither $EDITOR nor $PAGER is set, so no program is known that shows files")


async def show_file(app: Suspendable, path: Path) -> None:
    """Give the terminal to the user's editor or pager until it is left; runs go on meanwhile.

    A pager may hand everything to the terminal as it is, so it gets a copy without control characters.

    Raises:
        EditorFailed: there is none, the file cannot be read, the program failed, or this terminal cannot be given
            away.
    """
    command, is_pager = reader_command()
    if not await anyio.Path(path).is_file():
        raise EditorFailed(f"{one_line(str(path))} is not there any more")
    if not is_pager:
        await in_terminal(app, [*command, str(path)])
        return
    async with private_file(_clean_lines(path), prefix="piplan-", suffix=path.suffix) as copy:
        await in_terminal(app, [*command, str(copy)])


def _clean_lines(path: Path) -> Iterator[str]:
    try:
        with path.open("rb") as file:
            # whole lines, so that no escape sequence is cut in two; a line without an end is cut all the same
            while line := file.readline(_CHUNK):
                yield clean_text(line.decode("utf-8", "replace"))
    except OSError as error:
        raise EditorFailed(f"{one_line(str(path))} cannot be read: {error.strerror}") from None
