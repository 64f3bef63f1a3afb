"""Decides what may run next in a workflow: what its script asks for.

An agent call is a step that depends on nothing. It is started, counted, limited, stopped and stored in the
same way as a plan's; only what ends the run differs: the script does, by returning or by raising.

The script runs anew whenever the run is taken up again, and gets the results of calls that have one at once.
A call that failed is tried again then; one that the user stopped or skipped stays so.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
from anyio.abc import TaskGroup
from pydantic_core import to_jsonable_python

from piplan_tui.run import events as ev
from piplan_tui.run.agent_definitions import AgentDefinitions
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.attempts import Attempts
from piplan_tui.run.call import AgentCall, call_key, step_id_for, unknown_tier
from piplan_tui.run.fan_out import LARGE, beyond_budget, fan_out_request, project, wants_asking
from piplan_tui.run.journal import Journal
from piplan_tui.run.nested import FindScript, MakeScript, NestedScripts, Script
from piplan_tui.run.plan_driver import PlanDriver
from piplan_tui.run.rehearsal import Rehearsal
from piplan_tui.run.reuse import Reuse
from piplan_tui.run.state import SATISFIED, TERMINAL, RunState, StepState
from piplan_tui.run.workflow_host import RunHost
from piplan_tui.workflow.agent_types import AgentType
from piplan_tui.workflow.host import (
    AgentLimitReached,
    ScriptFailed,
    ScriptMistake,
    WorkflowStop,
)

log = logging.getLogger(__name__)

MAX_AGENTS = 1_000
MAX_ITEMS = 4_096
QUIET_SECONDS = 0.02
"""How long nothing must happen before the run says that it waits for the user: only the script knows whether it
is about to make another call."""

_NOT_WORTH_A_RETRY = frozenset({"missing", "unusable", "auth", "unanswered", "internal"})
_BY_ITSELF = frozenset({"policy", "resume"})


class WorkflowDriver(PlanDriver):
    """Runs a script and the steps that it asks for."""

    listens = True

    def __init__(
        self,
        state: RunState,
        emit: ev.OnEvent,
        journal: Journal,
        attempts: Attempts,
        tasks: TaskGroup,
        *,
        script: Script,
        find_script: FindScript,
        make_script: MakeScript,
        reuse: Reuse,
        checks: dict[str, AnswerCheck],
    ) -> None:
        super().__init__(state, emit, journal, attempts, tasks)
        self._script = script
        self._scripts = NestedScripts(state, self.say, find_script, make_script)
        self._asking = anyio.Event()
        self._unclaimed = 0
        self._held = 0
        self._reuse = reuse
        self._checks = checks
        self._by_call = {call_key(step): step for step in state.order}
        self._used_names: dict[str, int] = {}
        self._said_tiers: set[str] = set()
        self._definitions = AgentDefinitions(Path(state.workspace), self.say)
        self._waiting: dict[str, anyio.Event] = {}
        self._scope: anyio.CancelScope | None = None
        self._stopped = False
        self._again = False
        self._taken_up_by_user = False
        self._keep_failed: frozenset[str] = frozenset()
        self._saying_waiting = False

    @property
    def state(self) -> RunState:
        return self._state

    @property
    def max_items(self) -> int:
        """How many items one fan-out may have."""
        return int(self._state.settings.get("maxItems", MAX_ITEMS))

    @property
    def nested(self) -> Callable[[str], Awaitable[Script]]:
        """Finds another workflow by name."""
        return self._scripts.called

    def say(self, event: ev.RuntimeEvent) -> None:
        """Make something that the script did a fact, unless the script is to have no effect any more."""
        if not self._over():
            self._emit(event)

    # -- the script ----------------------------------------------------------------------------

    def happened(self, event: ev.RuntimeEvent) -> None:
        if isinstance(event, ev.AskAnswered | ev.AskWithdrawn) and not event.step_id:
            asking, self._asking = self._asking, anyio.Event()
            asking.set()
        elif isinstance(event, ev.RunCancelRequested):
            self._stop_script()
        elif isinstance(event, ev.RunReopened):
            self._taken_up_by_user = True
        elif isinstance(event, ev.StepRetried):
            if event.by not in _BY_ITSELF and event.step_id not in self._waiting:
                # the script has gone on without this result, so it must be run again to get the new one
                self._taken_up_by_user = True
                self._again = self._scope is not None
        elif isinstance(event, ev.StepEvent):
            waiting = self._waiting.get(event.step_id)
            if waiting is not None and self._state.steps[event.step_id].status in TERMINAL:
                waiting.set()

    def pump(self) -> None:
        if self._scope is None:
            self._begin_script()
        elif self._again:
            self._stop_script()
        super().pump()

    def _begin_script(self) -> None:
        state = self._state
        if not self.started or self._over() or state.status not in ("running", "waiting_user"):
            return
        self._again = self._stopped = False
        failed = (
            [step.id for step in state.order if step.status == "failed"] if self._taken_up_by_user else []
        )
        self._keep_failed = frozenset(failed)
        self._unclaimed = state.done + self._reuse.left
        self._taken_up_by_user = False
        self._scope = anyio.CancelScope()
        self._tasks.start_soon(self._run_script, self._scope)

    def _stop_script(self) -> None:
        if self._scope is not None:
            self._stopped = True
            self._scope.cancel()

    async def _run_script(self, scope: anyio.CancelScope) -> None:
        ending: ev.RunCompleted | ev.RunFailed | None = None
        with scope:
            ending = await self._ending()
        if ending is not None and not self._stopped and not self._over():
            await self._drop_open_steps()
            if not self._over() and not self._stopped:
                if isinstance(ending, ev.RunFailed):
                    ending.failed_steps = [step.id for step in self._state.order if step.status == "failed"]
                self._emit(ending)
                self._sync_soon()
        self._scope = None
        self.pump()

    async def _ending(self) -> ev.RunCompleted | ev.RunFailed:
        host = RunHost(self, self._state.workflow.args if self._state.workflow else None)
        try:
            value = await self._script(host)
        except ScriptFailed as error:
            return ev.RunFailed(reason=str(error))
        except (WorkflowStop, ScriptMistake) as error:
            return ev.RunFailed(reason=str(error) or "the script was stopped")
        except Exception as error:
            # the script is somebody else's code
            log.exception("the script of run %s ended with an unexpected error", self._state.run_id)
            return ev.RunFailed(reason=f"the script failed: {type(error).__name__}: {error}")
        try:
            return ev.RunCompleted(result=to_jsonable_python(value, fallback=str))
        except Exception as error:
            # so are the objects that it returns
            return ev.RunFailed(reason=f"what the script returned cannot be kept as JSON: {error}")

    async def _drop_open_steps(self) -> None:
        """What the script started and did not wait for is stopped: nobody would take its result."""
        state = self._state
        unwanted = [step for step in state.order if step.status not in TERMINAL]
        if not unwanted:
            return
        reason = "the script ended without waiting for this call"
        held = [step.id for step in unwanted if self._attempts.holds(step)]
        for step in unwanted:
            if not self._attempts.holds(step):
                self._attempts.withdraw_asks(step, reason)
                self._emit(
                    ev.StepCancelled(
                        step_id=step.id, attempt=step.attempt_number, by="workflow", reason=reason
                    )
                )
        await self._attempts.stop(held, "cancel", "workflow")

    def _over(self) -> bool:
        state = self._state
        return self.leaving or state.cancelling or state.ended

    # -- calls ---------------------------------------------------------------------------------

    async def result_of(self, call: AgentCall, place: str, check: AnswerCheck | None) -> Any:
        """Make the call a step, or find the step that it was, and give its result once it has one.

        Raises:
            AgentLimitReached: the run has as many steps as it may.
        """
        is_new = (call.key, place) not in self._by_call
        kind = await self._definitions.named(call.agent_type) if is_new and call.agent_type else None
        if self._over() or self._stopped:
            # the script's scope is cancelled, or about to be
            await anyio.sleep_forever()
        step = self._by_call.get((call.key, place))
        if step is None:
            step = self._by_call[call.key, place] = self._create(call, place, kind)
        elif step.status == "failed" and step.id not in self._keep_failed:
            self._try_again(step, "resume")
        if step.status in SATISFIED:
            self._unclaimed -= 1
        if check is not None:
            self._checks[step.id] = check
        if step.status not in TERMINAL:
            await self._until_ended(step, call.retries)
        if step.status not in ("completed", "reused"):
            return None
        return step.value["value"] if call.wrapped and isinstance(step.value, dict) else step.value

    def _create(self, call: AgentCall, place: str, kind: AgentType | None) -> StepState:
        state = self._state
        limit = int(state.settings.get("maxAgents", MAX_AGENTS))
        if len(state.order) >= limit:
            raise AgentLimitReached(
                f"the run has made {limit:,} agent calls, as many as it may; raise --max-agents and retry it to go on"
            )
        step_id = step_id_for(call, state.steps, self._used_names)
        document = call.document(place, kind)
        self._emit(ev.StepCreated(step_id=step_id, document=document))
        step = state.steps[step_id]
        if (tier := unknown_tier(state, step)) and tier not in self._said_tiers:
            self._said_tiers.add(tier)
            own = f"the run's own model{f' ({state.model})' if state.model else ''}"
            self._emit(
                ev.Logged(
                    message=f"the script asks for the model {tier!r}, which takes {own}; "
                    f"[models] in the config file can say which one it is"
                )
            )
        earlier = self._reuse.take(call.key, place)
        if earlier is not None:
            run_id = self._reuse.run_id
            summary = earlier.attempt.summary if earlier.attempt else ""
            self._emit(
                ev.StepReused(
                    step_id=step_id,
                    from_run=run_id,
                    from_step=earlier.id,
                    value=earlier.value,
                    summary=summary,
                )
            )
        return step

    # -- large fan-outs ------------------------------------------------------------------------

    async def agree(self, items: int, calls: int, place: str) -> None:
        """Return when a fan-out may begin. A large one is shown, and where the user is there, asked about."""
        state = self._state
        ahead = project(state, items, max(0, calls - self._unclaimed))
        if place in state.agreed:
            return
        if not wants_asking(state, ahead):
            if ahead.calls >= LARGE:
                short = beyond_budget(state, ahead)
                self.say(ev.Logged(message=f"{ahead}{f'; only {short}' if short else ''}"))
            return
        if not any(ask.kind == "fanOut" and ask.about == place for ask in state.asks.values()):
            ask_id = f"fan-out-{state.seq + 1}"
            request = fan_out_request(state, ahead)
            self.say(ev.RunAsked(ask_id=ask_id, kind="fanOut", about=place, request=request))
        self._held += 1
        try:
            while place not in state.agreed:
                self.pump()
                await self._asking.wait()
        finally:
            self._held -= 1

    # -- what will be reused -------------------------------------------------------------------

    async def say_what_is_reused(self) -> None:
        if self._reuse.left <= 0 and not self._state.done:
            return
        copy = self._reuse.copy()

        def take(key: str, place: str) -> StepState | None:
            known = self._by_call.get((key, place))
            if known is not None:
                return known if known.status in SATISFIED or known.status == "cancelled" else None
            return copy.take(key, place)

        forecast = await Rehearsal(self._state, take, self._scripts.rehearsed, self.max_items).forecast(
            self._script
        )
        self._emit(ev.Logged(message=str(forecast)))

    async def _until_ended(self, step: StepState, retries: int) -> None:
        try:
            while True:
                ended = self._waiting[step.id] = anyio.Event()
                self.pump()
                await ended.wait()
                failed = step.status == "failed"
                if failed and retries > 0 and step.attempt and self._worth_a_retry(step.attempt.error_kind):
                    retries -= 1
                    self._try_again(step, "policy")
                if step.status in TERMINAL:
                    return
        finally:
            self._waiting.pop(step.id, None)

    @staticmethod
    def _worth_a_retry(kind: str) -> bool:
        return kind not in _NOT_WORTH_A_RETRY

    def _try_again(self, step: StepState, by: str) -> None:
        self._emit(ev.StepRetried(step_id=step.id, attempt=step.attempt_number, by=by))

    # -- coming to rest ------------------------------------------------------------------------

    @property
    def at_rest(self) -> bool:
        return super().at_rest and not (self._state.ended and self._scope is not None)

    def _settle(self) -> None:
        if self._waits_for_user() and not self._saying_waiting:
            self._saying_waiting = True
            self._tasks.start_soon(self._say_waiting)
        if self.at_rest:
            self._fire()

    def end_if_over(self) -> None:
        """Only its script can tell whether there is more to do, once it runs again."""

    def _waits_for_user(self) -> bool:
        state = self._state
        counts = state.counts
        return bool(
            self.started
            and not self._over()
            and self.halted is None
            and state.status == "running"
            and not state.slots_used
            and not counts.get("queued")
            and ((counts.get("waiting_user") and self._waiting) or self._held)
        )

    async def _say_waiting(self) -> None:
        seq = -1
        try:
            while self._waits_for_user() and seq != self._state.seq:
                seq = self._state.seq
                await anyio.sleep(QUIET_SECONDS)
        finally:
            self._saying_waiting = False
        if self._waits_for_user():
            self._emit(ev.RunWaitingUser(ask_ids=list(self._state.asks)))
            self._settle()
