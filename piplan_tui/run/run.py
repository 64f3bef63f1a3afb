"""One run: the door through which every fact goes in, and through which people steer it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import anyio
from anyio.abc import TaskGroup

from piplan_tui.agents.process import RUN_TOKEN
from piplan_tui.run import budget, retrying
from piplan_tui.run import events as ev
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.asks import InputRequest
from piplan_tui.run.attempts import Attempts
from piplan_tui.run.inbox import Inbox
from piplan_tui.run.journal import Journal
from piplan_tui.run.model import PiPlanCancelResult
from piplan_tui.run.plan_driver import PlanDriver
from piplan_tui.run.quota import Quota, QuotaPolicy
from piplan_tui.run.recovery import close_cancelled, recover
from piplan_tui.run.redact import Redactor
from piplan_tui.run.reduce import reduce
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run_info import run_info
from piplan_tui.run.state import TERMINAL, RunState, StepState
from piplan_tui.run.step_runner import StepExecutor
from piplan_tui.run.transcript import Transcripts
from piplan_tui.store.protocol import RuntimeStore, StoreError

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.05
"""How long an event or transcript line that nothing depends on may wait before others can read it."""
INFO_SECONDS = 2.0
"""How old the run's line in the list of runs may get while it is running."""

OnEvent = Callable[[ev.RuntimeEvent], None]
MakeDriver = Callable[[RunState, OnEvent, Journal, Attempts, TaskGroup], PlanDriver]
"""Makes what decides what may run next: from the state, the door for events, the store's, the attempts."""


def utc_now() -> datetime:
    return datetime.now(UTC)


class Run:
    """A run that this process owns.

    `state` is live: the reducer changes it in place with every event. Read it, never write it.
    """

    def __init__(
        self,
        state: RunState,
        *,
        store: RuntimeStore,
        executor: Callable[[Run], StepExecutor],
        sweep: Callable[[str], Any],
        now: Callable[[], datetime] = utc_now,
        make_driver: MakeDriver = PlanDriver,
        answer_checks: Mapping[str, AnswerCheck] | None = None,
        quota: QuotaPolicy | None = None,
    ) -> None:
        self.state = state
        self.answer_checks: Mapping[str, AnswerCheck] = {} if answer_checks is None else answer_checks
        """What a workflow's script wants checked of an answer beyond its schema, by step id."""
        self.now = now
        self.redactor = Redactor()
        self._store = store
        self._sweep = sweep
        self._journal = Journal(store, state.run_id, stored_seq=state.seq)
        attempts_dir = store.attempts_dir(state.run_id)
        self.transcripts = Transcripts(attempts_dir, self.redactor)
        self._quota = Quota(state, lambda event: self.emit(self.redactor.value(event)), now, quota)
        self._attempts = Attempts(
            state, self.emit, executor(self), self.transcripts, self.redactor, now, attempts_dir, self._quota
        )
        self._make_driver = make_driver
        self._driver: PlanDriver | None = None
        self._tasks: TaskGroup | None = None
        self._subscribers: list[OnEvent] = []
        self._inbox = Inbox(state, self.emit, self._attempts, self.redactor, now)
        self._dirty = anyio.Event()
        self._leaving = False
        self.closed = anyio.Event()
        """Set when the run's tasks have ended and nothing more will happen to it here."""

    @property
    def id(self) -> str:
        return self.state.run_id

    @property
    def token(self) -> str:
        """What marks the processes of this run: its id, made unique over all stores of a machine."""
        return f"{self.id}@{self.state.created_at.timestamp():.6f}"

    def environment(self) -> dict[str, str]:
        """What is added to the environment of its agents' processes: the mark, and the user's secrets."""
        return {RUN_TOKEN: self.token, **self.redactor.secrets}

    @property
    def problem(self) -> str:
        """What keeps the run from being stored or its transcripts from being kept; empty when all is well."""
        error = self._journal.error
        return str(error) if error is not None else self.transcripts.problem

    # -- the door ------------------------------------------------------------------------------

    def emit(self, event: ev.RuntimeEvent) -> None:
        """Make something a fact: number it, fold it into the state, queue it for the store, tell who listens."""
        state = self.state
        event.seq = state.seq + 1
        event.at = self.now()
        event.run_id = state.run_id or event.run_id
        reduce(state, event)
        self._journal.add(event)
        self._dirty.set()
        for on_event in self._subscribers:
            try:
                on_event(event)
            except Exception:
                # a listener's mistake must not change what happens to the run
                log.exception("a subscriber failed on %s", event.type)
        if type(event) in _AFTERWARDS:
            self._after(event)

    def _after(self, event: ev.RuntimeEvent) -> None:
        if isinstance(event, ev.StepWaitingUser | ev.AskOpened):
            self._watch_deadline(event.ask_id)
        elif isinstance(event, ev.AskAnswered | ev.AskWithdrawn):
            self._inbox.forget(event.ask_id)
        elif isinstance(event, ev.SessionUsage):
            self._check_budget()
        if self._driver is not None and isinstance(event, ev.AskOpened | ev.AskWithdrawn):
            self._driver.pump()
        if self._tasks is not None and isinstance(event, ev.AskOpened):
            # the user may write an answer now: the question must be there again, whatever happens
            self._tasks.start_soon(self._store_question)

    async def _store_question(self) -> None:
        try:
            await self._journal.sync()
        except StoreError as error:
            log.error("%s", error)  # the next step that needs the store stops the run

    def _watch_deadline(self, ask_id: str) -> None:
        ask = self.state.asks.get(ask_id)
        if ask is not None and self._tasks is not None:
            self._inbox.watch_deadline(ask, self._tasks, self._expire)

    def subscribe(self, on_event: OnEvent) -> Callable[[], None]:
        """Call `on_event` for every event from now on, after the state has changed; returns the way to stop.

        It is called on the event loop and must be quick.
        """
        self._subscribers.append(on_event)
        return lambda: self._subscribers.remove(on_event)

    # -- life ----------------------------------------------------------------------------------

    async def serve(self, ready: Callable[[], None]) -> None:
        """Hold the run's tasks until `leave`; `ready` is called once it can be used. `PlanRuntime` calls this."""
        try:
            async with anyio.create_task_group() as tasks:
                self._tasks = tasks
                driver = self._make_driver(self.state, self.emit, self._journal, self._attempts, tasks)
                self._driver = driver
                if driver.listens:
                    self.subscribe(driver.happened)
                tasks.start_soon(self._flush_often)
                tasks.start_soon(self._quota.watch, driver.pump)
                for ask_id in self.state.asks:
                    self._watch_deadline(ask_id)
                ready()
        finally:
            self.closed.set()

    async def recover(self) -> None:
        """Make sense of a state whose owner is gone: what ran is interrupted, what was cancelled stays so."""
        if self.state.status in ("running", "waiting_user", "interrupted") or self.state.cancelling:
            await self._sweep(self.token)
        recover(self.state, self.emit)
        await self._journal.sync()

    async def start(self) -> None:
        """Begin, or go on with, a run that is not running. Does nothing when it has ended.

        Raises:
            ControlRefused: its budget is spent.
        """
        driver = self._require_driver()
        if self.state.ended or driver.started:
            return
        if self.state.status == "pending":
            self.emit(ev.RunStarted(pid=_pid()))
        else:
            budget.refuse_when_spent(self.state)
            self.emit(ev.RunResumed(pid=_pid()))
        driver.started = True
        driver.pump()

    async def wait(self) -> RunState:
        """Return when the run has ended, or when nothing can move without the user (or it is paused and idle).

        Raises:
            StoreError: it stopped because its events cannot be stored.
        """
        driver = self._require_driver()
        while not driver.at_rest:
            await driver.changed.wait()
        if driver.halted is not None:
            raise driver.halted
        await self._journal.sync()
        await self._write_info()
        return self.state

    async def stored(self) -> None:
        """Return once all that happened so far would outlive this process.

        Raises:
            StoreError: it cannot be written.
        """
        await self._journal.sync(self.state.seq)

    async def leave(self) -> None:
        """Let go of the run in order: what runs is interrupted and can be resumed, the store is closed."""
        if self._leaving:
            return
        self._leaving = True
        driver = self._driver
        if driver is not None:
            driver.leaving = True
            await self._attempts.stop(list(self._attempts.active), "interrupt", by="owner")
        try:
            with anyio.CancelScope(shield=True):
                await self._store_the_rest()
        finally:
            # whatever became of the store, the tasks must end, or leaving would wait for them for ever
            if self._tasks is not None:
                self._tasks.cancel_scope.cancel()

    async def _store_the_rest(self) -> None:
        driver = self._driver
        try:
            try:
                if self.state.status == "running" and driver is not None and driver.started:
                    self.emit(ev.RunPaused(reason="left", by="owner"))
                await self._journal.sync()
                await self._journal.flush()
                await self.transcripts.flush()
                await self._write_info()
            finally:
                await self._store.close_run(self.id)
        except StoreError as error:
            log.error("%s", error)

    async def _flush_often(self) -> None:
        last_info, last_status = 0.0, ""
        while True:
            await self._dirty.wait()
            await anyio.sleep(FLUSH_SECONDS)
            self._dirty = anyio.Event()
            try:
                await self._journal.flush()
                await self.transcripts.flush()
                status = self.state.status
                if status != last_status or anyio.current_time() - last_info > INFO_SECONDS:
                    last_info, last_status = anyio.current_time(), status
                    await self._write_info()
            except StoreError as error:
                log.error("%s", error)

    async def _write_info(self) -> None:
        await self._store.write_info(run_info(self.state, self.now()))

    def _require_driver(self) -> PlanDriver:
        if self._driver is None or self._leaving:
            raise ControlRefused(f"run {self.id} is not open")
        return self._driver

    # -- steering ------------------------------------------------------------------------------

    async def cancel(self, *, by: str = "user", reason: str = "") -> PiPlanCancelResult:
        """End the run: no step starts any more, what runs is stopped, no process of it is left alive."""
        driver = self._require_driver()
        state = self.state
        if state.ended or state.cancelling:
            return PiPlanCancelResult(
                run_id=self.id, plan_id=state.plan_id, cancelled=False, status=state.status
            )
        self.emit(ev.RunCancelRequested(by=by, reason=reason))
        try:
            await self._journal.sync()
        except StoreError as error:
            log.error("%s", error)  # a full disk must not keep processes running
        open_steps = [step.id for step in state.order if step.status not in TERMINAL]
        await self._attempts.stop(list(self._attempts.active), "cancel", by)
        left = await self._sweep(self.token)
        close_cancelled(state, self.emit, by=by, open_steps=open_steps, processes_left=left)
        driver.pump()
        await self._journal.sync()
        await self._write_info()
        return PiPlanCancelResult(
            run_id=self.id,
            plan_id=state.plan_id,
            cancelled=True,
            status=state.status,
            cancelled_steps=tuple(open_steps),
            processes_left=left,
        )

    async def cancel_step(self, step_id: str, *, by: str = "user") -> None:
        """Stop one step; what depends on it is blocked, the rest goes on.

        Raises:
            ControlRefused: there is no such step, or it has already ended.
        """
        driver = self._require_driver()
        step = self._step(step_id)
        if step.status in TERMINAL:
            raise ControlRefused(f"step {step_id} is already {step.status}")
        if self._attempts.holds(step):
            await self._attempts.stop([step_id], "cancel", by)
        else:
            self._inbox.withdraw(step, "its step was cancelled")
            self.emit(self._step_cancelled(step, by))
        await self._journal.sync()
        driver.pump()

    @staticmethod
    def _step_cancelled(step: StepState, by: str, reason: str = "") -> ev.StepCancelled:
        number = step.attempt.number if step.attempt else 0
        return ev.StepCancelled(step_id=step.id, attempt=number, by=by, reason=reason)

    async def pause(self, *, reason: str = "", by: str = "user") -> None:
        """Start no new step. Steps that run go on to their end.

        Raises:
            ControlRefused: the run is not running.
        """
        driver = self._require_driver()
        if self.state.status not in ("running", "waiting_user"):
            raise ControlRefused(f"the run is {self.state.status}, so it cannot be paused")
        self.emit(ev.RunPaused(reason=reason, by=by))
        await self._journal.sync()
        driver.pump()

    async def resume(self) -> None:
        """Go on after a pause, or after the store could not write.

        Raises:
            ControlRefused: the run has ended, or its budget is spent.
            StoreError: it still cannot be written.
        """
        driver = self._require_driver()
        if driver.halted is not None:
            await self._journal.sync()
            driver.halted = None
        if not driver.started:
            await self.start()
            return
        if self.state.ended:
            raise ControlRefused(f"the run is {self.state.status}; retry a step to take it up again")
        if self.state.status == "paused":
            budget.refuse_when_spent(self.state)
            self.emit(ev.RunResumed(pid=_pid()))
        driver.pump()

    async def retry(
        self,
        step_ids: Sequence[str] = (),
        *,
        goal: str | None = None,
        agent: str | None = None,
        model: str | None = None,
        with_downstream: bool = False,
        by: str = "user",
    ) -> list[str]:
        """Try steps again, each as a new attempt; without ids, all that failed or were cancelled.

        Completed steps keep their results unless they are named here, or `with_downstream` is set and they
        depend on one that is. Returns the ids of the steps that will run again, in plan order.

        Raises:
            ControlRefused: a step is running, or there is nothing to try again.
        """
        driver = self._require_driver()
        chosen = [self._step(step_id) for step_id in step_ids]
        ordered = retrying.steps_to_retry(self.state, chosen, with_downstream=with_downstream)
        for step in ordered:
            if self._attempts.holds(step):
                raise ControlRefused(f"step {step.id} has a live question; answer it or stop it first")
        if self.state.ended:
            self.emit(ev.RunReopened(by=by))
        # from the end of the plan, so that no step looks ready before the one it needs is put back
        for step in reversed(ordered):
            self._inbox.withdraw(step, "its step is tried again")
            number = step.attempt.number if step.attempt else 0
            event = ev.StepRetried(step_id=step.id, attempt=number, by=by)
            if step in chosen or not chosen:
                event.goal, event.agent, event.model = goal, agent, model
            self.emit(event)
        await self._journal.sync()
        driver.pump()
        return [step.id for step in ordered]

    async def skip(self, step_id: str, *, by: str = "user") -> None:
        """Go on without a step: what depends on it may start, without its handoff.

        Raises:
            ControlRefused: it is running, completed or already skipped.
        """
        driver = self._require_driver()
        step = self._step(step_id)
        if step.status in ("completed", "reused", "skipped"):
            raise ControlRefused(f"step {step_id} is already {step.status}")
        if self._attempts.holds(step):
            raise ControlRefused(f"step {step_id} is {step.status}; stop it before it is skipped")
        if self.state.ended:
            self.emit(ev.RunReopened(by=by))
        self._inbox.withdraw(step, "its step was skipped")
        number = step.attempt.number if step.attempt else 0
        self.emit(ev.StepSkipped(step_id=step_id, attempt=number, by=by))
        await self._journal.sync()
        driver.pump()

    async def edit_step(self, step_id: str, goal: str, *, by: str = "user") -> None:
        """Give a step that has not been tried another goal, for this run only.

        Raises:
            ControlRefused: there is no such step, it has been tried already, or the goal is empty.
        """
        self._require_driver()
        step = self._step(step_id)
        if step.attempts or step.status not in ("pending", "queued", "blocked"):
            raise ControlRefused(
                f"step {step_id} is {step.status}; only a step that has not been tried is edited"
            )
        if not goal.strip():
            raise ControlRefused(f"step {step_id} needs a goal")
        self.emit(ev.StepEdited(step_id=step_id, attempt=0, goal=goal, by=by))
        await self._journal.sync()

    async def steer(self, step_id: str, text: str) -> bool:
        """Say something to the agent of a running step; false when it cannot be told anything now."""
        self._step(step_id)
        return await self._attempts.steer(step_id, text)

    async def configure(
        self,
        *,
        agent: str | None = None,
        model: str | None = None,
        max_concurrency: int | None = None,
        budget_tokens: int | None = None,
        budget_usd: float | None = None,
        budget_output_tokens: int | None = None,
        settings: dict[str, Any] | None = None,
    ) -> None:
        """Change the run's agent or limits for steps that start from now on."""
        changes = {
            "agent": agent,
            "model": model,
            "max_concurrency": max_concurrency,
            "budget_tokens": budget_tokens,
            "budget_usd": budget_usd,
            "budget_output_tokens": budget_output_tokens,
            "settings": settings,
        }
        if any(value is not None for value in changes.values()):
            self.emit(ev.RunConfigured(**changes))  # type: ignore[arg-type]  # one dict of differently typed values
            await self._journal.sync()

    def _step(self, step_id: str) -> StepState:
        step = self.state.steps.get(step_id)
        if step is None:
            raise ControlRefused(f"run {self.id} has no step {step_id!r}")
        return step

    # -- asks ----------------------------------------------------------------------------------

    def request(self, ask_id: str) -> InputRequest:
        """The open question as a form.

        Raises:
            ControlRefused: it is not open (any more).
        """
        return self._inbox.request(ask_id)

    async def answer(
        self,
        ask_id: str,
        values: Mapping[str, Any] | None = None,
        *,
        action: ev.AnswerAction = "accept",
        action_id: str = "",
        note: str = "",
        by: ev.AnsweredBy = "human",
        surface: str = "",
    ) -> None:
        """Answer an open question, from whatever door; the answer is durable when this returns.

        Raises:
            AnswerInvalid: the values do not fit the question; it stays open.
            ControlRefused: the question is not open.
        """
        driver = self._require_driver()
        self._inbox.answer(
            ask_id, values or {}, action=action, action_id=action_id, note=note, by=by, surface=surface
        )
        await self._journal.sync()
        await self.save_draft(ask_id, None)
        driver.pump()

    async def answer_with_defaults(self, ask_id: str, *, by: ev.AnsweredBy = "default") -> bool:
        """Answer with the fields' own defaults; false (and nothing done) when a required field has none."""
        defaults = self._inbox.defaults(ask_id)
        if defaults is None:
            return False
        await self.answer(ask_id, defaults, by=by, surface="script")
        return True

    async def _expire(self, ask_id: str, then: str) -> None:
        if then == "defaults" and await self.answer_with_defaults(ask_id, by="timeout"):
            return
        if then == "fail":
            step_id = self.state.asks[ask_id].step_id
            await self.fail_waiting(step_id, "the question was not answered in time", by="timeout")
        elif then == "decline":
            await self.answer(ask_id, action="decline", by="timeout", surface="script")
        else:
            await self.answer(ask_id, action="expire", by="timeout", surface="script")

    async def fail_waiting(self, step_id: str, reason: str, *, by: str = "policy") -> None:
        """Fail a step that waits for the user, because nobody is going to answer.

        Raises:
            ControlRefused: the step does not wait for the user.
        """
        driver = self._require_driver()
        step = self._step(step_id)
        if step.status != "waiting_user":
            raise ControlRefused(f"step {step_id} does not wait for an answer; it is {step.status}")
        await self._attempts.stop([step_id], "cancel", by)
        self._inbox.withdraw(step, reason)
        number = step.attempt.number if step.attempt else 0
        self.emit(ev.StepFailed(step_id=step_id, attempt=number, error=reason, kind="unanswered"))
        await self._journal.sync()
        driver.pump()

    async def save_draft(self, ask_id: str, draft: dict[str, Any] | None) -> None:
        """Keep a half-written answer; it is there again after a crash. `None` forgets it."""
        await self._store.save_draft(self.id, ask_id, draft)

    async def load_draft(self, ask_id: str) -> dict[str, Any] | None:
        return await self._store.load_draft(self.id, ask_id)

    # -- limits and liveness -------------------------------------------------------------------

    def last_activity(self, step_id: str) -> datetime | None:
        """When the running attempt of a step last said anything; `None` when none runs or it said nothing."""
        active = self._attempts.active.get(step_id)
        return active.last_said if active is not None else None

    def _check_budget(self) -> None:
        if (
            self.state.status in ("running", "waiting_user")
            and (spent := budget.spent(self.state)) is not None
        ):
            self.emit(spent)
            self.emit(ev.RunPaused(reason=self.state.reason, by="budget"))


_AFTERWARDS = {
    ev.StepWaitingUser,
    ev.AskOpened,
    ev.AskAnswered,
    ev.AskWithdrawn,
    ev.SessionUsage,
}


def _pid() -> int:
    return os.getpid()
