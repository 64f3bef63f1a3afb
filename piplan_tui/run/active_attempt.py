"""An attempt that is in flight: its session, and the answers that are on their way to it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Literal

import anyio

from piplan_tui.agents import protocol as said
from piplan_tui.agents.protocol import AgentSession, AskReply
from piplan_tui.run.model import Usage

StopReason = Literal["cancel", "interrupt"]


@dataclass(slots=True)
class OwnAsk:
    """A question of the step runner, which waits for `reply`."""

    answered: anyio.Event = field(default_factory=anyio.Event)
    reply: AskReply = field(default_factory=lambda: AskReply(action="cancel"))


@dataclass(slots=True)
class ActiveAttempt:
    """An attempt that has a task of its own right now."""

    step_id: str
    number: int
    workspace: Path
    scope: anyio.CancelScope = field(default_factory=anyio.CancelScope)
    ended: anyio.Event | None = None
    stopped: StopReason | None = None
    stopped_by: str = ""
    session: AgentSession | None = None
    agent_ask_ids: dict[str, str] = field(default_factory=dict)
    replies: list[tuple[str, AskReply]] = field(default_factory=list)
    own_asks: dict[str, OwnAsk] = field(default_factory=dict)
    """Questions of the step runner, not of the session."""
    usage_before: Usage | None = None
    last_said: datetime | None = None
    permissions: str = ""
    held: said.TextDelta | said.ThinkingDelta | None = None
    """Streamed text that is not passed on yet, because it may be the beginning of a secret."""
