"""What becomes of a question to the user."""

from __future__ import annotations

from typing import Any, Literal

import msgspec

from piplan_tui.run.events.base import RuntimeEvent, StepEvent

AnswerAction = Literal["accept", "decline", "cancel", "expire"]
RunQuestion = Literal["budget", "fanOut"]
AnsweredBy = Literal["human", "policy", "default", "timeout", "file"]


class AskOpened(StepEvent, tag="ask.opened", kw_only=True):
    """A live session asks in the middle of its turn and stands still until it is answered."""

    ask_id: str
    request: Any


class RunAsked(RuntimeEvent, tag="run.asked", kw_only=True):
    """The run itself asks, for no step: `kind` says what its answer settles, `about` which limit or which fan-out.

    Its answer is an `ask.answered` whose step is empty.
    """

    ask_id: str
    kind: RunQuestion
    about: str = ""
    request: Any


class AskAnswered(StepEvent, tag="ask.answered", kw_only=True):
    """The user (or what the plan's author allowed to answer) decided. Secrets are named, never held.

    `by` is `human` for the user, `policy` for one of the user's config file, which `policy` names; such an ask is
    never open, so `question` says in a line what it was about. `same_as` is the ask whose answer was given to
    this one too, because both are about the same permission.
    """

    ask_id: str
    action: AnswerAction
    values: dict[str, Any] = msgspec.field(default_factory=dict)
    action_id: str = ""
    other: list[str] = msgspec.field(default_factory=list)
    note: str = ""
    by: AnsweredBy = "human"
    surface: str = ""
    policy: str = ""
    question: str = ""
    same_as: str = ""


class AskWithdrawn(StepEvent, tag="ask.withdrawn", kw_only=True):
    """The question is void: its session is gone, or its step was stopped or tried again."""

    ask_id: str
    reason: str = ""
