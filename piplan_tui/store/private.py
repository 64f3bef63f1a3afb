"""How a secret gets from another process into the memory of a run's owner, and into no file.

The owner listens on a Unix socket that only its user can reach, and only while it owns the run. The asker sends one
`AnswerRequest` as a line of JSON and gets a `ControlReply`, also as a line. All else goes through
`piplan_tui.store.control`, where it survives a crash of either side.
"""

from __future__ import annotations

import hashlib
import os
import socket
import stat
import struct
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path

import anyio
import anyio.abc
import anyio.to_thread
import msgspec
from anyio.streams.buffered import BufferedByteReceiveStream

from piplan_tui.store.control import MAX_REQUEST_BYTES, AnswerRequest, ControlReply
from piplan_tui.store.disk import doing
from piplan_tui.store.protocol import StoreError

SOCKET = "answers.sock"
_LONGEST_PATH = 100
"""Bytes that a socket's path may have: 108 on Linux and 104 elsewhere, with an end."""
_SAY_SECONDS = 5.0
"""How long a connected asker may take to say what it wants."""

_requests: msgspec.json.Decoder[AnswerRequest] = msgspec.json.Decoder(AnswerRequest)
_replies: msgspec.json.Decoder[ControlReply] = msgspec.json.Decoder(ControlReply)

CarryOut = Callable[[AnswerRequest], Awaitable[ControlReply]]


def socket_path(run_dir: Path) -> Path:
    """Where the owner of a run listens: in the run's folder, or elsewhere when that path would be too long."""
    path = run_dir / SOCKET
    if len(os.fsencode(path)) <= _LONGEST_PATH:
        return path
    short = hashlib.sha256(os.fsencode(run_dir.resolve())).hexdigest()[:24]
    base = Path(os.environ.get("XDG_RUNTIME_DIR") or tempfile.gettempdir())
    if len(os.fsencode(base)) > 50:
        base = Path("/tmp")
    return base / f"piplan-{os.geteuid()}" / f"{short}.sock"


async def serve_private(run_dir: Path, carry_out: CarryOut) -> None:
    """For the owner: take answers until cancelled.

    Raises:
        StoreError: there is no place for the socket that only this user can reach.
    """
    path = socket_path(run_dir)
    with doing("listen on", path):
        if path.parent != run_dir:
            await anyio.to_thread.run_sync(_private_folder, path.parent)
        # whoever finds it can connect; the one of an owner that was killed is replaced
        listener = await anyio.create_unix_listener(path.with_suffix(".new"), mode=0o600)
        os.rename(path.with_suffix(".new"), path)
    try:
        async with listener:
            await listener.serve(lambda stream: _serve_one(stream, carry_out))
    finally:
        with suppress(OSError):
            os.unlink(path)


async def send_private(run_dir: Path, request: AnswerRequest, seconds: float) -> ControlReply | None:
    """For the asker: what the owner did; `None` when no owner listens or it did not reply within `seconds`."""
    try:
        with anyio.move_on_after(seconds):
            async with await anyio.connect_unix(socket_path(run_dir)) as stream:
                if not _is_same_user(stream):
                    return None
                await stream.send(msgspec.json.encode(request) + b"\n")
                return _replies.decode(await _line(stream))
    except (OSError, ValueError, anyio.BrokenResourceError, anyio.EndOfStream, anyio.IncompleteRead):
        return None
    return None


async def _serve_one(stream: anyio.abc.SocketStream, carry_out: CarryOut) -> None:
    async with stream:
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, anyio.EndOfStream, OSError):
            if not _is_same_user(stream):
                return
            try:
                with anyio.fail_after(_SAY_SECONDS):
                    request = _requests.decode(await _line(stream))
            except (ValueError, RecursionError, anyio.IncompleteRead, anyio.DelimiterNotFound):
                reply = ControlReply(id="", accepted=False, message="the request cannot be read")
            else:
                with anyio.CancelScope(shield=True):
                    reply = await carry_out(request)
            await stream.send(msgspec.json.encode(reply) + b"\n")


async def _line(stream: anyio.abc.SocketStream) -> bytes:
    return await BufferedByteReceiveStream(stream).receive_until(b"\n", MAX_REQUEST_BYTES)


def _is_same_user(stream: anyio.abc.SocketStream) -> bool:
    """Whether the other end is a process of this user; the folder's permissions say so too."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    raw: socket.socket = stream.extra(anyio.abc.SocketAttribute.raw_socket)
    _pid, uid, _gid = struct.unpack("3i", raw.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    return uid in (os.geteuid(), 0)


def _private_folder(path: Path) -> None:
    with suppress(FileExistsError):
        path.mkdir(mode=0o700)
    found = os.lstat(path)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid() or stat.S_IMODE(found.st_mode) & 0o077:
        raise StoreError(f"{path} is not a folder of this user alone; remove it")
