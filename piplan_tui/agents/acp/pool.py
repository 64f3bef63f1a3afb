"""Warm agent processes: a new session in one is much cheaper than a cold start."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.abc

from piplan_tui.agents.acp.known import AgentCommand, find_commands
from piplan_tui.agents.acp.launch import AcpLimits, Launch
from piplan_tui.agents.acp.process import AcpProcess
from piplan_tui.agents.process import start_child
from piplan_tui.agents.protocol import AgentFailure


class AcpPool:
    """Starts processes of one agent, keeps idle ones for a while, and ends them all in `close`.

    A process serves one session at a time: to end a session for certain is to end its process.
    """

    def __init__(self, command: AgentCommand, tasks: anyio.abc.TaskGroup, limits: AcpLimits) -> None:
        self._command = command
        self._tasks = tasks
        self._limits = limits
        self._idle: list[tuple[Launch, AcpProcess]] = []
        self._all: set[AcpProcess] = set()

    async def take_idle(self, launch: Launch) -> AcpProcess | None:
        """A warm process that lives, if there is one."""
        for index in range(len(self._idle) - 1, -1, -1):
            if self._idle[index][0] == launch:
                process = self._idle.pop(index)[1]
                if process.alive:
                    return process
                await self.end(process)
        return None

    async def start(self, launch: Launch) -> AcpProcess:
        """A new process that is ready for a session.

        Raises:
            AgentFailure: the agent is not there, or did not come up.
        """
        if not launch.cwd.is_dir():
            raise AgentFailure("unusable", f"the workspace {launch.cwd} is not a folder")
        commands = find_commands(self._command, launch.cwd, launch.environment.get("PATH"))
        failure: AgentFailure | None = None
        for command in commands:
            try:
                return await self._start(command, launch)
            except AgentFailure as error:
                # an older release may want other arguments
                if error.kind != "unusable":
                    raise
                failure = failure or error
        assert failure is not None
        raise failure

    async def _start(self, command: tuple[str, ...], launch: Launch) -> AcpProcess:
        try:
            child = await start_child(command, cwd=launch.cwd, env=launch.environment)
        except OSError as error:
            raise AgentFailure(
                "unusable", f"{command[0]} of {self._command.name} could not be started: {error.strerror}"
            ) from error
        process = AcpProcess(self._command.name, Path(command[0]).name, self._command.login, child)
        self._all.add(process)
        self._tasks.start_soon(process.read)
        try:
            await process.initialize(self._limits.start_seconds)
        except BaseException:
            await self.end(process)
            raise
        return process

    async def give_back(self, launch: Launch, process: AcpProcess) -> None:
        """Keep a process whose session is over for the next one, or end the one that idled longest."""
        self._idle.append((launch, process))
        surplus = self._idle[: max(0, len(self._idle) - self._limits.max_idle)]
        self._idle = self._idle[len(surplus) :]
        for _, old in surplus:
            await self.end(old)

    async def end(self, process: AcpProcess) -> None:
        """End a process and all that it started."""
        await process.end(self._limits.terminate_seconds)
        self._all.discard(process)

    async def close(self) -> None:
        self._idle.clear()
        async with anyio.create_task_group() as tasks:
            for process in list(self._all):
                tasks.start_soon(self.end, process)
