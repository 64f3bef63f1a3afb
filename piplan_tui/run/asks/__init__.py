"""Questions to the user: any shape read into one, answers checked whatever door they come through."""

from piplan_tui.run.asks.answer import (
    CheckedAnswer,
    FieldError,
    PairError,
    ask_summary,
    check_action,
    check_answer,
    check_values,
    defaults_of,
    initial_values,
    note_problems,
    parse_pairs,
    visible_fields,
)
from piplan_tui.run.asks.read import read_request
from piplan_tui.run.asks.request import Action, ContextBlock, Expires, Field, InputRequest, Option

__all__ = [
    "Action",
    "CheckedAnswer",
    "ContextBlock",
    "Expires",
    "Field",
    "FieldError",
    "InputRequest",
    "Option",
    "PairError",
    "ask_summary",
    "check_action",
    "check_answer",
    "check_values",
    "defaults_of",
    "initial_values",
    "note_problems",
    "parse_pairs",
    "read_request",
    "visible_fields",
]
