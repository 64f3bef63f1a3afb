"""One run that this process owns: from taking it up to letting go of it."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

import anyio

from piplan_tui.run import budget
from piplan_tui.run import events as ev
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.recovery import recover
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run_asks import RunAsks
from piplan_tui.run.run_steering import RunSteering
from piplan_tui.run.state import RunState
from piplan_tui.store.protocol import StoreError

log = logging.getLogger(__name__)

FLUSH_SECONDS = 0.05
"""How long an event or transcript line that nothing depends on may wait before others can read it."""
_STOP = "stop"
"""The answer to a question of the run itself that ends it."""
INFO_SECONDS = 2.0
"""How old the run's line in the list of runs may get while it is running."""


class Run(RunSteering, RunAsks):
    """A run that this process owns.

    `state` is live: the reducer changes it in place with every event. Read it, never write it.
    """

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
            ControlRefused: the run is not open.
        """
        driver = self._require_driver()
        if self.state.ended or driver.started:
            return
        await driver.say_what_is_reused()
        if self.state.status == "pending":
            self.emit(ev.RunStarted(pid=os.getpid()))
        else:
            self.emit(ev.RunResumed(pid=os.getpid()))
            # asked again here, and not refused: whoever takes the run up sees the question
            budget.pause_when_spent(self.state, self.emit)
        driver.started = True
        driver.pump()

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
            budget.refuse_when_spent(self.state, self.emit)
            self.emit(ev.RunResumed(pid=os.getpid()))
        driver.pump()

    async def wait(self) -> RunState:
        """Return when the run has ended, or when nothing can move without the user (or it is paused and idle).

        Raises:
            StoreError: it stopped because its events, or the files that a step leaves, cannot be written.
        """
        driver = self._require_driver()
        while not driver.at_rest:
            await driver.changed.wait()
        if (problem := driver.problem) is not None:
            raise problem
        await self._journal.sync()
        await self._write_info()
        return self.state

    async def until_storable(self) -> None:
        """Return once a run that stopped because it could not be stored goes on; see `problem`."""
        driver = self._require_driver()
        while driver.problem is not None:
            await driver.changed.wait()

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
                state = self.state
                # a question may have been answered, or its step stopped, in a run that was not started
                waits_for_nothing = state.status == "waiting_user" and not state.asks
                moves = state.status == "running" and driver is not None and driver.started
                if moves or waits_for_nothing:
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

    def _after(self, event: ev.RuntimeEvent) -> None:
        if type(event) not in _AFTERWARDS:
            return
        if isinstance(event, ev.StepWaitingUser | ev.AskOpened):
            self._watch_deadline(event.ask_id)
        elif isinstance(event, ev.AskAnswered | ev.AskWithdrawn):
            self._inbox.forget(event.ask_id)
            if isinstance(event, ev.AskAnswered) and not event.step_id:
                self._go_on_after(event)
        elif isinstance(event, ev.RunConfigured):
            budget.settle_questions(self.state, self.emit)
        elif isinstance(event, ev.SessionUsage):
            budget.pause_when_spent(self.state, self.emit)
        moves = isinstance(event, ev.AskOpened | ev.AskWithdrawn)
        if self._driver is not None and (
            moves or (isinstance(event, ev.AskAnswered) and event.by == "timeout")
        ):
            self._driver.pump()
        if self._tasks is not None and isinstance(event, ev.AskOpened | ev.RunAsked):
            # the user may write an answer now: the question must be there again, whatever happens
            self._tasks.start_soon(self._store_question)

    def _go_on_after(self, answered: ev.AskAnswered) -> None:
        """The run's own question was answered; what that means for its limits the reducer knows."""
        state = self.state
        held = state.status == "waiting_user" or (state.status == "paused" and state.paused_by == "budget")
        goes_on = answered.action == "accept" and answered.values.get("decision") != _STOP
        if held and goes_on and self._driver is not None and self._driver.started:
            over = budget.spent(state)
            if over is None:
                self.emit(ev.RunResumed(pid=os.getpid()))
            else:  # another limit is reached too
                budget.ask(state, self.emit, over)

    async def _own_question_answered(
        self, ask: AskState, action: ev.AnswerAction, values: Mapping[str, Any], by: ev.AnsweredBy
    ) -> None:
        # to go on with a large fan-out somebody must say so; a budget may be left as it is
        stops = values.get("decision") == _STOP if action == "accept" else ask.kind == "fanOut"
        if stops:
            reason = "stopped at its budget" if ask.kind == "budget" else "stopped before a large fan-out"
            await self.cancel(by=by if by != "human" else "user", reason=reason)

    async def _store_question(self) -> None:
        try:
            await self._journal.sync()
        except StoreError as error:
            log.error("%s", error)  # the next step that needs the store stops the run

    def _watch_deadline(self, ask_id: str) -> None:
        ask = self.state.asks.get(ask_id)
        if ask is not None and self._tasks is not None:
            self._inbox.watch_deadline(ask, self._tasks, self._expire)

    def last_activity(self, step_id: str) -> datetime | None:
        """When the running attempt of a step last said anything; `None` when none runs or it said nothing."""
        active = self._attempts.active.get(step_id)
        return active.last_said if active is not None else None


_AFTERWARDS = {
    ev.StepWaitingUser,
    ev.AskOpened,
    ev.RunAsked,
    ev.AskAnswered,
    ev.AskWithdrawn,
    ev.SessionUsage,
    ev.RunConfigured,
}
"""Events that this process does something because of."""
