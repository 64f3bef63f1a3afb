"""Which names may become a file or folder of the store."""

from __future__ import annotations

import hashlib
import re
from urllib.parse import quote

from piplan_tui.store.protocol import StoreError

_SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}")
_DEVICES = {"con", "prn", "aux", "nul"} | {f"{name}{n}" for name in ("com", "lpt") for n in range(10)}


def is_safe_name(name: str) -> bool:
    """A plain file name on every system: no separators, no leading dot, not a device's name."""
    return (
        _SAFE.fullmatch(name) is not None
        and not name.endswith(".")
        and name.split(".")[0].lower() not in _DEVICES
    )


def check_run_id(run_id: str) -> None:
    """Refuse an id that must not become a folder.

    Raises:
        StoreError: it is not safe as a folder name.
    """
    if not is_safe_name(run_id):
        raise StoreError(
            f"{run_id[:80]!r} cannot be a run id: use 1 to 128 letters, digits, '.', '_' and '-', "
            "starting with a letter or digit"
        )


def file_name_for(key: str) -> str:
    """A file name, without suffix, for any text; two texts never share one on a case-sensitive system."""
    quoted = quote(key, safe="").replace(".", "%2E") or "%"
    # 180 leaves room for suffixes below the usual limit of 255 bytes
    return quoted if len(quoted) <= 180 else "%" + hashlib.sha256(key.encode()).hexdigest()
