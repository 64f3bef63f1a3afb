"""What the step runner asks of anything that can carry out a step.

An `Agent` opens sessions; an `AgentSession` holds one conversation.
Nothing here knows plans, runs or screens.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

import msgspec

from piplan_tui.run.model import SessionRef, Usage


class _Said(msgspec.Struct, tag_field="type", rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """`at` is when it was said, in seconds since 1970; agents leave it to whoever keeps the transcript."""

    at: float | None = None


class TextDelta(_Said, frozen=True, tag="text"):
    """More of the agent's answer."""

    text: str


class ThinkingDelta(_Said, frozen=True, tag="thinking"):
    """More of the agent's reasoning."""

    text: str


class ToolStarted(_Said, frozen=True, tag="tool_started"):
    """The agent began a tool call; `target` is the argument worth showing on a row (a path, a command).

    `writes` are the files that the call changes, as far as that is known.
    """

    call_id: str
    tool: str
    target: str = ""
    arguments: dict[str, Any] = msgspec.field(default_factory=dict)
    writes: tuple[str, ...] = ()


class ToolOutput(_Said, frozen=True, tag="tool_output"):
    """The output of a running tool call so far: the whole of it, not only what is new.

    In the file of a transcript a long one is in pieces; each but the first `continues` the one before.
    """

    call_id: str
    text: str
    continues: bool = False


class ToolEnded(_Said, frozen=True, tag="tool_ended"):
    call_id: str
    ok: bool
    text: str = ""


class UsageReported(_Said, frozen=True, tag="usage"):
    """Tokens and money of this session since `prompt` was first called on it, added up."""

    usage: Usage


class PlanItem(msgspec.Struct, rename="camel", frozen=True):
    """One entry of an agent's own to-do list."""

    text: str
    status: Literal["pending", "in_progress", "completed"]


class PlanReported(_Said, frozen=True, tag="plan"):
    """The agent's own to-do list for this step, whole."""

    entries: tuple[PlanItem, ...]


class Retrying(_Said, frozen=True, tag="retrying"):
    """The agent will by itself repeat a request that its provider refused, after `delay_seconds`."""

    attempt: int
    max_attempts: int
    delay_seconds: float
    error: str


class Recovered(_Said, frozen=True, tag="recovered"):
    """A retry succeeded (`ok`), or the last one failed too."""

    ok: bool


class AskRaised(_Said, frozen=True, tag="ask"):
    """The session asks the user and stands still until `AgentSession.answer` is called with this id.

    `request` is an input request in any shape that `piplan_tui.run.asks` reads.
    """

    ask_id: str
    request: dict[str, Any]


class AskWithdrawn(_Said, frozen=True, tag="ask_withdrawn"):
    """The session does not need the answer any more. `expired`: because the time limit of its protocol ran out."""

    ask_id: str
    reason: str = ""
    expired: bool = False


class Notice(_Said, frozen=True, tag="notice"):
    """Something worth a line in the transcript: a warning, a line of stderr, a model change."""

    text: str
    level: Literal["info", "warning", "error"] = "info"


class UserSaid(_Said, frozen=True, tag="user"):
    """What the user said to the agent: an answer, or a word while it worked. Only the run itself reports this."""

    text: str


SessionEvent = (
    TextDelta
    | ThinkingDelta
    | ToolStarted
    | ToolOutput
    | ToolEnded
    | UsageReported
    | PlanReported
    | Retrying
    | Recovered
    | AskRaised
    | AskWithdrawn
    | Notice
    | UserSaid
)
OnEvent = Callable[[SessionEvent], None]

Steered = Literal["", "now", "queued"]
"""What became of a message to a working agent: refused, passed on, or kept until its turn ends."""

FailureKind = Literal["missing", "unusable", "died", "hung", "provider", "rate_limit", "auth", "protocol"]


class AgentFailure(Exception):
    """The agent, not its answer, went wrong. `str()` is one clear sentence for the user.

    `detail` holds the last lines of the agent's stderr, if it wrote any. `retryable` says whether the same
    thing may succeed a little later.
    """

    def __init__(self, kind: FailureKind, message: str, *, detail: str = "", retryable: bool = False) -> None:
        super().__init__(message)
        self.kind: FailureKind = kind
        self.message = message
        self.detail = detail
        self.retryable = retryable


class SessionRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What a session is for and how it is to be set up.

    `env` is added to the agent's environment: markers to find its processes again, and secrets that the user
    gave. `session_dir` is where the agent may keep the conversation. `resume` asks for an earlier
    conversation to be continued; an agent that cannot starts a new one and reports a `Notice`. `step` is
    the step's own document, for agents that read settings of their own from it. `permissions` is the user's
    policy for tool calls; it is enforced outside of the session, which has only to ask (see `run.permission`).
    `demo_pace` stretches the demo agent's time; `None` leaves it to the agent.
    """

    run_id: str
    step_id: str
    attempt: int
    workspace: Path
    model: str = ""
    provider: str = ""
    thinking: str = ""
    tools: tuple[str, ...] | None = None
    system_prompt: str = ""
    env: Mapping[str, str] = msgspec.field(default_factory=dict)
    session_dir: Path | None = None
    resume: SessionRef | None = None
    step: dict[str, Any] = msgspec.field(default_factory=dict)
    permissions: str = ""
    demo_pace: float | None = None


class Turn(msgspec.Struct, frozen=True, kw_only=True):
    """How one prompt ended: `text` is the last message of the agent, whole."""

    text: str
    stop: Literal["end", "length", "aborted"] = "end"


class AskReply(msgspec.Struct, frozen=True, kw_only=True):
    """The user's answer to an `AskRaised`."""

    action: Literal["accept", "decline", "cancel"]
    values: dict[str, Any] = msgspec.field(default_factory=dict)


class AgentSession(Protocol):
    """One conversation. Used by one task at a time, but for `answer` and `steer`."""

    @property
    def ref(self) -> SessionRef: ...

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        """Send one message and see it through to the end of the agent's turn.

        Events are reported as they happen, from this task. When this call is cancelled, it asks the agent
        to abort, waits a bounded time (shielded), and kills the agent's whole process group otherwise.

        Raises:
            AgentFailure: the provider refused, the process died or hung, or it broke its protocol.
        """

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        """Answer a question that this session raised."""

    async def steer(self, text: str) -> Steered:
        """Say something to the agent while it works. Empty when this agent cannot be told anything now."""

    async def close(self) -> None:
        """Give the session back. The agent may keep its process warm for the next one; never raises."""


@runtime_checkable
class AsksByTool(Protocol):
    """A session whose model may have a tool to ask the user with, in the middle of its turn."""

    @property
    def ask_tool(self) -> str:
        """The tool's name; empty when the model does not have it."""


class Agent(AbstractAsyncContextManager["Agent"], Protocol):
    """Carries out attempts. Leaving its context ends every process that it started."""

    @property
    def name(self) -> str:
        """What the user wrote to choose it: `pi`, `command:./run.sh`, `demo`."""

    @property
    def continues_sessions(self) -> bool:
        """Whether `SessionRequest.resume` can work, also in another process and on another day."""

    async def open(self, request: SessionRequest) -> AgentSession:
        """Start or reuse a process and a session in it.

        Raises:
            AgentFailure: it is not installed, too old, or did not come up; `message` says what would help.
        """


@runtime_checkable
class StartsProgram(Protocol):
    """An agent that starts a program of this machine, which may not be there."""

    def require_program(self, workspace: Path) -> None:
        """See that the program is where `open` would look for it. Blocks on the disk, and starts nothing.

        Raises:
            AgentFailure: it is not; `message` says what would help.
        """
