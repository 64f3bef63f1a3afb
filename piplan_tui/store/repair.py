"""Making a damaged file of events usable again."""

from __future__ import annotations

import os
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from piplan_tui.run.events import decode_event
from piplan_tui.store.disk import Disk, doing
from piplan_tui.store.lines import BadLine, decode_line


class Repair(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a repair did: events `kept`, lines `dropped`, and the copy of the damaged file (if any)."""

    kept: int
    dropped: int
    copy: Path | None = None


def repair_events(disk: Disk, path: Path, *, look_only: bool = False) -> Repair:
    """Keep every good line whose event continues the ones before; drop all others.

    A damaged line ends what can be kept, unless a good copy of its event follows. With `look_only`, the answer is
    what would be done.

    Raises:
        StoreError: the file cannot be read or written.
    """
    with doing("repair", path):
        kept: list[bytes] = []
        dropped = 0
        with os.fdopen(disk.open_read(path), "rb", buffering=1 << 20) as file:
            for line in file:
                if _seq(line) == len(kept) + 1:
                    kept.append(line)
                else:
                    dropped += 1
        if not dropped or look_only:
            return Repair(kept=len(kept), dropped=dropped)
        copy = path.with_name(f"{path.name}.damaged-{datetime.now(UTC):%Y%m%dT%H%M%S%f}")
        os.link(path, copy, follow_symlinks=False)
        disk.sync_folder(path.parent)
        disk.replace(path, b"".join(kept))
        disk.sync_folder(path.parent)
    return Repair(kept=len(kept), dropped=dropped, copy=copy)


def _seq(line: bytes) -> int:
    """The number of the line's event, 0 when the line is bad."""
    try:
        return decode_event(decode_line(line)[1]).seq
    except (BadLine, ValueError, RecursionError):
        return 0
