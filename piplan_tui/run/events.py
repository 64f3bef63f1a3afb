"""Everything that can happen to a run, as facts in the past tense.

The stored events are the only truth: `piplan_tui.run.state.reduce` folds them to the state that recovery,
the screens and every report read. An event is small; streamed text goes to the transcript instead.

On the wire an event is one JSON object with camelCase keys, `type` naming its kind. `seq` counts from 1
without a gap; `at` is UTC. An event of a kind that this version does not know is read as `UnknownEvent`
and changes nothing but `seq`.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Literal

import msgspec

from piplan_tui.run.model import HandoffDescriptor, SessionRef, StepExecutionInput, Usage

SCHEMA_VERSION = 1
"""Raised when an older program could no longer fold the events rightly."""

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
AnswerAction = Literal["accept", "decline", "cancel", "expire"]
AnsweredBy = Literal["human", "policy", "default", "timeout", "file"]


class RuntimeEvent(msgspec.Struct, tag_field="type", rename="camel", omit_defaults=True, kw_only=True):
    """What all events have. `Run.emit` fills in `seq`, `at` and `run_id`."""

    seq: int = 0
    at: datetime = EPOCH
    run_id: str = ""

    @property
    def type(self) -> str:
        """The kind as on the wire, such as `step.completed`."""
        tag = self.__struct_config__.tag
        assert isinstance(tag, str)
        return tag


class StepEvent(RuntimeEvent, kw_only=True):
    """An event of one step; `attempt` counts from 1 (0 while the step has not been tried)."""

    step_id: str
    attempt: int = 0


# -- the run ---------------------------------------------------------------------------------------


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
    clock: datetime = EPOCH
    reuse_from: str = ""


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
    """The process that owned the run was found gone, or left in order while steps were running."""

    reason: str = ""


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
    until: datetime
    reason: str = ""
    step_id: str = ""


class ProviderRecovered(RuntimeEvent, tag="provider.recovered", kw_only=True):
    """A limited provider has answered again."""

    provider: str


class Logged(RuntimeEvent, tag="log", kw_only=True):
    """A line for the user from the plan's driver or a workflow script."""

    message: str


# -- steps -----------------------------------------------------------------------------------------


class StepCreated(StepEvent, tag="step.created", kw_only=True):
    """A workflow's script made an agent call: a step that depends on nothing and may start at once.

    `document` has what a plan's step has (`title`, `goal`, `phase`), and as `call` its options, its `key` and
    its `place` in the script, by which a later run of the script finds the result again.
    """

    document: dict[str, Any]


class StepReused(StepEvent, tag="step.reused", kw_only=True):
    """The result of an equal call in an earlier run was taken over; nothing runs."""

    from_run: str
    from_step: str
    value: Any = None
    summary: str = ""


class StepContext(StepEvent, tag="step.context", kw_only=True):
    """All that the attempt was given. Comes before `step.started`."""

    input: StepExecutionInput


class StepStarted(StepEvent, tag="step.started", kw_only=True):
    agent: str = ""
    model: str = ""


class StepResumed(StepEvent, tag="step.resumed", kw_only=True):
    """The same attempt goes on, with the user's answer or after its owner was gone."""


class StepWaitingUser(StepEvent, tag="step.waiting_user", kw_only=True):
    """The attempt ended its turn with a question; `request` is the input request as the agent wrote it."""

    ask_id: str
    request: Any
    summary: str = ""


class StepCompleted(StepEvent, tag="step.completed", kw_only=True):
    """Done. The files of `handoff` were on disk before this was stored.

    `value` is what an agent call gives to its script: a text, or JSON that fits the call's schema.
    """

    handoff: HandoffDescriptor | None = None
    summary: str = ""
    value: Any = None


class StepFailed(StepEvent, tag="step.failed", kw_only=True):
    """The attempt failed; `kind` is `result` when the agent said so, otherwise what went wrong with it."""

    error: str
    kind: str = "result"
    detail: str = ""


class StepCancelled(StepEvent, tag="step.cancelled", kw_only=True):
    reason: str = ""
    by: str = "user"


class StepSkipped(StepEvent, tag="step.skipped", kw_only=True):
    """By the user's choice the run goes on without this step; its dependents may start."""

    by: str = "user"


class StepRetried(StepEvent, tag="step.retried", kw_only=True):
    """The step is to be tried again. Fields that are set replace the plan's for attempts from here on."""

    by: str = "user"
    goal: str | None = None
    agent: str | None = None
    model: str | None = None


class StepEdited(StepEvent, tag="step.edited", kw_only=True):
    """A step that has not been tried gets another goal, for this run only."""

    goal: str
    by: str = "user"


class StepInterrupted(StepEvent, tag="step.interrupted", kw_only=True):
    """The attempt ended without a result that counts; the step will be taken up again.

    Its process is gone, or it is not the step's fault: `kind` is `rate_limit` when the provider refuses for a
    while, `missing` when the agent is not there and another one takes its place.
    """

    reason: str = ""
    kind: str = ""


# -- sessions --------------------------------------------------------------------------------------


class SessionStarted(StepEvent, tag="session.started", kw_only=True):
    session: SessionRef


class SessionToolStarted(StepEvent, tag="session.tool_started", kw_only=True):
    call_id: str
    tool: str
    target: str = ""


class SessionToolEnded(StepEvent, tag="session.tool_ended", kw_only=True):
    call_id: str
    ok: bool


class SessionUsage(StepEvent, tag="session.usage", kw_only=True):
    """Tokens and money of the whole attempt so far (not only what is new)."""

    usage: Usage


class SessionRetrying(StepEvent, tag="session.retrying", kw_only=True):
    """The agent repeats a refused request by itself: try `retry` of `max_retries`, after `delay_seconds`."""

    retry: int
    max_retries: int
    delay_seconds: float
    error: str


class SessionRecovered(StepEvent, tag="session.recovered", kw_only=True):
    ok: bool


class SessionReprompted(StepEvent, tag="session.reprompted", kw_only=True):
    """The turn ended without a valid result; the session was told `problem` and asked again."""

    count: int
    problem: str


# -- asks ------------------------------------------------------------------------------------------


class AskOpened(StepEvent, tag="ask.opened", kw_only=True):
    """A live session asks in the middle of its turn and stands still until it is answered."""

    ask_id: str
    request: Any


class AskAnswered(StepEvent, tag="ask.answered", kw_only=True):
    """The user (or what the plan's author allowed to answer) decided. Secrets are named, never held."""

    ask_id: str
    action: AnswerAction
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    action_id: str = ""
    other: list[str] = msgspec.field(default_factory=list)
    note: str = ""
    by: AnsweredBy = "human"
    surface: str = ""


class AskWithdrawn(StepEvent, tag="ask.withdrawn", kw_only=True):
    """The question is void: its session is gone, or its step was stopped or tried again."""

    ask_id: str
    reason: str = ""


AnyEvent = (
    RunCreated
    | PlanCreated
    | WorkflowCreated
    | PhaseStarted
    | RunConfigured
    | RunStarted
    | RunWaitingUser
    | RunPaused
    | RunResumed
    | RunReopened
    | RunInterrupted
    | RunCancelRequested
    | RunCancelled
    | RunCompleted
    | RunFailed
    | PlanCompleted
    | PlanFailed
    | PlanCancelled
    | BudgetExceeded
    | ProviderLimited
    | ProviderRecovered
    | Logged
    | StepCreated
    | StepReused
    | StepContext
    | StepStarted
    | StepResumed
    | StepWaitingUser
    | StepCompleted
    | StepFailed
    | StepCancelled
    | StepSkipped
    | StepRetried
    | StepEdited
    | StepInterrupted
    | SessionStarted
    | SessionToolStarted
    | SessionToolEnded
    | SessionUsage
    | SessionRetrying
    | SessionRecovered
    | SessionReprompted
    | AskOpened
    | AskAnswered
    | AskWithdrawn
)

DURABLE = (
    RunCreated,
    RunCancelRequested,
    RunCancelled,
    RunCompleted,
    RunFailed,
    RunPaused,
    RunReopened,
    StepCompleted,
    StepFailed,
    StepWaitingUser,
    StepCancelled,
    StepSkipped,
    StepRetried,
    StepEdited,
    AskOpened,
    AskAnswered,
    AskWithdrawn,
)
"""Events that something else depends on: they are on disk before anything is done because of them."""


class UnknownEvent(RuntimeEvent, tag="unknown", kw_only=True):
    """An event written by a newer version. `raw` is the JSON object as it was stored."""

    raw: dict[str, Any] = msgspec.field(default_factory=dict)


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_KNOWN = {kind.__struct_config__.tag for kind in AnyEvent.__args__}


class _Header(msgspec.Struct, rename="camel", kw_only=True):
    type: str
    seq: int
    at: datetime
    run_id: str


def encode_event(event: RuntimeEvent) -> bytes:
    """One JSON object without a line end. An `UnknownEvent` is written as it was read."""
    return _encoder.encode(event.raw if isinstance(event, UnknownEvent) else event)


def decode_event(line: bytes) -> RuntimeEvent:
    """Read what `encode_event` wrote.

    Raises:
        ValueError: not JSON, or not an event of the shape that its type has.
    """
    try:
        return _decoder.decode(line)
    except msgspec.ValidationError:
        header = msgspec.json.decode(line, type=_Header)
        if header.type in _KNOWN:
            raise
        return UnknownEvent(seq=header.seq, at=header.at, run_id=header.run_id, raw=msgspec.json.decode(line))
