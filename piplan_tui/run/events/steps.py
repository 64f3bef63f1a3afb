"""What happens to a step and to its attempts."""

from __future__ import annotations

from typing import Any, Literal

from piplan_tui.run.events.base import Moment, StepEvent
from piplan_tui.run.model import Changes, HandoffDescriptor, StepExecutionInput


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


class StepSteered(StepEvent, tag="step.steered", kw_only=True):
    """The agent of a running step was told `text`; `heard` says whether at once or at the end of its turn."""

    text: str
    heard: Literal["now", "queued"] = "now"
    by: str = "user"


class StepChanged(StepEvent, tag="step.changed", kw_only=True):
    """What an attempt in a git worktree of its own changed, and what became of it."""

    changes: Changes


class StepOverlapped(StepEvent, tag="step.overlapped", kw_only=True):
    """The step changes a file that the steps `others` change too, while all of them run."""

    path: str
    others: list[str]


class StepInterrupted(StepEvent, tag="step.interrupted", kw_only=True):
    """The attempt ended without a result that counts; the step will be taken up again.

    Its process is gone, or it is not the step's fault: `kind` is `rate_limit` when the provider refuses for a
    while, `missing` when the agent is not there and another one takes its place. `alive_until` is the last sign of
    life of that process, where that is known.
    """

    reason: str = ""
    kind: str = ""
    alive_until: Moment | None = None
