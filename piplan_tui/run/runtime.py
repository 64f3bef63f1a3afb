"""The runtime that a host application embeds: it owns the runs, the agents and every process of theirs."""

from __future__ import annotations

import inspect
import logging
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Literal, Protocol, Self, TypedDict, Unpack

import anyio
import msgspec
from anyio.abc import TaskGroup, TaskStatus

from piplan_tui.agents.protocol import Agent
from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.plan.rules import check_spec
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.clock import utc_now
from piplan_tui.run.model import PiPlanCancelResult
from piplan_tui.run.plan_driver import MakeDriver
from piplan_tui.run.quota import QuotaPolicy
from piplan_tui.run.reduce import fold
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.reuse import Forecast, forecast
from piplan_tui.run.run import Run
from piplan_tui.run.run_info import run_info
from piplan_tui.run.state import RunState
from piplan_tui.run.step_runner import StepExecutor, StepRunner
from piplan_tui.run.workflow_run import (
    default_workflow_concurrency,
    stored_workflow,
    workflow_created,
    workflow_driver,
)
from piplan_tui.store.protocol import RunNotFound, RuntimeStore, StoreError
from piplan_tui.workflow.load import LoadedWorkflow

log = logging.getLogger(__name__)

DEFAULT_MAX_CONCURRENCY = 4


class EventSink(Protocol):
    """A host's receiver of events. `emit` may be a coroutine function; calls come in order, one at a time."""

    def emit(self, event: ev.RuntimeEvent) -> Awaitable[None] | None: ...


Sink = EventSink | Callable[[ev.RuntimeEvent], Awaitable[None] | None]
MakeAgent = Callable[[str], Agent]
Sweep = Callable[[str], Awaitable[int]]


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a plan is to be run.

    `mode` `None` follows the plan; `serial` makes a parallel plan run one step at a time. `source` is the plan's
    path, for people. Budgets count the whole run: tokens of all kinds, US dollars, output tokens. A workflow takes
    `workflow_concurrency` in place of `max_concurrency` (`None`: 16, fewer on small machines), and may have
    `max_agents` agent calls and `max_items` items in one fan-out. `steps` are the rules by which single steps get
    another agent or model; see `piplan_tui.run.routing.routes`.
    """

    workspace: Path
    agent: str = "pi"
    model: str = ""
    provider: str = ""
    thinking: str = ""
    tools: tuple[str, ...] | None = None
    system_prompt: str = ""
    max_concurrency: int = DEFAULT_MAX_CONCURRENCY
    workflow_concurrency: int | None = None
    max_agents: int | None = None
    max_items: int | None = None
    mode: Literal["serial", "parallel"] | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_output_tokens: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    source: str = ""
    steps: Mapping[str, Any] = field(default_factory=dict)

    def settings(self) -> dict[str, Any]:
        """What agents are told at start, as it is kept with the run."""
        given = {
            "provider": self.provider,
            "thinking": self.thinking,
            "tools": list(self.tools) if self.tools is not None else None,
            "systemPrompt": self.system_prompt,
            "steps": dict(self.steps) or None,
            "maxAgents": self.max_agents,
            "maxItems": self.max_items,
        }
        return {key: value for key, value in given.items() if value not in (None, "")}


@dataclass(frozen=True, kw_only=True)
class RunChanges:
    """What is to be different when a run is taken up again; `None` keeps what it had."""

    agent: str | None = None
    model: str | None = None
    provider: str | None = None
    thinking: str | None = None
    tools: tuple[str, ...] | None = None
    max_concurrency: int | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_output_tokens: int | None = None
    max_agents: int | None = None
    max_items: int | None = None


class _DrivenBy(TypedDict, total=False):
    make_driver: MakeDriver
    answer_checks: dict[str, AnswerCheck]


class PlanRuntime:
    """Runs plans.

    An async context manager: leaving it lets go of every run in order (what runs is interrupted and can be
    resumed) and ends every agent process. The seed's calls (`run_plan`, `resume_step_with_input`) also work
    without entering it; the runtime then lives for the length of the call.
    """

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
        self._runs: dict[str, Run] = {}
        self._agents: dict[str, Agent] = {}
        self._agent_lock = anyio.Lock()
        self._tasks: TaskGroup | None = None
        self._stop = anyio.Event()
        self._users = 0
        self._unused = anyio.Event()

    # -- life ----------------------------------------------------------------------------------

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

    # -- agents --------------------------------------------------------------------------------

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

    # -- runs ----------------------------------------------------------------------------------

    async def create_run(
        self,
        plan: PlanSpec,
        *,
        options: RunOptions | None = None,
        source: bytes = b"",
        source_name: str = "plan.json",
    ) -> Run:
        """Make a run of a plan, stored and owned by this process, not started yet.

        Raises:
            PlanInvalid: the plan's graph or ids are wrong.
            StoreError: the run id is taken, or the store cannot be written to.
        """
        options = options or self.options
        if options is None:
            raise ValueError("create_run needs options, or a runtime that was made with some")
        problems = [problem for problem in check_spec(plan) if problem.severity == "error"]
        if problems:
            raise PlanInvalid(problems)
        document = plan.to_json()
        created = self._created(
            options,
            title=plan.title,
            plan_id=plan.id,
            mode="serial" if options.mode == "serial" else plan.execution_mode,
            max_concurrency=max(1, options.max_concurrency),
        )
        planned = ev.PlanCreated(seq=2, at=created.at, run_id=created.run_id, plan=document)
        if not source:
            source = plan.model_dump_json(by_alias=True, exclude_unset=True, indent=2).encode()
        state = await self._store_new([created, planned], source, source_name)
        run = await self._serve(state)
        self._tell_sink([created, planned], run)
        return run

    async def create_workflow_run(
        self,
        loaded: LoadedWorkflow,
        *,
        options: RunOptions | None = None,
        args: Any = None,
        reuse_from: str | None = None,
    ) -> Run:
        """Make a run of a workflow, stored and owned by this process, not started yet.

        `args` is any JSON. `reuse_from` is an earlier run, of this script or of one like it: what it
        finished and is asked for again is taken over; see `reuse_forecast`. The number of agents at once is
        `options.workflow_concurrency`.

        Raises:
            PlanInvalid: the script has errors.
            ValueError: `args` is no JSON.
            RunNotFound, RunCorrupt: of `reuse_from`.
            StoreError: the run id is taken, or the store cannot be written to.
        """
        options = options or self.options
        if options is None:
            raise ValueError("create_workflow_run needs options, or a runtime that was made with some")
        loaded.require()
        try:
            args = msgspec.json.decode(msgspec.json.encode(args))
        except (TypeError, msgspec.EncodeError) as error:
            raise ValueError(f"a workflow's arguments must be JSON: {error}") from error
        earlier = await self.get_state(reuse_from) if reuse_from else None
        created = self._created(
            replace(options, source=options.source or loaded.file),
            kind="workflow",
            title=loaded.name,
            plan_id=loaded.plan_id,
            mode="serial" if options.mode == "serial" else "parallel",
            max_concurrency=options.workflow_concurrency or default_workflow_concurrency(),
        )
        begun = workflow_created(loaded, created, args, earlier)
        state = await self._store_new([created, begun], loaded.source, loaded.source_name)
        run = await self._serve_workflow(state, loaded, earlier)
        self._tell_sink([created, begun], run)
        return run

    async def reuse_forecast(self, run_id: str) -> Forecast:
        """What can be said before this run goes on, or a run is made with it as `reuse_from`.

        Raises:
            RunNotFound, RunCorrupt
        """
        return forecast(await self.get_state(run_id))

    def _created(self, options: RunOptions, **fields: Any) -> ev.RunCreated:
        return ev.RunCreated(
            seq=1,
            at=self._now(),
            run_id=options.run_id or self._new_run_id(),
            source=options.source,
            workspace=str(options.workspace.absolute()),
            agent=options.agent,
            model=options.model,
            budget_tokens=options.budget_tokens,
            budget_usd=options.budget_usd,
            budget_output_tokens=options.budget_output_tokens,
            settings=options.settings(),
            metadata=dict(options.metadata),
            **fields,
        )

    async def _store_new(self, events: list[ev.RuntimeEvent], source: bytes, source_name: str) -> RunState:
        state = fold(events)
        await self.store.create_run(run_info(state, state.created_at), source, source_name)
        await self.store.append(state.run_id, events, durable=True)
        return state

    async def _serve_workflow(self, state: RunState, loaded: LoadedWorkflow, earlier: RunState | None) -> Run:
        checks: dict[str, AnswerCheck] = {}
        make_driver = workflow_driver(state, loaded, earlier, checks)
        return await self._serve(state, make_driver=make_driver, answer_checks=checks)

    async def _serve_stored_workflow(self, state: RunState) -> Run:
        assert state.workflow is not None
        loaded = stored_workflow(state, *await self.store.source(state.run_id))
        earlier: RunState | None = None
        if state.workflow.reuse_from:
            try:
                earlier = await self.get_state(state.workflow.reuse_from)
            except StoreError as error:
                # what was taken over is stored with this run; the rest runs anew
                log.warning("results of run %s cannot be reused: %s", state.workflow.reuse_from, error)
        return await self._serve_workflow(state, loaded, earlier)

    async def open_run(self, run_id: str, *, changes: RunChanges | None = None) -> Run:
        """Take over a stored run: after a crash, or to answer, retry or go on. `Run.start` makes it move.

        Raises:
            RunNotFound, RunOwned, RunCorrupt, StoreError
        """
        known = self._runs.get(run_id)
        if known is not None:
            return known
        state = fold(await self.store.open_run(run_id))
        if not state.order and state.workflow is None:
            await self.store.close_run(run_id)
            raise RunNotFound(
                f"run {run_id} was cut off before it was whole; delete it, nothing of it had run"
            )
        try:
            if state.workflow is not None:
                run = await self._serve_stored_workflow(state)
            else:
                run = await self._serve(state)
            self._tell_sink([], run)
            await run.recover()
            if changes is not None:
                await self._change(run, changes)
        except BaseException:
            with anyio.CancelScope(shield=True):
                self._runs.pop(run_id, None)
                await self.store.close_run(run_id)
            raise
        return run

    async def _change(self, run: Run, changes: RunChanges) -> None:
        given = {
            "provider": changes.provider,
            "thinking": changes.thinking,
            "tools": list(changes.tools) if changes.tools is not None else None,
            "maxAgents": changes.max_agents,
            "maxItems": changes.max_items,
        }
        changed = {key: value for key, value in given.items() if value is not None}
        settings = {**run.state.settings, **changed}
        await run.configure(
            agent=changes.agent,
            model=changes.model,
            max_concurrency=changes.max_concurrency,
            budget_tokens=changes.budget_tokens,
            budget_usd=changes.budget_usd,
            budget_output_tokens=changes.budget_output_tokens,
            settings=settings if changed else None,
        )

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
        deliver = _Delivery(self._sink)
        for event in events:
            deliver(event)
        run.subscribe(deliver)
        self._tasks.start_soon(deliver.run_until, run.closed)

    # -- the seed's calls ----------------------------------------------------------------------

    async def run_plan(
        self,
        plan: PlanSpec,
        *,
        run_id: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        options: RunOptions | None = None,
    ) -> RunState:
        """Run a plan until it has ended or cannot go on without the user; see `RunState.status`.

        Raises:
            PlanInvalid, StoreError, as `create_run`.
        """
        options = options or self.options
        if options is None:
            raise ValueError("run_plan needs options, or a runtime that was made with some")
        changed: dict[str, Any] = {}
        if run_id is not None:
            changed["run_id"] = run_id
        if metadata is not None:
            changed["metadata"] = dict(metadata)
        async with self._open():
            run = await self.create_run(plan, options=replace(options, **changed))
            await run.start()
            return await run.wait()

    async def cancel_run(self, *, run_id: str, plan_id: str | None = None) -> PiPlanCancelResult:
        """Cancel a run. With `plan_id`, only if the run is of that plan.

        Raises:
            RunNotFound, RunOwned, StoreError
        """
        async with self._open():
            run = await self.open_run(run_id)
            if plan_id is not None and run.state.plan_id != plan_id:
                raise RunNotFound(f"run {run_id} is not of plan {plan_id} but of {run.state.plan_id}")
            return await run.cancel()

    async def resume_step_with_input(
        self, *, plan_id: str, step_id: str, values: Mapping[str, Any], run_id: str | None = None
    ) -> RunState:
        """Answer the question of a step that waits for the user, and go on until the run rests again.

        Without `run_id` the newest run of the plan in which that step waits is meant.

        Raises:
            AnswerInvalid: the values do not fit the question, which stays open.
            ControlRefused: the step does not wait for the user.
        """
        async with self._open():
            run = await self.open_run(run_id or await self._waiting_run(plan_id, step_id))
            step = run.state.steps.get(step_id)
            if step is None or not step.asks:
                raise ControlRefused(f"step {step_id!r} of run {run.id} does not wait for the user")
            await run.answer(step.asks[0], values, surface="script")
            await run.start()
            return await run.wait()

    async def _waiting_run(self, plan_id: str, step_id: str) -> str:
        for run in reversed(self._runs.values()):
            step = run.state.steps.get(step_id)
            if run.state.plan_id == plan_id and step is not None and step.asks:
                return run.id
        for info in await self.store.list_runs():
            if info.plan_id == plan_id and info.open_asks:
                step = (await self.get_state(info.run_id)).steps.get(step_id)
                if step is not None and step.asks:
                    return info.run_id
        raise ControlRefused(f"no run of plan {plan_id!r} waits for an answer at step {step_id!r}")

    async def get_state(self, run_id: str) -> RunState:
        """The state of a run: live when this runtime owns it, otherwise as it is stored.

        Raises:
            RunNotFound, RunCorrupt
        """
        known = self._runs.get(run_id)
        if known is not None:
            return known.state
        return fold([event async for event in self.store.read(run_id)])


class _Delivery:
    """Hands events to a host's sink, in order; a sink that fails is reported and does not stop the run."""

    def __init__(self, sink: Sink) -> None:
        self._emit: Callable[[ev.RuntimeEvent], Awaitable[None] | None]
        self._emit = sink if not hasattr(sink, "emit") else sink.emit
        self._waiting: list[Awaitable[None]] = []
        self._more = anyio.Event()

    def __call__(self, event: ev.RuntimeEvent) -> None:
        try:
            outcome = self._emit(event)
        except Exception:
            log.exception("the sink failed on %s", event.type)
            return
        if inspect.isawaitable(outcome):
            self._waiting.append(outcome)
            self._more.set()

    async def run_until(self, closed: anyio.Event) -> None:
        """Await what a coroutine sink gave, until the run is closed and everything is delivered."""
        async with anyio.create_task_group() as tasks:

            async def wake_at_end() -> None:
                await closed.wait()
                self._more.set()

            tasks.start_soon(wake_at_end)
            while not (closed.is_set() and not self._waiting):
                await self._more.wait()
                self._more = anyio.Event()
                waiting, self._waiting = self._waiting, []
                for outcome in waiting:
                    try:
                        await outcome
                    except Exception:
                        log.exception("the sink failed")
