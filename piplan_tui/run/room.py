"""What to do when a disk has no room, or is read-only: say so, and try again until the user has helped."""

from __future__ import annotations

import errno
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import anyio

TRY_AGAIN_SECONDS = 1.0
"""How often it is looked whether there is room now."""

_HELPS = {
    errno.ENOSPC: "no space is left on the device; make room there",
    errno.EDQUOT: "the disk quota is used up; make room there",
    errno.EROFS: "the file system is read-only; make it writable",
}

_T = TypeVar("_T")


class NoRoom(Exception):
    """Something could not be written now, and can be once the user has helped. `str()` is one sentence."""


def what_helps(error: OSError) -> str:
    """What the user can do about it; empty when waiting for room would not help."""
    return _HELPS.get(error.errno or 0, "")


def what_helps_with(text: str) -> str:
    """The same for what git said, in the C locale."""
    if "Out of diskspace" in text:
        return _HELPS[errno.ENOSPC]
    return next((helps for number, helps in _HELPS.items() if os.strerror(number) in text), "")


async def once_there_is_room(write: Callable[[], Awaitable[_T]], held_up: Callable[[str], object]) -> _T:
    """Write, again and again while there is no room. `held_up` hears why, and an empty text once that is over."""
    waits = False
    try:
        while True:
            try:
                return await write()
            except NoRoom as error:
                waits = True
                held_up(str(error))
                await anyio.sleep(TRY_AGAIN_SECONDS)
    finally:
        if waits:
            held_up("")
