"""Answers that are made up from a schema fit it."""

from __future__ import annotations

from typing import Any

import jsonschema
import pytest
from pydantic import BaseModel, Field

from piplan_tui.agents.demo_answer import made_up


class Node(BaseModel):
    name: str
    children: list[Node] = []


class Everything(BaseModel):
    when: str = Field(json_schema_extra={"format": "date"})
    score: float = Field(gt=0, le=1)
    count: int = Field(ge=3, le=4)
    note: str | None
    tags: list[str] = Field(min_length=3)
    tree: Node
    level: int | str
    short: str = Field(max_length=5)
    long: str = Field(min_length=300)


SCHEMAS: list[dict[str, Any]] = [
    Everything.model_json_schema(),
    {
        "type": "object",
        "properties": {"a": {"enum": ["x", "y"]}, "b": {"const": 7}, "c": {"type": ["null", "boolean"]}},
    },
    {"allOf": [{"type": "object", "properties": {"n": {"type": "integer", "exclusiveMinimum": 5}}}]},
    {"properties": {"list": {"items": {"type": "number", "minimum": 2, "maximum": 2}, "maxItems": 1}}},
    {},
]


@pytest.mark.parametrize("schema", SCHEMAS)
def test_what_is_made_up_fits_and_is_always_the_same(schema: dict[str, Any]) -> None:
    for seed in ("a", "b", "c"):
        value = made_up(schema, seed)
        jsonschema.validate(value, schema)
        assert made_up(schema, seed) == value


def test_items_of_a_list_differ() -> None:
    first, second, third = made_up({"type": "array", "items": {"type": "string"}, "minItems": 3}, "seed")
    assert len({first, second, third}) == 3
