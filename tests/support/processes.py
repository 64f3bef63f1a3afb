"""What became of a process that is nobody's child here."""

from __future__ import annotations

import psutil


def is_running(pid: int) -> bool:
    """Not ended; one that ended counts as gone although whoever inherited it has not asked for its code yet."""
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
