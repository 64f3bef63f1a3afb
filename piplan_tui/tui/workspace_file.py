"""Files of a workspace, opened so that nothing that an agent may have put in their place is followed or waited for."""

from __future__ import annotations

import os
import stat
from pathlib import Path
from typing import BinaryIO


class NotReadable(Exception):
    """Why a file is not read: what is to be said after its name, such as `is no ordinary file`."""


def open_inside(folder: Path, name: str) -> BinaryIO:
    """Open an ordinary file inside of `folder` for reading. Blocks: for a thread.

    Raises:
        NotReadable: it is none, it is elsewhere, or it cannot be opened.
    """
    try:
        root = folder.resolve()
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise NotReadable("is outside the workspace, so it is not shown")
        # a pipe that nobody writes to would be waited for; a link put in its place meanwhile is not followed
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
    except (OSError, ValueError, RuntimeError) as error:
        raise NotReadable(f"cannot be read: {getattr(error, 'strerror', None) or error}") from None
    if not stat.S_ISREG(os.fstat(handle).st_mode):
        os.close(handle)
        raise NotReadable("is no ordinary file")
    return os.fdopen(handle, "rb")
