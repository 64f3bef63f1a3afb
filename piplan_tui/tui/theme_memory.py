"""The theme that was chosen last, in a file, for the next start."""

from __future__ import annotations

from pathlib import Path

import anyio

from piplan_tui.store.disk import Disk, doing

FILE = "theme"


class ThemeMemory:
    """One name in one file of `folder`, which is made when there is something to keep."""

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE
        self._disk = Disk()
        self._in_order = anyio.Lock()

    async def recall(self) -> str:
        """What was kept last; empty when nothing was, or it cannot be read."""
        return await anyio.to_thread.run_sync(self._read)

    async def keep(self, name: str) -> None:
        """Put it in place of what was kept before; of several calls, the last one counts.

        Raises:
            StoreError: it cannot be written.
        """
        async with self._in_order:
            await anyio.to_thread.run_sync(self._write, name)

    def _read(self) -> str:
        try:
            return self._disk.read(self._path).decode().strip()
        except (OSError, UnicodeDecodeError):
            return ""

    def _write(self, name: str) -> None:
        with doing("keep the theme in", self._path):
            self._disk.make_folders(self._path.parent)
            self._disk.replace(self._path, f"{name}\n".encode())
