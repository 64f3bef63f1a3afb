"""What the session of an attempt reports, as far as recovery and the tree need it."""

from __future__ import annotations

from typing import Literal

import msgspec

from piplan_tui.run.events.base import StepEvent
from piplan_tui.run.model import SessionRef, Usage


class SessionStarted(StepEvent, tag="session.started", kw_only=True):
    session: SessionRef


class SessionToolStarted(StepEvent, tag="session.tool_started", kw_only=True):
    """`writes` are the files that the call changes, from the step's workspace, as far as that is known."""

    call_id: str
    tool: str
    target: str = ""
    writes: list[str] = msgspec.field(default_factory=list)


class SessionToolEnded(StepEvent, tag="session.tool_ended", kw_only=True):
    call_id: str
    ok: bool


class PlanEntry(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """One entry of an agent's own to-do list."""

    text: str
    status: Literal["pending", "in_progress", "completed"]


class SessionPlanned(StepEvent, tag="session.planned", kw_only=True):
    """The agent's own to-do list for the step, whole."""

    entries: list[PlanEntry]


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
