"""How people change what a run does: its end, single steps, its limits."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from piplan_tui.agents.protocol import AgentFailure, Steered
from piplan_tui.run import events as ev
from piplan_tui.run import retrying
from piplan_tui.run.model import PiPlanCancelResult
from piplan_tui.run.recovery import close_cancelled
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run_door import RunDoor
from piplan_tui.run.state import TERMINAL
from piplan_tui.store.protocol import StoreError

log = logging.getLogger(__name__)


class RunSteering(RunDoor):
    """Everything here is durable when it returns."""

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
            self._attempts.withdraw_asks(step, "its step was cancelled")
            self.emit(ev.StepCancelled(step_id=step_id, attempt=step.attempt_number, by=by))
        await self._journal.sync()
        driver.end_if_over()
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
        In a run that `PlanRuntime.open_run` has just taken over nothing moves before `start` is called.

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
            self._attempts.withdraw_asks(step, "its step is tried again")
            event = ev.StepRetried(step_id=step.id, attempt=step.attempt_number, by=by)
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
        self._attempts.withdraw_asks(step, "its step was skipped")
        self.emit(ev.StepSkipped(step_id=step_id, attempt=step.attempt_number, by=by))
        await self._journal.sync()
        driver.end_if_over()
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

    async def steer(self, step_id: str, text: str, *, by: str = "user") -> Steered:
        """Say something to the agent of a running step; empty when it cannot be told anything now.

        Raises:
            ControlRefused: there is no such step, or the agent did not take it.
        """
        self._step(step_id)
        try:
            heard = await self._attempts.steer(step_id, text, by)
        except AgentFailure as failure:
            raise ControlRefused(f"step {step_id} was not told: {failure}") from failure
        if heard:
            await self._journal.sync()
        return heard

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
        event = ev.RunConfigured(
            agent=agent,
            model=model,
            max_concurrency=max_concurrency,
            budget_tokens=budget_tokens,
            budget_usd=budget_usd,
            budget_output_tokens=budget_output_tokens,
            settings=settings,
        )
        if event != ev.RunConfigured():
            self.emit(event)
            await self._journal.sync()
