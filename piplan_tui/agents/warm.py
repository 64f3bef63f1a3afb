"""Agent processes that are kept warm: a new session in one is much cheaper than a cold start."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

import anyio
import anyio.abc


class WarmProcess(Protocol):
    """A process that serves one session at a time."""

    @property
    def alive(self) -> bool: ...

    async def read(self) -> None:
        """Take what the process writes, until it ends."""

    async def end(self, terminate_seconds: float, /) -> object:
        """End it and all that it started."""


def launch_environment(*environments: Mapping[str, str]) -> frozenset[tuple[str, str]]:
    """Several environments as one that can be compared, later ones first in rank."""
    merged: dict[str, str] = {}
    for environment in environments:
        merged |= environment
    return frozenset(merged.items())


P = TypeVar("P", bound=WarmProcess)
L = TypeVar("L")


class WarmProcesses(Generic[L, P]):
    """Keeps idle processes for the next request with an equal launch, and ends them all in `close`.

    A launch is what is fixed when a process starts. Times are in seconds.
    """

    def __init__(self, tasks: anyio.abc.TaskGroup, *, max_idle: int, terminate_seconds: float) -> None:
        self._tasks = tasks
        self._max_idle = max_idle
        self._terminate_seconds = terminate_seconds
        self._idle: list[tuple[L, P]] = []
        self._all: set[P] = set()

    def adopt(self, process: P) -> None:
        """Read a process that was just started, and end it in `close` at the latest."""
        self._all.add(process)
        self._tasks.start_soon(process.read)

    async def take_idle(self, launch: L) -> P | None:
        """The process that idles for the shortest time and lives, if there is one."""
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][0] == launch:
                process = self._idle.pop(index)[1]
                if process.alive:
                    return process
                await self.end(process)
        return None

    async def give_back(self, launch: L, process: P) -> None:
        """Keep a process whose session is over for the next one, or end the one that idled longest."""
        self._idle.append((launch, process))
        surplus = self._idle[: max(0, len(self._idle) - self._max_idle)]
        self._idle = self._idle[len(surplus) :]
        for _, old in surplus:
            await self.end(old)

    async def end(self, process: P) -> None:
        """End a process and all that it started."""
        await process.end(self._terminate_seconds)
        self._all.discard(process)

    async def close(self) -> None:
        """End every process."""
        self._idle.clear()
        async with anyio.create_task_group() as tasks:
            for process in list(self._all):
                tasks.start_soon(self.end, process)
