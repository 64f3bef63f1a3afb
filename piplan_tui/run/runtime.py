"""The runtime that a host application embeds: it owns the runs, the agents and every process of theirs."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import msgspec

from piplan_tui.agents.protocol import Agent
from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.plan.rules import check_spec
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.before_start import LOOK_SECONDS, Outlook, outlook
from piplan_tui.run.model import PiPlanCancelResult
from piplan_tui.run.options import RunChanges, RunOptions
from piplan_tui.run.reduce import fold
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.reuse import Forecast, forecast
from piplan_tui.run.run import Run
from piplan_tui.run.run_info import run_info
from piplan_tui.run.runtime_life import RuntimeLife
from piplan_tui.run.state import RUN_ENDED, RunState
from piplan_tui.run.stored_state import fold_stored, stored_state
from piplan_tui.run.workflow_run import (
    default_workflow_concurrency,
    stored_workflow,
    workflow_created,
    workflow_driver,
)
from piplan_tui.store.protocol import RunNotFound, StoreError
from piplan_tui.workflow.load import LoadedWorkflow

log = logging.getLogger(__name__)


class PlanRuntime(RuntimeLife):
    """Runs plans.

    An async context manager: leaving it lets go of every run in order (what runs is interrupted and can be
    resumed) and ends every agent process. The calls that stand alone (`run_plan`, `cancel_run`,
    `resume_step_with_input`) also work without entering it; the runtime then lives for the length of the call.
    """

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
        source_name, source = await self.store.source(state.run_id)
        loaded = await anyio.to_thread.run_sync(stored_workflow, state, source_name, source)
        earlier: RunState | None = None
        if state.workflow.reuse_from:
            try:
                earlier = await self.get_state(state.workflow.reuse_from)
            except StoreError as error:
                # what was taken over is stored with this run; the rest runs anew
                log.warning("results of run %s cannot be reused: %s", state.workflow.reuse_from, error)
        return await self._serve_workflow(state, loaded, earlier)

    async def open_run(self, run_id: str, *, changes: RunChanges | None = None) -> Run:
        """Take over a stored run: after a crash, or to answer, retry or go on.

        It stands still until `Run.start`, which may come before or after an answer or a retry.

        Raises:
            RunNotFound, RunOwned, RunCorrupt, StoreError
        """
        known = self._runs.get(run_id)
        if known is not None:
            return known
        events = await self.store.open_run(run_id)
        try:
            state = await fold_stored(self.store, run_id, events)
            if not state.order and state.workflow is None:
                raise RunNotFound(
                    f"run {run_id} was cut off before it was whole; delete it, nothing of it had run"
                )
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
            "askAgents": changes.ask_agents,
            "demoPace": changes.demo_pace,
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

    # -- calls that stand alone ----------------------------------------------------------------

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

    async def outlook(self, state: RunState) -> Outlook:
        """What would keep steps of a run in this state from starting here and now: agents and folders not there.

        Looked up beside the loop, in bounded time; see `piplan_tui.run.before_start.planned` for the state of a
        run that is not made yet.
        """
        with anyio.move_on_after(LOOK_SECONDS):
            return await anyio.to_thread.run_sync(outlook, state, self._known_agent, abandon_on_cancel=True)
        return Outlook()

    def _known_agent(self, name: str) -> Agent:
        return self._agents.get(name) or self._make_agent(name)

    async def going_on_beside(self, plan: PlanSpec, workspace: Path) -> str | None:
        """The id of a run of a plan of this id that is going on in this workspace, in whatever process.

        Both would write their handoff files to the same folders, each over the other's.
        """
        for info in await self.store.list_runs():
            same = info.plan_id == plan.id and info.workspace == str(workspace)
            if same and info.status not in RUN_ENDED and await self.store.owner(info.run_id) is not None:
                return info.run_id
        return None

    async def get_state(self, run_id: str) -> RunState:
        """The state of a run: live when this runtime owns it, otherwise as it is stored.

        Raises:
            RunNotFound, RunCorrupt
        """
        known = self._runs.get(run_id)
        if known is not None:
            return known.state
        return await stored_state(self.store, run_id)
