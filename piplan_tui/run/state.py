"""What is true of a run: the shape that every screen, report and recovery reads.

`piplan_tui.run.reduce` is the only writer. Everybody else reads, and must not keep a copy that can differ.
"""

from __future__ import annotations

import heapq
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

from piplan_tui.run.ask_state import AskState
from piplan_tui.run.attempt_state import AttemptState
from piplan_tui.run.events import EPOCH, WorkflowCreated, WorkflowNested
from piplan_tui.run.model import HandoffDescriptor, StepExecutionInput, Usage

StepStatus = Literal[
    "pending",
    "queued",
    "running",
    "waiting_user",
    "paused",
    "retrying",
    "completed",
    "reused",
    "failed",
    "blocked",
    "skipped",
    "cancelled",
]
RunStatus = Literal[
    "pending", "running", "waiting_user", "paused", "completed", "failed", "cancelled", "interrupted"
]

SATISFIED: frozenset[StepStatus] = frozenset({"completed", "reused", "skipped"})
"""States of a dependency that let its dependents start."""
BROKEN: frozenset[StepStatus] = frozenset({"failed", "blocked", "cancelled"})
"""States of a dependency that block its dependents."""
TERMINAL: frozenset[StepStatus] = SATISFIED | BROKEN
HOLDS_SLOT: frozenset[StepStatus] = frozenset({"running", "retrying"})
IN_PROGRESS: frozenset[StepStatus] = HOLDS_SLOT | {"waiting_user"}
"""States of a step whose newest attempt has not ended."""
RUN_ENDED: frozenset[RunStatus] = frozenset({"completed", "failed", "cancelled"})

BUDGETS = {"tokens": "budget_tokens", "outputTokens": "budget_output_tokens", "usd": "budget_usd"}
"""The field of `RunState` for each kind of limit."""


@dataclass(slots=True)
class StepState:
    """A step: what the plan says of it, and where it stands."""

    index: int
    id: str
    title: str
    goal: str
    phase: str
    depends_on: tuple[str, ...]
    document: dict[str, Any]
    status: StepStatus = "pending"
    unmet: int = 0
    broken: int = 0
    blocked_by: str = ""
    queued_seq: int = 0
    queued_at: datetime | None = None
    attempts: list[AttemptState] = field(default_factory=list)
    asks: list[str] = field(default_factory=list)
    continues: bool = False
    next_input: StepExecutionInput | None = None
    goal_override: str | None = None
    agent_override: str | None = None
    model_override: str | None = None
    handoff: HandoffDescriptor | None = None
    value: Any = None
    """What an agent call gave to its script."""
    overlaps: dict[str, list[str]] = field(default_factory=dict)
    """Files of the newest attempt that other steps changed while both ran, and these steps."""
    reused_from: str = ""
    """`run/step` whose result this is, when the step is `reused`."""

    @property
    def attempt(self) -> AttemptState | None:
        """The newest attempt."""
        return self.attempts[-1] if self.attempts else None

    @property
    def attempt_number(self) -> int:
        """Which attempt the newest one is, from 1; 0 while the step has not been tried."""
        return self.attempts[-1].number if self.attempts else 0

    @property
    def usage(self) -> Usage:
        """What all its attempts used. O(attempts)."""
        total = Usage()
        for attempt in self.attempts:
            if attempt.usage is not None:
                total = total.plus(attempt.usage)
        return total

    @property
    def current_goal(self) -> str:
        return self.goal if self.goal_override is None else self.goal_override


@dataclass(slots=True)
class PhaseState:
    """A titled group of steps, in plan order. Steps without a phase are in the one titled ""."""

    title: str
    detail: str = ""
    started_at: datetime | None = None
    steps: list[StepState] = field(default_factory=list)
    counts: dict[StepStatus, int] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    tools: int = 0

    @property
    def done(self) -> int:
        """How many of its steps are completed, reused or skipped."""
        return sum(self.counts.get(status, 0) for status in SATISFIED)


@dataclass(slots=True)
class ProviderLimit:
    """A provider that refuses for now: since when, `refusals` times in a row, the last at `said_at`, and until
    when it is left alone."""

    provider: str
    since: datetime
    until: datetime
    reason: str
    said_at: datetime
    refusals: int = 1


@dataclass(slots=True)
class RunState:
    """Everything known about a run, after the event `seq`."""

    run_id: str = ""
    seq: int = 0
    at: datetime = EPOCH
    kind: str = "plan"
    status: RunStatus = "pending"
    cancelling: bool = False
    reason: str = ""
    paused_by: str = ""
    """Who paused it last: `user`, `budget`, `quota`, `owner`."""
    title: str = ""
    plan_id: str = ""
    plan: dict[str, Any] = field(default_factory=dict)
    workflow: WorkflowCreated | None = None
    nested: dict[str, WorkflowNested] = field(default_factory=dict)
    """The workflows that the script has called, by name."""
    agreed: set[str] = field(default_factory=set)
    """Large fan-outs that the user has agreed to."""
    phase: str = ""
    """The phase that the script is in."""
    result: Any = None
    """What the script returned."""
    source: str = ""
    workspace: str = ""
    mode: Literal["serial", "parallel"] = "serial"
    max_concurrency: int = 1
    agent: str = ""
    model: str = ""
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_output_tokens: int | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    metadata: dict[str, Any] = field(default_factory=dict)
    created_at: datetime = EPOCH
    started_at: datetime | None = None
    ended_at: datetime | None = None
    steps: dict[str, StepState] = field(default_factory=dict)
    order: list[StepState] = field(default_factory=list)
    dependents: list[list[StepState]] = field(default_factory=list)
    phases: dict[str, PhaseState] = field(default_factory=dict)
    counts: dict[StepStatus, int] = field(default_factory=dict)
    asks: dict[str, AskState] = field(default_factory=dict)
    usage: Usage = field(default_factory=Usage)
    tools: int = 0
    waiting_since: datetime | None = None
    blocked_by_user_seconds: float = 0.0
    still_since: datetime | None = None
    """Since when nothing was meant to move: the run is paused, has ended, or its process is gone."""
    still_seconds: float = 0.0
    """How long that was so before the run went on again."""
    schema_version: int = 0
    touched: dict[str, list[str]] = field(default_factory=dict)
    """Files that steps with a running attempt have changed, and these steps."""
    limits: dict[str, ProviderLimit] = field(default_factory=dict)
    _ready: list[int] = field(default_factory=list, repr=False, compare=False)
    _aside: list[int] = field(default_factory=list, repr=False, compare=False)

    @property
    def ended(self) -> bool:
        return self.status in RUN_ENDED

    @property
    def slots_used(self) -> int:
        """Steps that run now; one that waits for the user holds no slot."""
        return self.counts.get("running", 0) + self.counts.get("retrying", 0)

    @property
    def slots(self) -> int:
        """How many steps may run at once."""
        return 1 if self.mode == "serial" else self.max_concurrency

    @property
    def done(self) -> int:
        return sum(self.counts.get(status, 0) for status in SATISFIED)

    def others_at(self, path: str, step_id: str) -> list[str]:
        """The other running steps that have changed this file."""
        return [other for other in self.touched.get(path, ()) if other != step_id]

    def same_asks(self, ask_id: str) -> list[AskState]:
        """The open asks that one answer to this one closes: itself, and equal permissions of other agents."""
        ask = self.asks.get(ask_id)
        if ask is None:
            return []
        if not ask.sameness:
            return [ask]
        return [other for other in self.asks.values() if other.sameness == ask.sameness]

    def first_ready(self) -> StepState | None:
        """The queued step that comes first in plan order. Amortised O(log steps)."""
        ready = self._ready
        while ready:
            step = self.order[ready[0]]
            if step.status == "queued":
                return step
            heapq.heappop(ready)
        return None

    def set_aside(self, step: StepState) -> None:
        """Let `first_ready` pass over this step, which it has just given, until `bring_back`."""
        if self._ready and self._ready[0] == step.index:
            self._aside.append(heapq.heappop(self._ready))

    def bring_back(self) -> None:
        """Let `first_ready` give again what was set aside."""
        while self._aside:
            heapq.heappush(self._ready, self._aside.pop())

    def blocker(self, step: StepState) -> StepState | None:
        """The failed or cancelled step at the root of why this one is blocked; `None` when it is not."""
        known = self.steps.get(step.blocked_by)
        if known is not None and known.status in ("failed", "cancelled"):
            return known
        root: StepState | None = None
        while step.status == "blocked":
            step = root = next(d for d in map(self.steps.__getitem__, step.depends_on) if d.status in BROKEN)
        return root

    def queue_position(self, step: StepState) -> int:
        """How many queued steps will start before this one, plus one. O(queued)."""
        return 1 + sum(
            1 for index in {*self._ready, *self._aside} if index < step.index and self._queued(index)
        )

    def _queued(self, index: int) -> bool:
        return self.order[index].status == "queued"

    def elapsed_seconds(self, now: datetime) -> float:
        """How long the run went on, waiting for the user included; not while it was paused, ended or left alone."""
        return max(0.0, self.span_seconds(now) - self.still_seconds)

    def span_seconds(self, now: datetime) -> float:
        """From the run's first start until it last stood still, or `now`."""
        if self.started_at is None:
            return 0.0
        return max(0.0, ((self.still_since or now) - self.started_at).total_seconds())
