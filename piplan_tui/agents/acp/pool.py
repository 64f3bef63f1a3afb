"""The processes of one ACP agent."""

from __future__ import annotations

from pathlib import Path

import anyio.abc
from anyio import to_thread

from piplan_tui.agents.acp.known import AgentCommand, find_commands
from piplan_tui.agents.acp.launch import AcpLimits, Launch
from piplan_tui.agents.acp.process import AcpProcess
from piplan_tui.agents.process import start_child
from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.agents.warm import WarmProcesses


class AcpPool(WarmProcesses[Launch, AcpProcess]):
    """Starts processes of one agent.

    A process serves one session at a time: to end a session for certain is to end its process.
    """

    def __init__(self, command: AgentCommand, tasks: anyio.abc.TaskGroup, limits: AcpLimits) -> None:
        super().__init__(tasks, limits)
        self._command = command

    async def start(self, launch: Launch) -> AcpProcess:
        """A new process that is ready for a session.

        Raises:
            AgentFailure: the agent is not there, or did not come up.
        """
        commands = await to_thread.run_sync(self._commands, launch)
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

    def _commands(self, launch: Launch) -> list[tuple[str, ...]]:
        if not launch.cwd.is_dir():
            raise AgentFailure("unusable", f"the workspace {launch.cwd} is not a folder")
        return find_commands(self._command, launch.cwd, launch.environment.get("PATH"))

    async def _start(self, command: tuple[str, ...], launch: Launch) -> AcpProcess:
        try:
            child = await start_child(command, cwd=launch.cwd, env=launch.environment)
        except OSError as error:
            raise AgentFailure(
                "unusable", f"{command[0]} of {self._command.name} could not be started: {error.strerror}"
            ) from error
        process = AcpProcess(self._command.name, Path(command[0]).name, self._command.login, child)
        self.adopt(process)
        try:
            await process.initialize(self._limits.start_seconds)
        except BaseException:
            await self.end(process)
            raise
        return process
