"""The process that a script lives in, from the side of the event loop."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import psutil
from anyio.abc import ByteReceiveStream, Process
from anyio.streams.memory import MemoryObjectReceiveStream

from piplan_tui.workflow.js.compile import FIRST_LINE, CompiledScript
from piplan_tui.workflow.js.limits import JsLimits

_PROGRAM = Path(__file__).with_name("engine.py")
_CHUNK = 1 << 16
_LONG_LINE = 1 << 18
"""Bytes from which a line is decoded in a thread, so that the loop is not kept."""
_LEAVING_SECONDS = 2.0
_LAST = frozenset({"done", "failed", "unhandled"})
"""Messages after which the program ends."""
_KEPT = ("PATH", "HOME", "PYTHONHOME", "PYTHONPATH", "LD_LIBRARY_PATH", "SYSTEMROOT")
"""What is left of the environment: enough to find the engine, and no key of the user's."""

Budget = tuple[float | None, float]


@dataclass(frozen=True, slots=True)
class Ended:
    """The engine goes on no more with the script. `why` is `stuck` (nothing is left that could make it go on),
    `time`, `memory`, or a text. `place` is in the compiled script, `site` one of its awaits, where it is known."""

    why: str
    place: tuple[int, int] = (0, 0)
    site: int | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """What a script asked for and said, in order; then, at its end, how it ended."""

    messages: list[dict[str, Any]] = field(default_factory=list)
    end: Ended | None = None


class EngineProcess:
    """A script that runs. Made by `engine_process`."""

    def __init__(self, process: Process) -> None:
        self._process = process
        self._send, self._unsent = anyio.create_memory_object_stream[str](math.inf)
        self._sent = 0  # answers
        self._ended = False  # the program ends by itself now
        self._taken = -1  # answers that the engine had when it last waited; it begins busy
        # answers sent, and the processor time, when it was seen busy
        self._busy: tuple[int, float] | None = None

    def answer(self, request: int, budget: Budget, *, value: Any = None, error: str | None = None) -> None:
        """Settle a request with a JSON value, or with an error that `parallel` and `pipeline` pass on.

        Raises:
            TypeError, ValueError: the value is no JSON.
        """
        outcome = {"value": value} if error is None else {"error": error}
        text = json.dumps({"id": request, "budget": budget, **outcome}, allow_nan=False)
        self._sent += 1
        self._send.send_nowait(text)

    @property
    def _is_busy(self) -> bool:
        return self._taken < self._sent

    def busy_seconds(self) -> float:
        """The processor time that the engine has used since it was first seen busy, without waiting for an answer.

        Not the time of the clock: on a machine with much to do the two are far apart.
        """
        with suppress(psutil.Error):
            times = psutil.Process(self._process.pid).cpu_times()
            if not self._is_busy or self._busy is None or self._busy[0] != self._sent:
                self._busy = (self._sent, times.user + times.system)
            return float(times.user + times.system - self._busy[1])
        return 0.0

    async def batches(self) -> AsyncIterator[Batch]:
        """What the script asks for and says, until it has ended."""
        assert self._process.stdout is not None
        async for line in _lines(self._process.stdout):
            heard = (
                json.loads(line)
                if len(line) < _LONG_LINE
                else await anyio.to_thread.run_sync(json.loads, line)
            )
            if "idle" in heard:
                self._taken = heard["idle"]
            elif "messages" in heard:
                self._ended = any(message["m"]["t"] in _LAST for message in heard["messages"])
                yield Batch(heard["messages"])
            else:
                end = heard["end"]
                self._ended = True
                yield Batch(end=Ended(end["why"], tuple(end.get("place", (0, 0))), end.get("site")))
        code = await self._process.wait()
        yield Batch(end=Ended(f"the engine of the script broke off (exit code {code})"))

    async def send_on(self) -> None:
        """Pass answers on, for as long as there are any."""
        await _pass_on(self._process, self._unsent)

    async def close(self) -> None:
        """Leave no process behind. Must not be cancelled."""
        self._send.close()
        self._unsent.close()
        if self._ended:
            with anyio.move_on_after(_LEAVING_SECONDS):
                await self._process.wait()
        if self._process.returncode is None:
            self._process.kill()
        await self._process.aclose()


@asynccontextmanager
async def engine_process(
    script: CompiledScript, args: Any, limits: JsLimits, budget: Budget
) -> AsyncIterator[EngineProcess]:
    """The script, running. On leaving, its process is killed, whatever the script is at."""
    setup = {
        "code": script.code,
        "args": None if args is None else json.dumps(args),
        "budget": budget,
        "firstLine": FIRST_LINE,
        "cpuSeconds": limits.cpu_seconds,
        "memoryBytes": limits.memory_bytes,
        "maxMessage": limits.message_characters,
        "askFirst": limits.ask_first,
    }
    # -P: nothing of the folder that it happens to be started in is taken for a module
    process = await anyio.open_process(
        [sys.executable, "-P", str(_PROGRAM)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
        env={name: os.environ[name] for name in _KEPT if name in os.environ},
    )
    engine = EngineProcess(process)
    try:
        async with anyio.create_task_group() as tasks:
            engine._send.send_nowait(json.dumps(setup))
            tasks.start_soon(engine.send_on)
            yield engine
            tasks.cancel_scope.cancel()
    finally:
        with anyio.CancelScope(shield=True):
            await engine.close()


async def _lines(stream: ByteReceiveStream) -> AsyncIterator[bytes]:
    parts: list[bytes] = []
    while True:
        try:
            chunk = await stream.receive(_CHUNK)
        except (anyio.EndOfStream, anyio.BrokenResourceError):
            return
        *whole, rest = chunk.split(b"\n")
        for line in whole:
            yield b"".join([*parts, line])
            parts = []
        if rest:
            parts.append(rest)


async def _pass_on(process: Process, texts: MemoryObjectReceiveStream[str]) -> None:
    assert process.stdin is not None
    async for text in texts:
        try:
            await process.stdin.send(text.encode() + b"\n")
        except (anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
            return  # it has ended, which `batches` tells
