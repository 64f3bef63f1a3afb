"""A question that is open here and was answered through another door."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from piplan_tui.run import events as ev
from piplan_tui.run.state import RunState
from piplan_tui.views.ask_text import value_text
from piplan_tui.views.decisions import decided, decided_by
from piplan_tui.views.line import one_line

_LONGEST = 300


def answered_elsewhere(state: RunState, event: ev.AskAnswered, draft: Mapping[str, Any]) -> str:
    """`alpha was answered elsewhere by you (cli): env = staging. You had filled in: env = prod`."""
    step = state.steps.get(event.step_id)
    decisions = [one for attempt in step.attempts for one in attempt.decisions] if step is not None else []
    decision = next((one for one in decisions if one.ask_id == event.ask_id), None)
    who = f" by {decided_by(decision)}" if decision is not None else ""
    # only a person has a terminal or a program that it was done in
    by_person = decision is None or decision.by == "user"
    where = " elsewhere" if by_person else ""
    door = f" ({event.surface})" if event.surface and by_person else ""
    what = _pairs(event.values) or event.note
    said = f"{event.step_id or 'The run'} was {decided(event.action)}{where}{who}{door}"
    said += f": {what}" if what else ""
    had = _pairs(draft)
    if had and had != _pairs(event.values):
        said += f". You had filled in: {had}"
    return one_line(said)


def _pairs(values: Mapping[str, Any]) -> str:
    text = ", ".join(f"{name} = {value_text(value)}" for name, value in values.items())
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"
