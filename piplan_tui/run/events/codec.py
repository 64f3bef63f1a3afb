"""Events as bytes, and back."""

from __future__ import annotations

from typing import Any

import msgspec

from piplan_tui.run.events import asks, run, sessions, steps
from piplan_tui.run.events.base import Moment, RuntimeEvent

AnyEvent = (
    run.RunCreated
    | run.PlanCreated
    | run.WorkflowCreated
    | run.WorkflowNested
    | run.PhaseStarted
    | run.RunConfigured
    | run.RunStarted
    | run.RunWaitingUser
    | run.RunPaused
    | run.RunResumed
    | run.RunReopened
    | run.RunInterrupted
    | run.RunCancelRequested
    | run.RunCancelled
    | run.RunCompleted
    | run.RunFailed
    | run.PlanCompleted
    | run.PlanFailed
    | run.PlanCancelled
    | run.BudgetExceeded
    | run.ProviderLimited
    | run.ProviderRecovered
    | run.Logged
    | steps.StepCreated
    | steps.StepReused
    | steps.StepContext
    | steps.StepStarted
    | steps.StepResumed
    | steps.StepWaitingUser
    | steps.StepCompleted
    | steps.StepFailed
    | steps.StepCancelled
    | steps.StepSkipped
    | steps.StepRetried
    | steps.StepEdited
    | steps.StepSteered
    | steps.StepInterrupted
    | sessions.SessionStarted
    | sessions.SessionToolStarted
    | sessions.SessionToolEnded
    | sessions.SessionUsage
    | sessions.SessionRetrying
    | sessions.SessionRecovered
    | sessions.SessionReprompted
    | sessions.SessionPlanned
    | steps.StepChanged
    | steps.StepOverlapped
    | asks.AskOpened
    | asks.AskAnswered
    | asks.AskWithdrawn
    | asks.RunAsked
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
