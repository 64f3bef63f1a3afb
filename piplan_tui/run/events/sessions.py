"""What the session of an attempt reports, as far as recovery and the tree need it."""

from __future__ import annotations

from piplan_tui.run.events.base import StepEvent
from piplan_tui.run.model import SessionRef, Usage


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
