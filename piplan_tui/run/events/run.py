"""What happens to a run as a whole, to its plan, its limits and its script."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from piplan_tui.run.events.base import EPOCH, Moment, RuntimeEvent

SCHEMA_VERSION = 1
"""Raised when an older program could no longer fold the events rightly."""


class RunCreated(RuntimeEvent, tag="run.created", kw_only=True):
    """A run exists. `settings` are the options it was created with, for `show` and for resuming."""

    schema_version: int = SCHEMA_VERSION
    kind: Literal["plan", "workflow"] = "plan"
    title: str
    plan_id: str
    source: str = ""
    workspace: str
    mode: Literal["serial", "parallel"]
    max_concurrency: int
    agent: str
    model: str = ""
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_output_tokens: int | None = None
    settings: dict[str, Any] = msgspec.field(default_factory=dict)
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)


class PlanCreated(RuntimeEvent, tag="plan.created", kw_only=True):
    """The plan of the run, whole and with unknown fields, as its file says it."""

    plan: dict[str, Any]


class WorkflowCreated(RuntimeEvent, tag="workflow.created", kw_only=True):
    """The script of the run: what is known of it before it runs.

    `phases` are objects with a `title` and perhaps a `detail`, in the order of the script. `source_name` and
    `source_hash` (SHA-256, hex) are those of the stored script. `clock` is the time that the script sees, the
    same in every run that takes results over from the run `reuse_from`.
    """

    name: str
    language: Literal["python", "javascript"]
    description: str = ""
    phases: list[dict[str, Any]] = msgspec.field(default_factory=list)
    args: Any = None
    source_name: str = ""
    source_hash: str = ""
    clock: Moment = EPOCH
    reuse_from: str = ""


class WorkflowNested(RuntimeEvent, tag="workflow.nested", kw_only=True):
    """The script calls another workflow for the first time: its script, kept so that a resume runs the same."""

    name: str
    language: Literal["python", "javascript"]
    file: str
    source: str


class PhaseStarted(RuntimeEvent, tag="phase.started", kw_only=True):
    """The script entered a phase: calls that name none belong to it from here on."""

    title: str


class RunConfigured(RuntimeEvent, tag="run.configured", kw_only=True):
    """Limits or the agent were changed on a later start; `None` leaves the earlier value."""

    agent: str | None = None
    model: str | None = None
    max_concurrency: int | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_output_tokens: int | None = None
    settings: dict[str, Any] | None = None


class RunStarted(RuntimeEvent, tag="run.started", kw_only=True):
    """Steps may start from here on."""

    pid: int = 0


class RunWaitingUser(RuntimeEvent, tag="run.waiting_user", kw_only=True):
    """Nothing can move until the user answers one of these asks."""

    ask_ids: list[str]


class RunPaused(RuntimeEvent, tag="run.paused", kw_only=True):
    """No new step starts. What runs goes on, unless its process is leaving."""

    reason: str = ""
    by: str = "user"


class RunResumed(RuntimeEvent, tag="run.resumed", kw_only=True):
    """The run goes on: after a pause, or in a new process after its owner left or died."""

    reason: str = ""
    pid: int = 0


class RunReopened(RuntimeEvent, tag="run.reopened", kw_only=True):
    """A run that had ended is taken up again, because a step is to be tried again."""

    by: str = "user"


class RunInterrupted(RuntimeEvent, tag="run.interrupted", kw_only=True):
    """The process that owned the run was found gone, or left in order while steps were running.

    `alive_until` is its last sign of life, where that is known.
    """

    reason: str = ""
    alive_until: Moment | None = None


class RunCancelRequested(RuntimeEvent, tag="run.cancel_requested", kw_only=True):
    """From here on no step starts, whatever happens to this process."""

    by: str = "user"
    reason: str = ""


class RunCancelled(RuntimeEvent, tag="run.cancelled", kw_only=True):
    """No step is left that could still change, and no process of the run is alive."""

    reason: str = ""
    processes_left: int = 0


class RunCompleted(RuntimeEvent, tag="run.completed", kw_only=True):
    """Every step is completed, reused or skipped; or the workflow's script returned `result`, as JSON."""

    result: Any = None


class RunFailed(RuntimeEvent, tag="run.failed", kw_only=True):
    """Nothing more can run, and some step failed; `reason` names the first one and its error."""

    reason: str
    failed_steps: list[str] = msgspec.field(default_factory=list)


class PlanCompleted(RuntimeEvent, tag="plan.completed", kw_only=True):
    plan_id: str


class PlanFailed(RuntimeEvent, tag="plan.failed", kw_only=True):
    plan_id: str
    reason: str = ""


class PlanCancelled(RuntimeEvent, tag="plan.cancelled", kw_only=True):
    plan_id: str


class BudgetExceeded(RuntimeEvent, tag="budget.exceeded", kw_only=True):
    """A limit was reached: `spent` and `limit` are in tokens or in US dollars, as `kind` says."""

    kind: Literal["tokens", "outputTokens", "usd"]
    limit: float
    spent: float

    @property
    def amounts(self) -> str:
        """`$0.31 of $0.30`, `1,200 of 1,000 output tokens`."""
        if self.kind == "usd":
            return f"${self.spent:,.2f} of ${self.limit:,.2f}"
        unit = "output tokens" if self.kind == "outputTokens" else "tokens"
        return f"{self.spent:,.0f} of {self.limit:,.0f} {unit}"


class ProviderLimited(RuntimeEvent, tag="provider.limited", kw_only=True):
    """A provider refuses because of its rate or a spent quota: no step starts with it before `until` (UTC).

    `provider` names what shares the limit, an agent and perhaps the provider of its model: `pi anthropic`.
    """

    provider: str
    until: Moment
    reason: str = ""
    step_id: str = ""


class ProviderRecovered(RuntimeEvent, tag="provider.recovered", kw_only=True):
    """A limited provider has answered again."""

    provider: str


class Logged(RuntimeEvent, tag="log", kw_only=True):
    """A line for the user from the plan's driver or a workflow script."""

    message: str
