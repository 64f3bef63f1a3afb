"""What a runtime holds: its runs, the agents, and every process of theirs."""

from __future__ import annotations

import logging
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from types import TracebackType
from typing import Self, TypedDict, Unpack

import anyio
from anyio.abc import TaskGroup, TaskStatus

from piplan_tui.agents.protocol import Agent
from piplan_tui.run import events as ev
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.clock import utc_now
from piplan_tui.run.options import RunOptions
from piplan_tui.run.plan_driver import MakeDriver
from piplan_tui.run.quota import QuotaPolicy
from piplan_tui.run.quota_board import QuotaBoard
from piplan_tui.run.run import Run
from piplan_tui.run.run_door import Sweep
from piplan_tui.run.sink import Delivery, Sink
from piplan_tui.run.state import RunState
from piplan_tui.run.step_runner import StepExecutor, StepRunner
from piplan_tui.store.protocol import RuntimeStore

log = logging.getLogger(__name__)

MakeAgent = Callable[[str], Agent]


class _DrivenBy(TypedDict, total=False):
    make_driver: MakeDriver
    answer_checks: dict[str, AnswerCheck]


class RuntimeLife:
    """Opens and closes: leaving it lets go of every run in order and ends every agent process."""

    def __init__(
        self,
        *,
        store: RuntimeStore,
        make_agent: MakeAgent,
        sweep: Sweep,
        options: RunOptions | None = None,
        sink: Sink | None = None,
        now: Callable[[], datetime] = utc_now,
        new_run_id: Callable[[], str] = lambda: secrets.token_hex(4),
        executor: Callable[[Run], StepExecutor] | None = None,
        quota: QuotaPolicy | None = None,
    ) -> None:
        self.store = store
        self.options = options
        self._make_agent = make_agent
        self._sweep = sweep
        self._sink = sink
        self._now = now
        self._new_run_id = new_run_id
        self._executor = executor or self._step_runner
        self._quota = quota
        self._quota_board = QuotaBoard()
        self._runs: dict[str, Run] = {}
        self._agents: dict[str, Agent] = {}
        self._agent_lock = anyio.Lock()
        self._tasks: TaskGroup | None = None
        self._stop = anyio.Event()
        self._users = 0
        self._unused = anyio.Event()

    async def __aenter__(self) -> Self:
        if self._tasks is not None:
            raise RuntimeError("this runtime is already open")
        self._stop, self._unused = anyio.Event(), anyio.Event()
        self._tasks = await anyio.create_task_group().__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        tasks = self._tasks
        assert tasks is not None
        try:
            with anyio.CancelScope(shield=True):
                for run in list(self._runs.values()):
                    await self._leave(run)
                self._stop.set()
            self._runs.clear()
            # without the error: a group would wrap what the host raised
            await tasks.__aexit__(None, None, None)
        finally:
            self._agents.clear()
            self._tasks = None

    @staticmethod
    async def _leave(run: Run) -> None:
        try:
            await run.leave()
        except Exception:
            # the other runs and the agents' processes must be let go of nevertheless
            log.exception("run %s could not be left in order", run.id)

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[None]:
        """Be open for the length of a call, unless the host has opened the runtime itself."""
        if self._tasks is not None:
            self._users += 1
            try:
                yield
            finally:
                self._users -= 1
                if self._users == 0:
                    self._unused.set()
            return
        async with self:
            yield
            while self._users:
                self._unused = anyio.Event()
                await self._unused.wait()

    def _step_runner(self, run: Run) -> StepExecutor:
        return StepRunner(
            self.agent_named,
            environment=run.environment,
            redactor=run.redactor,
            check=run.answer_checks.get,
        )

    async def agent_named(self, name: str) -> Agent:
        """The agent of that name, started once and kept until the runtime closes.

        Raises:
            AgentFailure: there is no such agent, or it cannot be used here.
        """
        async with self._agent_lock:
            known = self._agents.get(name)
            if known is None:
                assert self._tasks is not None
                agent = self._make_agent(name)
                # a task of its own: an agent's task group must be left by the task that entered it
                known = self._agents[name] = await self._tasks.start(self._host_agent, agent)
            return known

    async def _host_agent(self, agent: Agent, *, task_status: TaskStatus[Agent]) -> None:
        async with agent:
            task_status.started(agent)
            await self._stop.wait()

    async def _serve(self, state: RunState, **more: Unpack[_DrivenBy]) -> Run:
        if self._tasks is None:
            raise RuntimeError("open the runtime first: async with runtime")
        run = Run(
            state,
            store=self.store,
            executor=self._executor,
            sweep=self._sweep,
            now=self._now,
            quota=self._quota,
            quota_board=self._quota_board,
            **more,
        )
        await self._tasks.start(self._serve_run, run)
        return run

    async def _serve_run(self, run: Run, *, task_status: TaskStatus[None]) -> None:
        self._runs[run.id] = run
        try:
            await run.serve(task_status.started)
        finally:
            self._runs.pop(run.id, None)

    def _tell_sink(self, events: Sequence[ev.RuntimeEvent], run: Run) -> None:
        if self._sink is None or self._tasks is None:
            return
        deliver = Delivery(self._sink)
        for event in events:
            deliver(event)
        run.subscribe(deliver)
        self._tasks.start_soon(deliver.run_until, run.closed)
