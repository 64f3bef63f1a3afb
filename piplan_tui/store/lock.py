"""One owner at a time: the lock of a run's folder.

The operating system's lock (`flock`) decides; it goes away with its holder. The file also names the owner,
so that others can say who has the run, and `synced`: an event that was on disk when that was written, by
which a damaged end of a run at rest is told from the torn tail of a crash.
"""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

import msgspec
import psutil

from piplan_tui.store.disk import doing
from piplan_tui.store.protocol import Owner, RunNotFound, RunOwned

_SIZE = 512
"""Bytes of the file's content, padded: one write replaces all of it, so a reader never sees half."""

_PATIENCE_SECONDS = 0.25
"""How long a lock that no live owner stands behind is tried: somebody may be just looking at it."""


class _Content(msgspec.Struct, rename="camel", kw_only=True):
    owner: Owner | None = None
    synced: int = 0


@cache
def _boot_id() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return f"boot-{psutil.boot_time():.0f}"


def this_process() -> Owner:
    """What the lock says when this process holds it."""
    return Owner(
        pid=os.getpid(),
        host=socket.gethostname()[:100],
        started=psutil.Process().create_time(),
        boot_id=_boot_id(),
    )


class RunLock:
    """A held lock. `synced` is what the file said when it was taken."""

    def __init__(self, fd: int, synced: int) -> None:
        self._fd = fd
        self.synced = synced

    def mark(self, synced: int) -> None:
        """Note that event `synced` is on disk."""
        _write(self._fd, _Content(owner=this_process(), synced=synced))
        self.synced = synced

    def release(self, synced: int | None = None) -> None:
        """Give the lock back. `synced` is the last event on disk, when it is known."""
        with suppress(OSError):  # a full disk must not keep the run locked
            _write(self._fd, _Content(synced=self.synced if synced is None else synced))
        with suppress(OSError):
            fcntl.flock(self._fd, fcntl.LOCK_UN)  # closing alone would leave it to a forked child
        os.close(self._fd)


def take_lock(path: Path) -> RunLock:
    """Become the owner. May block the thread for a moment.

    Raises:
        RunOwned: somebody else is; names the process.
        RunNotFound: the run was deleted meanwhile.
        StoreError: the file cannot be made.
    """
    with doing("lock", path):
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            deadline = time.monotonic() + _PATIENCE_SECONDS
            while not _try(fd, fcntl.LOCK_EX):
                owner = _read(fd).owner
                if (owner is not None and _alive(owner)) or time.monotonic() > deadline:
                    raise RunOwned(_owned(path, owner))
                time.sleep(0.005)
            if not _is_at(fd, path):
                raise RunNotFound(f"the run in {path.parent} was deleted")
            lock = RunLock(fd, _read(fd).synced)
            lock.mark(lock.synced)
        except BaseException:
            os.close(fd)
            raise
    return lock


def look_at_lock(path: Path) -> tuple[Owner | None, int]:
    """The live owner, if any, and the last event that is known to have been on disk. Takes nothing."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return None, 0
    try:
        content = _read(fd)
        owner = content.owner
        if owner is not None and not _alive(owner):
            # another host, a jump of the clock, or a child that inherited it: the system's lock knows
            if _try(fd, fcntl.LOCK_SH):
                fcntl.flock(fd, fcntl.LOCK_UN)
                owner = None
            else:
                owner = _read(fd).owner
        return owner, content.synced
    except OSError:
        return None, 0
    finally:
        os.close(fd)


def _try(fd: int, kind: int) -> bool:
    try:
        fcntl.flock(fd, kind | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EWOULDBLOCK, errno.EACCES):
            return False
        if error.errno in (errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EINVAL):
            raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK)) from error
        raise
    return True


def _alive(owner: Owner) -> bool:
    """Whether the very process lives: same boot, same pid, same start."""
    if owner.boot_id != _boot_id():
        return False
    try:
        process = psutil.Process(owner.pid)
        started = process.create_time()
        if process.status() == psutil.STATUS_ZOMBIE:  # killed, and nobody has taken notice of it
            return False
    except (psutil.Error, ValueError, OverflowError):
        return False
    # psutil derives the start from the clock, which may be adjusted by a little
    return abs(started - owner.started) < 3.0


def _owned(path: Path, owner: Owner | None) -> str:
    who = "another process"
    if owner is not None:
        who = f"process {owner.pid}"
        if owner.host != socket.gethostname()[:100]:
            who += f" on {owner.host}"
    return (
        f"run {path.parent.name} belongs to {who}; watch or steer it from here with "
        f"`piplan-tui attach {path.parent.name}`, or stop that process first"
    )


def _is_at(fd: int, path: Path) -> bool:
    try:
        return os.path.samestat(os.fstat(fd), os.lstat(path))
    except FileNotFoundError:
        return False


def _read(fd: int) -> _Content:
    try:
        return msgspec.json.decode(os.pread(fd, _SIZE, 0), type=_Content)
    except msgspec.DecodeError:
        return _Content()


def _write(fd: int, content: _Content) -> None:
    os.pwrite(fd, msgspec.json.encode(content).ljust(_SIZE - 1) + b"\n", 0)
