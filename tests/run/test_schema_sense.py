"""Schemas that contradict themselves are told apart from those that a model can meet."""

from __future__ import annotations

from typing import Any

import pytest

from piplan_tui.run.schema_sense import contradiction

OBJECT = {"type": "object", "required": ["a"]}


@pytest.mark.parametrize(
    ("schema", "said"),
    [
        ({"type": "integer", "minimum": 5, "maximum": 4}, "no value fits it: minimum is 5 and maximum is 4"),
        ({"minimum": 5, "exclusiveMaximum": 5}, "minimum is 5 and exclusiveMaximum is 5"),
        (
            {"type": "string", "minLength": 3, "enum": ["a"]},
            "no value fits it: none of those in its enum does",
        ),
        ({"type": "string", "const": 1}, "none of those in its const does"),
        ({"enum": []}, "none of those in its enum does"),
        ({**OBJECT, "properties": {"a": {"not": {}}}}, "no value fits it at a"),
        ({**OBJECT, "properties": {"a": False}}, "no value fits it at a"),
        (
            {**OBJECT, "properties": {}, "additionalProperties": False},
            "a is required, but not among its properties",
        ),
        (
            {"type": "array", "minItems": 1, "items": {"minLength": 2, "maxLength": 1}},
            "no value fits it at []",
        ),
        ({"allOf": [{"minItems": 2, "maxItems": 1}]}, "minItems is 2 and maxItems is 1"),
    ],
)
def test_what_no_answer_can_fit(schema: dict[str, Any], said: str) -> None:
    assert said in contradiction(schema)


@pytest.mark.parametrize(
    "schema",
    [
        {},
        {"minimum": 5, "maximum": 5},
        {"type": "string", "enum": ["a", 1]},
        {"type": "string", "pattern": "^b$", "enum": ["a"]},
        {"type": "object", "properties": {"a": False}},
        {"type": "array", "items": {"not": {}}},
        {**OBJECT, "additionalProperties": False, "patternProperties": {"^a$": {}}},
        {"required": "a", "enum": "a", "allOf": 1, "minimum": "1", "properties": []},
    ],
)
def test_what_an_answer_may_fit(schema: dict[str, Any]) -> None:
    assert contradiction(schema) == ""
