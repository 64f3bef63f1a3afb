"""Decides what may run next in a plan, and when the run has ended.

It keeps no list of its own: which steps are ready, which hold a slot and what is left is in the state, which
the events have just changed. A step costs the same however many there are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import anyio
from anyio.abc import TaskGroup

from piplan_tui.run import budget
from piplan_tui.run import events as ev
from piplan_tui.run.attempts import Attempts
from piplan_tui.run.journal import Journal
from piplan_tui.run.model import StepJob
from piplan_tui.run.state import RunState, StepState
from piplan_tui.store.protocol import StoreError

Taken = tuple[StepState, StepJob]


class _IdleWorker:
    """Where a worker waits for its next step."""

    def __init__(self) -> None:
        self._taken: Taken | None = None
        self._wake = anyio.Event()

    def give(self, taken: Taken) -> None:
        self._taken = taken
        self._wake.set()

    async def given(self) -> Taken:
        await self._wake.wait()
        assert self._taken is not None
        return self._taken


TRY_AGAIN_SECONDS = 1.0
"""How often a run that could not be stored looks whether it can be now."""


class PlanDriver:
    """Starts ready steps while there are slots. `changed` is fired whenever it comes to rest."""

    listens: ClassVar[bool] = False
    """Whether the run is to tell it of every event, by `happened`."""

    def __init__(
        self,
        state: RunState,
        emit: ev.OnEvent,
        journal: Journal,
        attempts: Attempts,
        tasks: TaskGroup,
    ) -> None:
        self._state = state
        self._emit = emit
        self._journal = journal
        self._attempts = attempts
        self._tasks = tasks
        attempts.use(tasks.start_soon, self._held_up)
        self.halted: StoreError | None = None
        """Why no step starts although the run is not paused: what happened could not be stored."""
        self.started = False
        self.leaving = False
        self.changed = anyio.Event()
        self._syncing = False
        self._idle: list[_IdleWorker] = []

    async def say_what_is_reused(self) -> None:
        """Before it starts: what it will take over and what it will run, where that is not plain to see."""

    def happened(self, event: ev.RuntimeEvent) -> None:
        """An event was folded into the state. Must be quick."""

    @property
    def problem(self) -> StoreError | None:
        """Why no step starts although the run is not paused: its events or a step's files cannot be written."""
        if self.halted is None and self._attempts.held_up:
            return StoreError(next(iter(self._attempts.held_up.values())))
        return self.halted

    # -- starting steps ------------------------------------------------------------------------

    def pump(self) -> None:
        """Start what may start. Call it after anything that may have freed a slot or a step."""
        self._hand_out()
        self._settle()

    def _hand_out(self) -> None:
        while (taken := self._take()) is not None:
            if self._idle:
                self._idle.pop().give(taken)
            else:
                self._tasks.start_soon(self._work, taken)

    def _take(self) -> Taken | None:
        """The next step to run, begun; `None` when nothing may start now."""
        state = self._state
        while self.started and not self.leaving and self.problem is None and not state.cancelling:
            if state.status not in ("running", "waiting_user") or state.slots_used >= state.slots:
                return None
            step = state.first_ready()
            if step is None or budget.pause_when_spent(state, self._emit):
                return None
            if step.queued_seq > self._journal.durable_seq:
                # what made it ready could still be forgotten by a crash, and would then be done again
                self._sync_soon(step.queued_seq)
                return None
            if self._attempts.holds(step):
                self._attempts.resume_held(step)
                self._tasks.start_soon(self._attempts.deliver_replies, step.id)
                continue
            route = self._attempts.route(step)
            if route is None:
                state.set_aside(step)
                continue
            return step, self._attempts.begin(step, route)
        return None

    async def _work(self, taken: Taken) -> None:
        """One worker: sees a step through, then takes the next; while there is none it waits to be given one.

        Waiting costs a fraction of a new task, and there are never more workers than there were slots in use.
        """
        while True:
            await self._attempts.see_through(*taken)
            try:
                await self._journal.sync()
            except StoreError as error:
                self._halt(error)
            another = self._take()
            if another is not None:
                taken = another
                self._hand_out()
                continue
            idle = _IdleWorker()
            self._idle.append(idle)
            self._settle()
            taken = await idle.given()

    def _sync_soon(self, up_to: int = 0) -> None:
        if not self._syncing:
            self._syncing = True
            self._tasks.start_soon(self._sync_and_pump, up_to)

    async def _sync_and_pump(self, up_to: int) -> None:
        try:
            await self._journal.sync(up_to)
        except StoreError as error:
            self._halt(error)
            return
        finally:
            self._syncing = False
        self.pump()

    def _halt(self, error: StoreError) -> None:
        if self.halted is None:
            self._tasks.start_soon(self._until_stored)
        self.halted = error
        self._fire()

    async def _until_stored(self) -> None:
        """Try again now and then: the user may have made room meanwhile, and then the run goes on."""
        while self.halted is not None and not self.leaving:
            await anyio.sleep(TRY_AGAIN_SECONDS)
            try:
                await self._journal.sync()
            except StoreError as error:
                self.halted = error
            else:
                self.halted = None
        self._fire()
        self.pump()

    def _held_up(self) -> None:
        self._fire()
        self.pump()

    # -- coming to rest ------------------------------------------------------------------------

    @property
    def at_rest(self) -> bool:
        """Nothing runs, and nothing can start by itself."""
        state = self._state
        if state.ended:
            return not self._attempts.active
        if state.slots_used > len(self._attempts.held_up) or state.cancelling:
            return False
        if self.problem is not None or not self.started:
            return True
        if state.status == "waiting_user":
            return not state.counts.get("queued")
        return state.status in ("paused", "interrupted", "pending")

    def _settle(self) -> None:
        state = self._state
        resting = self.started and not self.leaving and not state.cancelling and not state.ended
        if resting and not state.slots_used and self.halted is None:
            counts = state.counts
            if not any(counts.get(status) for status in ("pending", "queued", "waiting_user")):
                self._finish()
            elif counts.get("waiting_user") and not counts.get("queued") and state.status == "running":
                self._emit(ev.RunWaitingUser(ask_ids=list(state.asks)))
        if self.at_rest:
            self._fire()

    def end_if_over(self) -> None:
        """End a run that was taken up and does not move, when nothing of it is left to go on with."""
        state = self._state
        moves = self.started or self.leaving or state.cancelling or state.slots_used
        left = (state.counts.get("pending"), state.counts.get("queued"), state.counts.get("waiting_user"))
        if not (moves or state.ended or state.status == "pending" or any(left)):
            self._finish()

    def _finish(self) -> None:
        state = self._state
        counts = state.counts
        if counts.get("failed"):
            failed = [step for step in state.order if step.status == "failed"]
            first = failed[0]
            error = first.attempt.error if first.attempt else ""
            more = f" ({len(failed) - 1} more failed)" if len(failed) > 1 else ""
            reason = f"step {first.id} failed: {error}{more}"
            self._emit(ev.PlanFailed(plan_id=state.plan_id, reason=reason))
            self._emit(ev.RunFailed(reason=reason, failed_steps=[step.id for step in failed]))
        elif counts.get("cancelled"):
            cancelled = next(step for step in state.order if step.status == "cancelled")
            self._emit(ev.PlanCancelled(plan_id=state.plan_id))
            self._emit(ev.RunCancelled(reason=f"step {cancelled.id} was cancelled"))
        else:
            self._emit(ev.PlanCompleted(plan_id=state.plan_id))
            self._emit(ev.RunCompleted())
        self._sync_soon()

    def _fire(self) -> None:
        changed, self.changed = self.changed, anyio.Event()
        changed.set()


MakeDriver = Callable[[RunState, ev.OnEvent, Journal, Attempts, TaskGroup], PlanDriver]
"""Makes what decides what may run next: from the state, the door for events, the store's, the attempts."""
