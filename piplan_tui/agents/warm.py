"""Agent processes that are kept warm: a new session in one is much cheaper than a cold start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import anyio
import anyio.abc

from piplan_tui.agents.process import ATTEMPT_MARK, RUN_MARK, STEP_MARK
from piplan_tui.agents.protocol import FailureKind, SessionRequest


class WarmProcess(Protocol):
    """A process that serves one session at a time."""

    @property
    def alive(self) -> bool: ...

    async def read(self) -> None:
        """Take what the process writes, until it ends."""

    async def end(self, terminate_seconds: float, /) -> object:
        """End it and all that it started."""


@dataclass(frozen=True)
class Limits:
    """Times in seconds, and how many processes are kept warm.

    `silence_seconds` is how long a turn may bring nothing while no tool runs and nobody is asked.
    """

    start_seconds: float = 60.0
    answer_seconds: float = 30.0
    silence_seconds: float = 15 * 60.0
    abort_seconds: float = 5.0
    terminate_seconds: float = 2.0
    max_idle: int = 4


# a warm process serves many steps, so what names one step cannot be in its environment
_PER_STEP = {STEP_MARK, ATTEMPT_MARK}
LOST: frozenset[FailureKind] = frozenset({"died", "hung", "protocol"})
"""Failures after which a process serves no session any more."""


def launch_environment(own: Mapping[str, str], request: SessionRequest) -> frozenset[tuple[str, str]]:
    """What is added to the environment of a process that is to serve the request, in a form that can be compared.

    `own` is what the user set for the agent; what the run gives goes before it.
    """
    given = {name: value for name, value in request.env.items() if name not in _PER_STEP}
    return frozenset({**own, **given, RUN_MARK: request.run_id}.items())


P = TypeVar("P", bound=WarmProcess)
L = TypeVar("L")


class WarmProcesses(Generic[L, P]):
    """Keeps idle processes for the next request with an equal launch, and ends them all in `close`.

    A launch is what is fixed when a process starts.
    """

    def __init__(self, tasks: anyio.abc.TaskGroup, limits: Limits) -> None:
        self._tasks = tasks
        self._limits = limits
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
        surplus = self._idle[: max(0, len(self._idle) - self._limits.max_idle)]
        self._idle = self._idle[len(surplus) :]
        for _, old in surplus:
            await self.end(old)

    async def end(self, process: P) -> None:
        """End a process and all that it started."""
        await process.end(self._limits.terminate_seconds)
        self._all.discard(process)

    async def close(self) -> None:
        """End every process."""
        self._idle.clear()
        async with anyio.create_task_group() as tasks:
            for process in list(self._all):
                tasks.start_soon(self.end, process)
