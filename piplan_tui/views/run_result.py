"""What a run gave: what its script returned, or what its last steps say."""

from __future__ import annotations

import json
import shlex

from piplan_tui.clean import clean_text
from piplan_tui.run.state import RunState, StepState
from piplan_tui.views.formatting import counted
from piplan_tui.views.line import one_line
from piplan_tui.views.terminal_json import terminal_safe

_EXCERPT_LINES = 10
_EXCERPT_WIDTH = 200


def result_text(state: RunState) -> str:
    """The whole of it, safe to print; empty when there is none (yet).

    Of a workflow, what its script returned: a text as it is, anything else as JSON. Of a plan, the summaries of
    the steps that no other step needs, in the order of the plan, with an empty line between.
    """
    if state.status != "completed":
        return ""
    if state.workflow is not None:
        return value_text(state.result)
    last = [step for step in state.order if not state.dependents[step.index]]
    said = [clean_text(step_said(step)).strip() for step in last]
    return "\n\n".join(text for text in said if text)


def value_text(value: object) -> str:
    """A text as it is, anything else as JSON, empty for nothing; safe to print."""
    if value is None:
        return ""
    if isinstance(value, str):
        return clean_text(value)
    return terminal_safe(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def step_result(step: StepState) -> str:
    """What an agent call gave to its script, safe to print."""
    value = step.value
    call = step.document.get("call")
    if isinstance(call, dict) and call.get("wrapped") and isinstance(value, dict):
        value = value.get("value")
    return value_text(value) or clean_text(step_said(step))


def step_said(step: StepState) -> str:
    """What the newest attempt gave as its summary."""
    if step.handoff is not None:
        return step.handoff.summary
    return step.attempt.summary if step.attempt is not None else ""


def result_excerpt(state: RunState) -> list[str]:
    """What a script returned: its first lines, and where the rest is. Empty for a plan, and without a result."""
    if state.workflow is None or not (text := result_text(state)):
        return []
    lines = text.splitlines()
    shown = [_shortened(line) for line in lines[:_EXCERPT_LINES]]
    if shown == lines:
        return ["result:", *(f"  {line}".rstrip() for line in lines)]
    more = len(lines) - len(shown)
    rest = f"… {counted(more, 'more line')}" if more else "… lines are cut"
    whole = f"piplan-tui show {shlex.quote(one_line(state.run_id))} --result"
    return ["result:", *(f"  {line}".rstrip() for line in shown), f"  {rest}; the whole: {whole}"]


def _shortened(line: str) -> str:
    return line if len(line) <= _EXCERPT_WIDTH else f"{line[: _EXCERPT_WIDTH - 1]}…"
