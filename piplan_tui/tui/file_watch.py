"""Notices that a file was written, also by editors that write another one and rename it into place."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

from watchfiles import Change, awatch


async def changes_of(path: Path) -> AsyncIterator[None]:
    """Yields once for each burst of changes of the file at `path`, whether it is there or not.

    Ends at once when there is no folder to watch.
    """
    folder = path.parent
    name = path.name

    def is_it(change: Change, changed: str) -> bool:
        return Path(changed).name == name

    # the folder is watched, because a file that is replaced takes its own watch away with it
    try:
        async for _ in awatch(folder, watch_filter=is_it, recursive=False, debounce=200, step=50):
            yield
    except FileNotFoundError:
        return
