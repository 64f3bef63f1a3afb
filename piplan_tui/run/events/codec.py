"""Events as bytes, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from piplan_tui.run.events.asks import AskAnswered, AskOpened, AskWithdrawn, RunAsked
from piplan_tui.run.events.base import Moment, RuntimeEvent
from piplan_tui.run.events.run import (
    BudgetExceeded,
    Logged,
    PhaseStarted,
    PlanCancelled,
    PlanCompleted,
    PlanCreated,
    PlanFailed,
    ProviderLimited,
    ProviderRecovered,
    RunCancelled,
    RunCancelRequested,
    RunCompleted,
    RunConfigured,
    RunCreated,
    RunFailed,
    RunInterrupted,
    RunPaused,
    RunReopened,
    RunResumed,
    RunStarted,
    RunWaitingUser,
    WorkflowCreated,
    WorkflowNested,
)
from piplan_tui.run.events.sessions import (
    SessionPlanned,
    SessionRecovered,
    SessionReprompted,
    SessionRetrying,
    SessionStarted,
    SessionToolEnded,
    SessionToolStarted,
    SessionUsage,
)
from piplan_tui.run.events.steps import (
    StepCancelled,
    StepChanged,
    StepCompleted,
    StepContext,
    StepCreated,
    StepEdited,
    StepFailed,
    StepInterrupted,
    StepOverlapped,
    StepResumed,
    StepRetried,
    StepReused,
    StepSkipped,
    StepStarted,
    StepWaitingUser,
)

AnyEvent = (
    RunCreated
    | PlanCreated
    | WorkflowCreated
    | WorkflowNested
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
    | SessionPlanned
    | StepChanged
    | StepOverlapped
    | AskOpened
    | AskAnswered
    | AskWithdrawn
    | RunAsked
)


class UnknownEvent(RuntimeEvent, tag="unknown", kw_only=True):
    """An event written by a newer version. `raw` is the JSON object as it was stored."""

    raw: dict[str, Any] = msgspec.field(default_factory=dict)


_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[AnyEvent] = msgspec.json.Decoder(AnyEvent)
_KNOWN = {kind.__struct_config__.tag for kind in AnyEvent.__args__}


class _Header(msgspec.Struct, rename="camel", kw_only=True):
    type: str
    seq: int
    at: Moment
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
