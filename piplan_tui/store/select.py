"""Which store a command or a host means."""

from __future__ import annotations

from pathlib import Path

from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RuntimeStore


def open_store(where: str | Path | None = None) -> RuntimeStore:
    """The store that `--store` names: `memory`, a folder, or (`None`) the default folder."""
    if where == "memory":
        return MemoryRuntimeStore()
    return FileRuntimeStore(where)
