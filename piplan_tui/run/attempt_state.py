"""What is true of one try at a step: part of the state of its run, and written like it by the reducer alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from piplan_tui.run.events import PlanEntry
from piplan_tui.run.model import Changes, SessionRef, StepExecutionInput, Usage, UserInput

AttemptStatus = Literal[
    "running", "waiting_user", "retrying", "completed", "failed", "cancelled", "interrupted"
]


@dataclass(slots=True)
class Tool:
    """A tool call in flight; `target` is its file, command or pattern."""

    name: str
    target: str
    started_at: datetime


@dataclass(slots=True)
class ProviderRetry:
    """The agent waits to repeat a refused request: try `retry` of `max_retries`, at `until`."""

    retry: int
    max_retries: int
    until: datetime
    error: str


@dataclass(slots=True)
class Decision:
    """Who answered a question, and how. `by` is `user`, `policy`, `timeout`, or what stood in for the user."""

    ask_id: str
    at: datetime
    question: str
    action: str
    choice: str
    by: str
    surface: str = ""
    policy: str = ""
    same_as: str = ""


@dataclass(slots=True)
class Remark:
    """What the agent was told while it worked; `heard` at once (`now`), or at the end of its turn (`queued`)."""

    at: datetime
    text: str
    heard: Literal["now", "queued"] = "now"
    by: str = "user"


@dataclass(slots=True)
class AttemptState:
    """One try at a step."""

    number: int
    status: AttemptStatus
    started_at: datetime
    agent: str = ""
    model: str = ""
    input: StepExecutionInput | None = None
    ended_at: datetime | None = None
    usage: Usage | None = None
    tools: int = 0
    open_tools: dict[str, Tool] = field(default_factory=dict)
    session: SessionRef | None = None
    answers: list[UserInput] = field(default_factory=list)
    decisions: list[Decision] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    plan: list[PlanEntry] = field(default_factory=list)
    """The agent's own to-do list."""
    writes: dict[str, None] = field(default_factory=dict)
    """Files that its tool calls changed, as far as the agent told, in the order of the first change."""
    changes: Changes | None = None
    """What it changed in a git worktree of its own."""
    waited_seconds: float = 0.0
    waiting_since: datetime | None = None
    waits: list[tuple[datetime, datetime]] = field(default_factory=list)
    """When the user was waited for, but for the wait that is still open."""
    reprompts: int = 0
    summary: str = ""
    error: str = ""
    error_kind: str = ""
    error_detail: str = ""
    provider_retry: ProviderRetry | None = None

    @property
    def tools_known(self) -> int | None:
        """The number of tool calls; `None` when the agent does not report them."""
        return self.tools if self.tools or self.session is None or self.session.reports_tools else None

    @property
    def changed_files(self) -> list[str]:
        """All that is known of what it changed."""
        return list(self.changes.files) if self.changes is not None else list(self.writes)

    def elapsed_seconds(self, now: datetime) -> float:
        """Wall time from the attempt's start to its end, or to `now`; waiting for the user included."""
        return max(0.0, ((self.ended_at or now) - self.started_at).total_seconds())

    def waiting_seconds(self, now: datetime) -> float:
        """How much of that the user was being waited for."""
        open_wait = (now - self.waiting_since).total_seconds() if self.waiting_since else 0.0
        return self.waited_seconds + max(0.0, open_wait)
