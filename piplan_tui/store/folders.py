"""The folders of runs: making them appear and disappear whole, listing them, finding what is in them."""

from __future__ import annotations

import errno
import os
import secrets
import shutil
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from piplan_tui.store.disk import Disk, doing
from piplan_tui.store.names import check_run_id, is_safe_name
from piplan_tui.store.protocol import RunExists, RunInfo, RunNotFound, StoreError

EVENTS = "events.jsonl"
INFO = "run.json"
LOCK = "lock"
INNER = ("attempts", "drafts", "control")
_OWN = {EVENTS, f"{EVENTS}.torn", INFO, LOCK, "snapshot.json", "owner.log", "answers.sock", *INNER}

_STALE_SECONDS = 3600.0
"""After this long a half-made or half-deleted folder belongs to a process that is gone."""


class RunFolders:
    """The runs below `root`. All methods block."""

    def __init__(self, root: Path, disk: Disk) -> None:
        self._runs = root / "runs"
        self._disk = disk
        self._decoder = msgspec.json.Decoder(RunInfo)
        self._read: dict[str, tuple[tuple[int, int, int], RunInfo]] = {}

    def path(self, run_id: str) -> Path:
        """Where the run is or would be.

        Raises:
            StoreError: the id is not safe as a folder name.
        """
        check_run_id(run_id)
        return self._runs / run_id

    def existing(self, run_id: str) -> Path:
        """The run's folder.

        Raises:
            RunNotFound: there is none; a symlink is none either.
        """
        path = self.path(run_id)
        with doing("read", path):
            if not _is_folder(path):
                raise RunNotFound(f"there is no run {run_id} in {self._runs}")
        return path

    def inner(self, run_id: str, name: str) -> Path:
        """A folder of the run, made if it is missing.

        Raises:
            RunNotFound: there is no such run.
            StoreError: something else stands in its place.
        """
        path = self.existing(run_id) / name
        with doing("open", path):
            if not os.path.lexists(path):
                with suppress(FileExistsError):
                    self._disk.make_folder(path)
            if not _is_folder(path):
                raise OSError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        return path

    @contextmanager
    def new(self, run_id: str) -> Iterator[Path]:
        """A folder that nobody sees, to be filled and published; removed when that fails."""
        target = self.path(run_id)
        with doing("create", self._runs):
            self._disk.make_folders(self._runs)
        if os.path.lexists(target):
            raise _exists(run_id)
        self._sweep()
        folder = self._runs / f".new-{secrets.token_hex(8)}"
        try:
            with doing("create", folder):
                self._disk.make_folder(folder)
            yield folder
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise

    def fill(self, folder: Path, info: RunInfo, source: bytes, source_name: str) -> None:
        """Write what a run has from the start, except its events and its lock.

        Raises:
            StoreError: the source's name cannot be a file beside the others, or the disk refuses.
        """
        if not is_safe_name(source_name) or source_name in _OWN:
            raise StoreError(
                f"{source_name[:80]!r} cannot be the name of a run's source; use one like plan.json"
            )
        with doing("create the run in", folder):
            for name in INNER:
                self._disk.make_folder(folder / name)
            self._disk.write_new(folder / source_name, source)
            self._disk.write_new(folder / INFO, msgspec.json.encode(info))

    def publish(self, folder: Path, run_id: str) -> None:
        """Make the folder the run's, for good, in one step.

        Raises:
            StoreError: there is such a run by now.
        """
        target = self.path(run_id)
        with doing("create", target):
            self._disk.sync_folder(folder)
            try:
                self._disk.rename(folder, target)
            except OSError as error:
                if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.ENOTDIR):
                    raise _exists(run_id) from error
                raise
            self._disk.sync_folder(self._runs)

    def set_aside(self, folder: Path) -> Path:
        """Make a run disappear in one step. The answer is for `clear_away`."""
        gone = self._runs / f".gone-{secrets.token_hex(8)}"
        with doing("delete", folder):
            self._disk.rename(folder, gone)
            self._disk.sync_folder(self._runs)
        return gone

    def clear_away(self, gone: Path) -> None:
        """Remove the files of a run that has disappeared. Symlinks in it are removed, not followed."""
        with doing("delete", gone):
            shutil.rmtree(gone)

    def list(self) -> list[RunInfo]:
        """All runs whose `run.json` can be read, the most recently updated first.

        Only those that changed since the last call are read again, so that a list can be watched.
        """
        read: dict[str, tuple[tuple[int, int, int], RunInfo]] = {}
        with doing("list", self._runs):
            try:
                entries = os.scandir(self._runs)
            except FileNotFoundError:
                return []
            with entries:
                for entry in entries:
                    if not is_safe_name(entry.name):
                        continue
                    try:
                        if not entry.is_dir(follow_symlinks=False):
                            continue
                        path = Path(entry.path, INFO)
                        found = os.lstat(path)
                        # the file is only ever replaced by another one, which has another number
                        version = (found.st_ino, found.st_mtime_ns, found.st_size)
                        known = self._read.get(entry.name)
                        if known is None or known[0] != version:
                            known = version, self._decoder.decode(self._disk.read(path))
                    except (OSError, ValueError):
                        continue
                    if known[1].run_id == entry.name:
                        read[entry.name] = known
        self._read = read
        infos = [info for _, info in read.values()]
        return sorted(infos, key=lambda info: (-info.updated_at.timestamp(), info.run_id))

    def source(self, run_id: str) -> tuple[str, bytes]:
        """The name and the content of what was run."""
        folder = self.existing(run_id)
        with doing("read", folder):
            names = sorted(
                entry.name
                for entry in os.scandir(folder)
                if entry.name not in _OWN
                and is_safe_name(entry.name)
                and not entry.name.startswith(f"{EVENTS}.")
                and entry.is_file(follow_symlinks=False)
            )
            # a file that somebody put there must not pass for the source
            names.sort(key=lambda name: not name.startswith(("plan.", "workflow.")))
            if not names:
                raise StoreError(f"{folder} no longer holds the plan or script that was run")
            return names[0], self._disk.read(folder / names[0])

    def _sweep(self) -> None:
        """Remove what processes left that died while making or deleting a run."""
        before = time.time() - _STALE_SECONDS
        for entry in os.scandir(self._runs):
            if entry.name.startswith((".new-", ".gone-")):
                with suppress(OSError):
                    if entry.stat(follow_symlinks=False).st_mtime < before:
                        shutil.rmtree(entry.path, ignore_errors=True)


def _is_folder(path: Path) -> bool:
    try:
        return stat.S_ISDIR(os.lstat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _exists(run_id: str) -> RunExists:
    return RunExists(f"run {run_id} exists already; choose another id")
