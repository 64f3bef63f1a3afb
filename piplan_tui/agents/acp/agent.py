"""Any agent over ACP as an `Agent`."""

from __future__ import annotations

import os
from collections.abc import Mapping
from functools import partial
from importlib import import_module
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING

import anyio
import anyio.abc
from anyio import to_thread

from piplan_tui.agents.acp.known import find_commands, read_command
from piplan_tui.agents.acp.launch import AcpLimits, Launch
from piplan_tui.agents.process import STEP_MARK
from piplan_tui.agents.protocol import AgentFailure, SessionRequest
from piplan_tui.agents.warm import LOST, launch_environment

if TYPE_CHECKING:
    from piplan_tui.agents.acp.pool import AcpPool
    from piplan_tui.agents.acp.process import AcpProcess
    from piplan_tui.agents.acp.session import AcpSession


class AcpAgent:
    """Carries out attempts with processes of one agent, which are kept warm between sessions.

    `command` is what stands after `acp:`: a known name, perhaps with more arguments, or a command line. What a
    request leaves empty is taken from `model`, `provider`, `thinking`, `tools` and `system_prompt`, which is
    sent before the first message: the protocol has no place of its own for it. `mode` is one of the agent's
    own modes. `name` is what the user wrote to choose it, when that is another name. `environment` is added to
    that of this process. With `ask_user` the model has a tool of that name, which asks the user and waits.

    Raises:
        ValueError: there is no program in `command`, or a quote in it is not closed.
    """

    def __init__(
        self,
        command: str,
        *,
        name: str = "",
        model: str = "",
        provider: str = "",
        thinking: str = "",
        mode: str = "",
        tools: tuple[str, ...] | None = None,
        system_prompt: str = "",
        environment: Mapping[str, str] | None = None,
        limits: AcpLimits | None = None,
        ask_user: bool = True,
    ) -> None:
        self._command = read_command(command, name)
        self._model = model
        self._provider = provider
        self._thinking = thinking
        self._mode = mode
        self._tools = tools
        self._system_prompt = system_prompt
        self._environment = dict(environment or {})
        self._limits = limits or AcpLimits()
        self._ask_user = ask_user
        self._tasks: anyio.abc.TaskGroup | None = None
        self._pool: AcpPool | None = None
        self._spent: dict[str, float] = {}
        self._open: dict[AcpProcess, AcpSession] = {}

    @property
    def name(self) -> str:
        return self._command.name

    @property
    def continues_sessions(self) -> bool:
        """True, although only the agent's own greeting tells; one that cannot starts anew with a `Notice`."""
        return True

    async def __aenter__(self) -> AcpAgent:
        # the protocol's library takes most of a second to load, which would hold up the loop
        await to_thread.run_sync(import_module, "piplan_tui.agents.acp.opening")
        from piplan_tui.agents.acp.pool import AcpPool

        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._pool = AcpPool(self._command, self._tasks, self._limits)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._tasks is not None
        assert self._pool is not None
        with anyio.CancelScope(shield=True):
            for session in list(self._open.values()):
                await session.abandon()
            await self._pool.close()
        self._tasks.cancel_scope.cancel()
        # without the error: a group would wrap what the host raised
        await self._tasks.__aexit__(None, None, None)

    def require_program(self, workspace: Path) -> None:
        """See `StartsProgram`."""
        find_commands(self._command, workspace, {**os.environ, **self._environment}.get("PATH"))

    async def open(self, request: SessionRequest) -> AcpSession:
        """See `Agent.open`."""
        if self._pool is None:
            raise RuntimeError(
                "AcpAgent is used as an async context manager: async with AcpAgent(…) as agent"
            )
        launch = Launch(request.workspace, launch_environment(self._environment, request))
        while process := await self._pool.take_idle(launch):
            try:
                return await self._begin(process, launch, request)
            except AgentFailure as failure:
                if failure.kind not in LOST:
                    raise
        return await self._begin(await self._pool.start(launch), launch, request)

    async def _begin(self, process: AcpProcess, launch: Launch, request: SessionRequest) -> AcpSession:
        from piplan_tui.agents.acp.opening import Wanted, begin
        from piplan_tui.agents.acp.session import AcpSession

        assert self._tasks is not None
        assert self._pool is not None
        session = AcpSession(
            process,
            request.workspace,
            {**launch.environment, STEP_MARK: request.step_id},
            self._tasks,
            self._limits,
            partial(self._release, launch, process),
            self._spent,
        )
        session.client.denied = request.permissions == "deny"
        session.preamble = request.system_prompt or self._system_prompt
        wanted = Wanted(
            cwd=request.workspace.absolute(),
            model=request.model or self._model,
            # a provider chosen for the default model says nothing about another one
            provider=request.provider or ("" if request.model else self._provider),
            effort=request.thinking or self._thinking,
            mode=self._mode,
            tools=request.tools if request.tools is not None else self._tools,
            resume=request.resume,
            ask_user=self._ask_user,
        )
        self._open[process] = session
        try:
            await begin(process, session, wanted, self._limits.answer_seconds)
        except BaseException:
            await session.abandon()
            await self._release(launch, process, reusable=False)
            raise
        return session

    async def _release(self, launch: Launch, process: AcpProcess, reusable: bool) -> None:
        assert self._pool is not None
        self._open.pop(process, None)
        if reusable:
            await self._pool.give_back(launch, process)
        else:
            await self._pool.end(process)
