"""What the file store does to a disk, in one place.

Every change that the store makes to a file goes through a `Disk`, so that a test can count, log, refuse or
lose any of them. No method follows a symlink in the last part of a path.
"""

from __future__ import annotations

import errno
import os
import secrets
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from piplan_tui.store.protocol import StoreError

if sys.platform == "darwin":
    import fcntl

_NO_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.ENOSYS, errno.EOPNOTSUPP}
"""What file systems answer that know no fsync at all. The data is as safe there as it can be."""

_HELP = {
    errno.ENOSPC: "no space is left on the device; make room there and try again",
    errno.EDQUOT: "the disk quota is used up; make room and try again",
    errno.EFBIG: "the file may not grow any further; raise the file size limit (ulimit -f) and try again",
    errno.EACCES: "permission denied; check who owns it, or choose another place with --store DIR",
    errno.EPERM: "permission denied; check who owns it, or choose another place with --store DIR",
    errno.EROFS: "the file system is read-only; choose another place with --store DIR",
    errno.EIO: "the disk reported an error; check the disk (dmesg) before going on",
    errno.ELOOP: "it is a symbolic link, and those are not followed here; put the real file in its place",
    errno.EMFILE: "too many files are open; raise the limit (ulimit -n) and try again",
    errno.ENOTDIR: "a part of the path is no folder; choose another place with --store DIR",
    errno.ENAMETOOLONG: "the name is too long; choose a shorter one",
    errno.ENOLCK: "the file system knows no locks; choose a local place with --store DIR",
}


def explain(error: OSError, action: str, path: Path) -> str:
    """One sentence for the user: what could not be done, where, and what would help."""
    reason = _HELP.get(error.errno or 0) or (error.strerror or str(error)).lower()
    return f"cannot {action} {path}: {reason}"


@contextmanager
def doing(action: str, path: Path) -> Iterator[None]:
    """Turn an `OSError` inside into a `StoreError` that says what was being done."""
    try:
        yield
    except OSError as error:
        raise StoreError(explain(error, action, path)) from error


class Disk:
    """The operating system's files. All errors are `OSError`. Files are made 0600, folders 0700."""

    def open_append(self, path: Path, *, create: bool = False) -> int:
        """A descriptor whose writes go to the end. With `create`, the file must not be there yet."""
        flags = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_CLOEXEC
        return os.open(path, flags | (os.O_CREAT | os.O_EXCL if create else 0), 0o600)

    def open_read(self, path: Path) -> int:
        """A descriptor of a regular file; anything else (a pipe, a device) is refused with `EINVAL`."""
        # O_NONBLOCK: opening a pipe that nobody writes to would wait for ever
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            os.close(fd)
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return fd

    def read(self, path: Path) -> bytes:
        with os.fdopen(self.open_read(path), "rb") as file:
            return file.read()

    def write(self, fd: int, data: bytes | memoryview) -> int:
        """Bytes written, which may be fewer than given, without an error."""
        return os.write(fd, data)

    def write_all(self, fd: int, data: bytes | bytearray) -> None:
        """All of `data`, in one call unless the system takes less."""
        rest = memoryview(data)
        while rest:
            # after a short write the next call names the reason (no space, a limit, a quota)
            written = self.write(fd, rest)
            if written == 0:
                raise OSError(errno.EIO, os.strerror(errno.EIO))
            rest = rest[written:]

    def truncate(self, fd: int, size: int) -> None:
        os.ftruncate(fd, size)

    def close(self, fd: int) -> None:
        os.close(fd)

    def sync(self, fd: int) -> None:
        """Return once the file's data and size survive a power loss."""
        try:
            if sys.platform == "darwin":
                fcntl.fcntl(fd, fcntl.F_FULLFSYNC)
            else:
                os.fdatasync(fd)
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise

    def sync_folder(self, path: Path) -> None:
        """Return once the names in the folder survive a power loss."""
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        except OSError as error:
            if error.errno not in _NO_SYNC:
                raise
        finally:
            os.close(fd)

    def make_folder(self, path: Path) -> None:
        """The folder, which must not be there yet."""
        path.mkdir(mode=0o700)

    def make_folders(self, path: Path) -> None:
        """The folder and all above it that are missing, each made to survive."""
        if path.is_dir():
            return
        if path.parent != path:
            self.make_folders(path.parent)
        with suppress(FileExistsError):
            self.make_folder(path)
        self.sync_folder(path.parent)

    def rename(self, old: Path, new: Path) -> None:
        os.rename(old, new)

    def unlink(self, path: Path) -> None:
        os.unlink(path)

    def write_new(self, path: Path, data: bytes) -> None:
        """A file that was not there before, synced (its name is not, see `sync_folder`)."""
        fd = self.open_append(path, create=True)
        try:
            self.write_all(fd, data)
            self.sync(fd)
        finally:
            self.close(fd)

    def replace(self, path: Path, data: bytes, *, mode: int = 0o600) -> None:
        """Put a file in place, whole: a reader, a crash and a power loss see the old one or the new one."""
        temporary = path.with_name(f".{secrets.token_hex(6)}.tmp")
        try:
            self.write_new(temporary, data)
            if mode != 0o600:
                os.chmod(temporary, mode)
            self.rename(temporary, path)
        except BaseException:
            with suppress(OSError):
                self.unlink(temporary)
            raise
