"""The lines of the protocol to and from a child process."""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, NamedTuple

import anyio
import msgspec

from piplan_tui.agents.failures import in_sentence
from piplan_tui.agents.lines import LineSplitter
from piplan_tui.agents.process import ChildProcess


class Call(NamedTuple):
    """The parameters of an incoming request with the id by which it may be called off."""

    request_id: int | str | None
    params: dict[str, Any]


class ChildTransport:
    """Messages of a child process, as `acp.connection.Connection` takes them.

    Session updates go to `on_update` in order, and wait there when it is slow: the connection would start a
    task for each. A line that is no message goes to `on_garbage`, as one clean line.
    """

    def __init__(
        self,
        child: ChildProcess,
        on_update: Callable[[dict[str, Any]], Awaitable[None]],
        on_garbage: Callable[[str], None],
    ) -> None:
        self._child = child
        self._on_update = on_update
        self._on_garbage = on_garbage
        self._splitter = LineSplitter()
        self._dropped = 0
        self._lines: deque[bytes] = deque()
        self._sending = anyio.Lock()

    async def send(self, message: dict[str, Any]) -> None:
        """Write one message.

        Raises:
            ConnectionError: it is a request, and the process is gone.
        """
        data = json.dumps(message, separators=(",", ":")).encode() + b"\n"
        try:
            async with self._sending:
                await self._child.send(data)
        except BrokenPipeError as error:
            if "method" in message and "id" in message:
                raise ConnectionError(str(error)) from error

    async def receive(self) -> dict[str, Any] | None:
        """The next message that is not a session update; None at the end."""
        while True:
            while self._lines:
                message = self._decode(self._lines.popleft())
                if message is None:
                    continue
                if message.get("method") != "session/update":
                    return message
                params = message["params"]
                if isinstance(params.get("update"), dict):
                    await self._on_update(params)
            chunk = await self._child.receive()
            if not chunk:
                return None
            self._lines.extend(self._splitter.feed(chunk))
            if self._splitter.dropped > self._dropped:
                self._dropped = self._splitter.dropped
                self._on_garbage("a message of over 64 MiB, which was dropped")

    async def close(self) -> None:
        """Nothing: the process is ended by who started it."""

    def _decode(self, line: bytes) -> dict[str, Any] | None:
        try:
            message = msgspec.json.decode(line)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            message = None
        if not isinstance(message, dict) or not _is_message(message):
            self._on_garbage(in_sentence(line[:400].decode("utf-8", "replace")))
            return None
        if "method" in message:
            params = message.get("params")
            params = params if isinstance(params, dict) else {}
            is_update = message["method"] == "session/update"
            return {**message, "params": params if is_update else Call(message.get("id"), params)}
        # an error that is no object would break the reader of the connection
        if "result" not in message and not isinstance(message.get("error"), dict):
            return {"id": message["id"], "error": {"code": -32603, "message": str(message.get("error"))}}
        return message


def _is_message(message: dict[str, Any]) -> bool:
    if "method" in message:
        return isinstance(message["method"], str)
    return isinstance(message.get("id"), int | str)
