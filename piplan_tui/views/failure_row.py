"""What the row of a failed step says, whole and in short."""

from __future__ import annotations

import re

from piplan_tui.run.attempt_state import AttemptState
from piplan_tui.run.state import StepState
from piplan_tui.views.formatting import counted
from piplan_tui.views.line import one_line

_REPORTED = frozenset({"rate_limit", "auth", "provider", "died", "protocol"})
"""Kinds of failures of which the sentence may say who failed, and behind a colon what that one said of it."""
_WHO_FAILED = re.compile(
    r" (limits the rate of requests|did not accept the key|failed|failed the request|refused .+|ended .+)$"
)
_WITH_ADVICE = frozenset({"missing", "auth", "hung"})
"""Kinds of failures of which the sentence ends with what helps."""
_MESSAGE_IN_JSON = re.compile(r'^((?:\w+ )?)\{.*?"message"\s*:\s*"((?:[^"\\]|\\.)+)')


def failure_note(step: StepState, attempt: AttemptState) -> str:
    """Why it failed, and after how many attempts."""
    return (one_line(attempt.error) or "failed") + _after_attempts(step)


def short_failure_note(step: StepState, attempt: AttemptState) -> str:
    """The same without what is alike in many rows: who failed, what the answer is wrapped in, what would help."""
    return _reason(one_line(attempt.error), attempt.error_kind) + _after_attempts(step)


def _reason(error: str, kind: str) -> str:
    who, _, said = error.partition(": ")
    if said and kind in _REPORTED and _WHO_FAILED.search(who):
        if found := _MESSAGE_IN_JSON.match(said):
            said = f"{found[1]}{found[2]}"
        return f"…{said}"
    if kind in _WITH_ADVICE:
        reason = re.split(r"[:;] ", error, maxsplit=1)[0]
        return reason if reason == error else f"{reason}…"
    return error or "failed"


def _after_attempts(step: StepState) -> str:
    return f", {counted(len(step.attempts), 'attempt')}" if len(step.attempts) > 1 else ""
