"""Commands that an agent has run for it by its client, all ended with its session."""

from __future__ import annotations

import shutil
import signal
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import anyio
import anyio.abc

from piplan_tui.agents.process import ChildProcess, start_child, terminate_tree

DEFAULT_OUTPUT_BYTES = 1024 * 1024
MAX_OUTPUT_BYTES = 8 * 1024 * 1024
_TELL_SECONDS = 0.2
_DRAIN_SECONDS = 0.5
_KEPT_RELEASED = 16


class Terminal:
    """A running command: the end of what it wrote, and how it ended."""

    def __init__(self, child: ChildProcess, limit: int) -> None:
        self.child = child
        self.exited = anyio.Event()
        self.scope = anyio.CancelScope(shield=True)
        self.truncated = False
        self._limit = limit
        self._output = bytearray()

    @property
    def output(self) -> str:
        return self._output.decode("utf-8", "replace")

    @property
    def exit_code(self) -> int | None:
        code = self.child.returncode
        return code if code is not None and code >= 0 else None

    @property
    def exit_signal(self) -> str | None:
        code = self.child.returncode
        if code is None or code >= 0:
            return None
        try:
            return signal.Signals(-code).name
        except ValueError:
            return str(-code)

    def add(self, chunk: bytes) -> None:
        self._output += chunk
        excess = len(self._output) - self._limit
        if excess > 0:
            self.truncated = True
            # not into the middle of a character
            while excess < len(self._output) and self._output[excess] & 0xC0 == 0x80:
                excess += 1
            del self._output[:excess]


class Terminals:
    """The terminals of one session. `on_change` is told the id of a terminal with new output, not too often."""

    def __init__(
        self,
        tasks: anyio.abc.TaskGroup,
        environment: Mapping[str, str],
        on_change: Callable[[str], None],
        grace_seconds: float,
    ) -> None:
        self._tasks = tasks
        self._environment = environment
        self._on_change = on_change
        self._grace_seconds = grace_seconds
        self._all: dict[str, Terminal] = {}
        self._closed = False
        # agents show a terminal after they released it
        self._released: dict[str, str] = {}

    @property
    def running(self) -> bool:
        return any(not terminal.exited.is_set() for terminal in self._all.values())

    def text(self, terminal_id: str) -> str:
        terminal = self._all.get(terminal_id)
        return terminal.output if terminal else self._released.get(terminal_id, "")

    def get(self, terminal_id: str) -> Terminal | None:
        return self._all.get(terminal_id)

    async def create(
        self,
        command: str,
        arguments: Sequence[str],
        cwd: Path,
        environment: Mapping[str, str],
        limit: int | None,
    ) -> str:
        """Start a command; one with spaces and no arguments is a line for the shell. Returns its id.

        Raises:
            OSError: it cannot be started.
        """
        env = {**self._environment, **environment}
        words = [command, *arguments]
        if not arguments and any(c.isspace() for c in command) and not shutil.which(command):
            words = ["/bin/sh", "-c", command]
        # both streams in the order in which they were written
        merged = ["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *words]
        child = await start_child(merged, cwd=cwd, env=env)
        if self._closed:
            await terminate_tree(child, self._grace_seconds)
            await child.release()
            raise OSError("the session is over")
        terminal_id = f"term_{uuid.uuid4().hex[:12]}"
        terminal = Terminal(child, min(DEFAULT_OUTPUT_BYTES if limit is None else limit, MAX_OUTPUT_BYTES))
        self._all[terminal_id] = terminal
        self._tasks.start_soon(self._follow, terminal_id, terminal)
        return terminal_id

    async def kill(self, terminal_id: str) -> None:
        """End the command; what it wrote stays."""
        terminal = self._all.get(terminal_id)
        if terminal:
            await self._end(terminal)

    async def release(self, terminal_id: str) -> None:
        """End the command and forget it."""
        terminal = self._all.get(terminal_id)
        if terminal:
            await self._end(terminal)
            self._released[terminal_id] = terminal.output
            if len(self._released) > _KEPT_RELEASED:
                del self._released[next(iter(self._released))]
            self._all.pop(terminal_id, None)

    async def close(self) -> None:
        """End them all; none can be created any more."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            async with anyio.create_task_group() as tasks:
                for terminal in self._all.values():
                    tasks.start_soon(self._end, terminal)

    async def _end(self, terminal: Terminal) -> None:
        await terminate_tree(terminal.child, self._grace_seconds)
        with anyio.move_on_after(1.0):
            await terminal.exited.wait()
        terminal.scope.cancel()

    async def _follow(self, terminal_id: str, terminal: Terminal) -> None:
        with terminal.scope:
            await terminal.child.close_stdin()
            drained = anyio.Event()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(terminal.child.drain_stderr)
                tasks.start_soon(self._read, terminal_id, terminal, drained)
                pause = 0.01
                while terminal.child.returncode is None:
                    with anyio.move_on_after(pause):
                        await (terminal.child.wait(pause) if drained.is_set() else drained.wait())
                    pause = min(pause * 1.5, 0.1)
                # something that it left behind may hold its pipe
                with anyio.move_on_after(_DRAIN_SECONDS):
                    await drained.wait()
                tasks.cancel_scope.cancel()
        terminal.exited.set()
        self._on_change(terminal_id)
        await terminal.child.release()

    async def _read(self, terminal_id: str, terminal: Terminal, drained: anyio.Event) -> None:
        told = 0.0
        while chunk := await terminal.child.receive():
            terminal.add(chunk)
            if (now := time.monotonic()) - told >= _TELL_SECONDS:
                told = now
                self._on_change(terminal_id)
        drained.set()
