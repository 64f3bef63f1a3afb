"""The way by which an agent's model reaches the user: a socket for the MCP server that its session is given.

The protocol has no tool for a model to ask with, but every agent takes MCP servers. Ours (`ask_server.py`) connects
here for each question, and nothing of question or answer is written anywhere on the way.
"""

from __future__ import annotations

import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
import msgspec
from anyio import to_thread

ASK_TOOL_FILE = Path(__file__).parent.parent / "ask_tool.json"
ASK_TOOL = "ask_user"
_SERVER = Path(__file__).with_name("ask_server.py")
_MAX_QUESTION = 1024 * 1024

Ask = Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]
"""Puts a question to the user; is cancelled when the asker does not wait any more."""


class AskDoor:
    """Open for as long as a session. Use `server` in the session's list of MCP servers."""

    def __init__(self, folder: tempfile.TemporaryDirectory[str], listener: anyio.abc.Listener[Any]) -> None:
        self._folder = folder
        self._listener = listener
        self._scope = anyio.CancelScope()
        self._closed = anyio.Event()

    @classmethod
    async def open(cls) -> AskDoor | None:
        """`None` where there are no sockets in the file system."""
        if not hasattr(socket, "AF_UNIX"):
            return None
        # only this user can enter it
        folder = await to_thread.run_sync(lambda: tempfile.TemporaryDirectory(prefix="piplan-ask-"))
        try:
            return cls(folder, await anyio.create_unix_listener(_path(folder)))
        except OSError:
            # a path that is too long for a socket, say
            folder.cleanup()
            return None

    @property
    def server(self) -> dict[str, Any]:
        """The MCP server, as session/new takes it."""
        return {
            "name": "piplan",
            "command": sys.executable,
            "args": ["-I", str(_SERVER), str(ASK_TOOL_FILE), _path(self._folder)],
            "env": [],
        }

    async def serve(self, ask: Ask) -> None:
        """Pass questions on until `close`."""

        async def take(stream: anyio.abc.ByteStream) -> None:
            async with stream:
                await _one(stream, ask)

        try:
            with self._scope:
                await self._listener.serve(take)
        finally:
            with anyio.CancelScope(shield=True):
                await self._listener.aclose()
                await to_thread.run_sync(self._folder.cleanup)
            self._closed.set()

    async def close(self) -> None:
        """End `serve`, which must have been started."""
        self._scope.cancel()
        await self._closed.wait()


def _path(folder: tempfile.TemporaryDirectory[str]) -> str:
    return str(Path(folder.name) / "s")


async def _one(stream: anyio.abc.ByteStream, ask: Ask) -> None:
    received = b""
    try:
        while not received.endswith(b"\n"):
            received += await stream.receive()
            if len(received) > _MAX_QUESTION:
                return
        request = msgspec.json.decode(received)
    except (anyio.EndOfStream, anyio.BrokenResourceError, msgspec.DecodeError):
        return
    if not isinstance(request, dict):
        return
    async with anyio.create_task_group() as tasks:

        async def gone() -> None:
            try:
                await stream.receive()
            except (anyio.EndOfStream, anyio.BrokenResourceError, anyio.ClosedResourceError):
                tasks.cancel_scope.cancel()

        tasks.start_soon(gone)
        reply = await ask(request)
        with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
            await stream.send(msgspec.json.encode(reply) + b"\n")
        tasks.cancel_scope.cancel()
