"""Which questions an MCP client can show, and how they look to it."""

from __future__ import annotations

from typing import Any

import pytest

from piplan_tui.model_tools.elicitation import elicitation_message, elicitation_schema
from piplan_tui.run.asks import read_request
from piplan_tui.run.budget import budget_request
from piplan_tui.run.events import BudgetExceeded
from piplan_tui.run.fan_out import Projection, fan_out_request
from piplan_tui.run.state import RunState


def schema(*fields: dict[str, Any], **more: Any) -> dict[str, Any] | None:
    return elicitation_schema(read_request({"message": "Which?", "fields": list(fields), **more}))


def test_simple_fields_become_properties() -> None:
    found = schema(
        {
            "name": "audience",
            "type": "choice",
            "options": [{"value": "seed", "label": "Seed"}, {"value": "b"}],
        },
        {"name": "slides", "type": "integer", "minimum": 1, "maximum": 20, "default": 5},
        {"name": "sure", "type": "boolean", "required": False},
        {"name": "day", "type": "date"},
    )
    assert found is not None
    assert found["required"] == ["audience", "slides", "day"]
    assert found["properties"] == {
        "audience": {
            "type": "string", "title": "Audience", "enum": ["seed", "b"], "enumNames": ["Seed", "b"],
        },
        "slides": {"type": "integer", "title": "Slides", "minimum": 1, "maximum": 20, "default": 5},
        "sure": {"type": "boolean", "title": "Sure"},
        "day": {"type": "string", "title": "Day", "format": "date"},
    }  # fmt: skip


def test_options_besides_which_others_are_welcome_are_only_described() -> None:
    field = {"name": "a", "type": "choice", "allowOther": True, "options": [{"value": "x", "label": "The X"}]}
    found = schema(field)
    assert found is not None
    assert found["properties"]["a"] == {"type": "string", "title": "A", "description": "x: The X"}


@pytest.mark.parametrize(
    "field",
    [
        {"name": "key", "type": "secret"},
        {"name": "file", "type": "path"},
        {"name": "many", "type": "multichoice", "options": [{"value": "a"}]},
        {"name": "data", "type": "json"},
        {"name": "n", "type": "choice", "options": [{"value": 1}]},
    ],
)
def test_what_would_be_lost_or_leaked_is_not_shown(field: dict[str, Any]) -> None:
    assert schema({"name": "a", "type": "text"}, field) is None


def test_all_that_is_to_be_read_is_in_the_message() -> None:
    request = read_request(
        {
            "title": "Topic",
            "message": "Which?",
            "reason": "Two fit.",
            "context": [{"type": "text", "text": "A, B"}],
        }
    )
    assert elicitation_message(request) == "Topic\n\nWhich?\n\nTwo fit.\n\nA, B"


def test_what_a_run_itself_asks_can_be_shown_by_any_client() -> None:
    over = BudgetExceeded(kind="tokens", limit=100, spent=120)
    budget = elicitation_schema(read_request(budget_request(over)))
    assert budget is not None
    assert budget["properties"]["decision"]["enum"] == ["raise", "lift", "stop"]
    assert budget["properties"]["limit"]["default"] == 200
    assert budget["required"] == ["decision"]
    ahead = Projection(items=60, calls=60, tokens=None, output=None, usd=None, known=0)
    fan_out = elicitation_schema(read_request(fan_out_request(RunState(), ahead)))
    assert fan_out is not None
    assert fan_out["properties"]["decision"]["enum"] == ["go", "stop"]
