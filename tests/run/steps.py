"""A step executor that does what a test says, when the test says so. It takes the place of agents only."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any

import anyio

from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.run.model import HandoffDescriptor, StepDone, StepJob, StepResult
from piplan_tui.run.step_runner import StepPort

Script = Callable[[StepJob, StepPort], StepDone]


def completed(job: StepJob, summary: str = "done") -> StepDone:
    step_id = str(job.given.step["id"])
    handoff = HandoffDescriptor(
        plan_id=str(job.given.plan["id"]),
        step_id=step_id,
        attempt=job.given.attempt,
        directory=f".pi-plan-runtime/handoff/p/{step_id}",
        files=(),
        summary=summary,
    )
    return StepDone(result=StepResult(status="completed", summary=summary), handoff=handoff)


class Steps:
    """Each step completes at once unless it is told otherwise.

    `hold(id)` keeps its attempts running until `release(id)`; `outcomes[id]` is a list of what its next
    attempts come to: a `StepResult`, or an exception to raise.
    """

    def __init__(self) -> None:
        self.jobs: list[StepJob] = []
        self.running: set[str] = set()
        self.most_running = 0
        self.cancelled: list[str] = []
        self.outcomes: dict[str, list[StepResult | Exception]] = defaultdict(list)
        self._gates: dict[str, anyio.Event] = {}
        self._started: dict[str, anyio.Event] = defaultdict(anyio.Event)

    def hold(self, *step_ids: str) -> None:
        for step_id in step_ids:
            self._gates[step_id] = anyio.Event()

    def release(self, *step_ids: str) -> None:
        for step_id in step_ids:
            self._gates.pop(step_id).set()

    async def started(self, *step_ids: str) -> None:
        """Return once an attempt at each of these has begun."""
        for step_id in step_ids:
            await self._started[step_id].wait()

    def fail(self, step_id: str, message: str = "no") -> None:
        self.outcomes[step_id].append(AgentFailure("provider", message))

    def ask(self, step_id: str, request: Any) -> None:
        self.outcomes[step_id].append(StepResult(status="waiting_user", input_request=request))

    def attempts(self, step_id: str) -> int:
        return sum(1 for job in self.jobs if job.given.step["id"] == step_id)

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        step_id = str(job.given.step["id"])
        assert step_id not in self.running, f"{step_id} runs twice at once"
        self.jobs.append(job)
        self.running.add(step_id)
        self.most_running = max(self.most_running, len(self.running))
        self._started[step_id].set()
        try:
            if gate := self._gates.get(step_id):
                await gate.wait()
            else:
                await anyio.lowlevel.checkpoint()
        except anyio.get_cancelled_exc_class():
            self.cancelled.append(step_id)
            raise
        finally:
            self.running.discard(step_id)
        outcome = self.outcomes[step_id].pop(0) if self.outcomes[step_id] else None
        if isinstance(outcome, Exception):
            raise outcome
        return StepDone(result=outcome) if outcome is not None else completed(job)
