"""The documents that pass between the driver, the step runner and a host: all of them serialisable.

On the wire and on disk their keys are camelCase; in Python they are snake_case.
"""

from __future__ import annotations

from typing import Any, Literal

import msgspec

StepOutcome = Literal["completed", "failed", "cancelled", "waiting_user"]
Wanted = Literal["status", "text", "schema"]


class Usage(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """Tokens and money of one attempt so far. `None` means that the agent did not report it, never zero."""

    input: int | None = None
    output: int | None = None
    cache_read: int | None = None
    cache_write: int | None = None
    cost_usd: float | None = None

    @property
    def tokens(self) -> int | None:
        """Input, output and cached tokens together; `None` when nothing was reported."""
        known = [n for n in (self.input, self.output, self.cache_read, self.cache_write) if n is not None]
        return sum(known) if known else None

    def plus(self, other: Usage) -> Usage:
        """The sum, in which unknown plus known is known."""
        return Usage(
            input=_plus(self.input, other.input),
            output=_plus(self.output, other.output),
            cache_read=_plus(self.cache_read, other.cache_read),
            cache_write=_plus(self.cache_write, other.cache_write),
            cost_usd=None
            if self.cost_usd is None and other.cost_usd is None
            else (self.cost_usd or 0.0) + (other.cost_usd or 0.0),
        )


def _plus(a: int | None, b: int | None) -> int | None:
    return None if a is None and b is None else (a or 0) + (b or 0)


class HandoffFile(msgspec.Struct, rename="camel", frozen=True):
    """One file that a completed step left: `path` is relative to the workspace, `size` in bytes."""

    name: str
    path: str
    size: int
    sha256: str


class HandoffDescriptor(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """What a completed step leaves for its dependents: where its files are and what they must hash to."""

    plan_id: str
    step_id: str
    attempt: int
    directory: str
    files: tuple[HandoffFile, ...]
    summary: str = ""


class Changes(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """What was changed in a git worktree. `files` are paths from the repository's top; `merged` is what became of it:
    `open` while that is not decided, `merged` into the workspace, or `kept` on the branch in the worktree.
    """

    files: tuple[str, ...]
    branch: str
    worktree: str
    merged: Literal["open", "merged", "kept"] = "open"


class UserInput(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """One answered question of this attempt. Values of `secret` fields are names of environment variables."""

    ask_id: str
    message: str
    action: str
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    note: str = ""


class StepExecutionInput(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """All that is needed to carry out one attempt at one step, here or on another machine.

    `plan` is the plan document without its steps, `step` the step's document; both with the fields
    that the runtime does not know. `dependencies` are the handoffs of the step's direct dependencies,
    in the order of `dependsOn`.
    """

    run_id: str
    attempt: int
    plan: dict[str, Any]
    step: dict[str, Any]
    workspace: str
    dependencies: tuple[HandoffDescriptor, ...] = ()
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    user_input: tuple[UserInput, ...] = ()


class StepResult(msgspec.Struct, rename="camel", omit_defaults=True, kw_only=True):
    """What an attempt came to.

    `document` is the agent's JSON object as it wrote it. `input_request` is there exactly when the status
    is `waiting_user`, and is kept as written: `piplan_tui.run.asks` makes a form of any shape.
    """

    status: StepOutcome
    summary: str = ""
    error: str = ""
    input_request: Any = None
    document: dict[str, Any] = msgspec.field(default_factory=dict)


class SessionRef(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """A conversation that an agent may be able to take up again, and the process that holds it now.

    `process_started` is the process's start time in seconds since the epoch: a pid alone may be reused.
    `reports_tools` is false for an agent of which nobody knows how many tools it called.
    """

    agent: str
    session_id: str = ""
    file: str = ""
    model: str = ""
    pid: int | None = None
    process_started: float | None = None
    reports_tools: bool = True


class StepJob(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """One errand for a step executor: the input, who is to carry it out, and which conversation to go on with.

    `reason` says what the session is told first: the whole step (`start`), the user's newest answer (`answer`),
    or that it was interrupted (`continue`). `session_dir` is empty when conversations are not kept.
    `wanted` says what counts as a result: a plan step's JSON object with a `status`, or, for a workflow's
    agent call, the text of the last message or a JSON object that fits `schema`. With the isolation `worktree`
    it is carried out in a git worktree of the workspace's repository. `permissions` is the user's policy, see
    `piplan_tui.run.permission`. `home` is the run's workspace, where handoff files are, when the step works
    somewhere else. `demo_pace` is that of the demo agent, see `SessionRequest`.
    """

    given: StepExecutionInput
    agent: str
    model: str = ""
    provider: str = ""
    thinking: str = ""
    tools: tuple[str, ...] | None = None
    system_prompt: str = ""
    reason: Literal["start", "answer", "continue"] = "start"
    resume: SessionRef | None = None
    session_dir: str = ""
    wanted: Wanted = "status"
    isolation: str = ""
    permissions: str = ""
    home: str = ""
    demo_pace: float | None = None
    schema: dict[str, Any] | None = None


class StepDone(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """How an errand ended.

    `handoff` is there when a plan's step is completed and its files are on disk, `value` when an agent call is.
    """

    result: StepResult
    handoff: HandoffDescriptor | None = None
    value: Any = None


class PiPlanCancelResult(msgspec.Struct, rename="camel", omit_defaults=True, frozen=True, kw_only=True):
    """What a cancel did. `cancelled` is false when the run had already ended, as `status` says."""

    run_id: str
    plan_id: str
    cancelled: bool
    status: str
    cancelled_steps: tuple[str, ...] = ()
    processes_left: int = 0
