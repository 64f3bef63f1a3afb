"""Schemas that no answer can fit: contradictions that are seen without asking a model."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, TypeGuard

_RANGES = (
    ("minimum", "maximum"),
    ("exclusiveMinimum", "maximum"),
    ("minimum", "exclusiveMaximum"),
    ("minLength", "maxLength"),
    ("minItems", "maxItems"),
    ("minProperties", "maxProperties"),
)
_SIMPLE = ("type", *dict.fromkeys(name for pair in _RANGES for name in pair))
_DEEPEST = 40


def contradiction(schema: Any) -> str:
    """In a sentence, why no answer fits; empty when nothing contradicts itself. Finds the plain cases only."""
    return next(_found(schema, "", 0), "")


def _found(schema: Any, at: str, depth: int) -> Iterator[str]:
    where = f" at {at}" if at else ""
    if schema is False or (isinstance(schema, dict) and schema.get("not") in ({}, True)):
        yield f"no value fits it{where}"
        return
    if not isinstance(schema, dict) or depth > _DEEPEST:
        return
    for low, high in _RANGES:
        least, most = schema.get(low), schema.get(high)
        if (
            _is_number(least)
            and _is_number(most)
            and (least > most or (least == most and "exclusive" in low + high))
        ):
            yield f"no value fits it{where}: {low} is {least:g} and {high} is {most:g}"
    allowed = [schema["const"]] if "const" in schema else schema.get("enum")
    if isinstance(allowed, list):
        # only what costs nothing to check: a pattern may be made to take for ever
        rest = {key: schema[key] for key in _SIMPLE if key in schema}
        from jsonschema import Draft202012Validator  # slow to load

        fits = Draft202012Validator(rest).is_valid
        if not any(fits(value) for value in allowed):
            yield f"no value fits it{where}: none of those in its {'const' if 'const' in schema else 'enum'} does"
    properties = schema.get("properties")
    properties = properties if isinstance(properties, dict) else {}
    required = schema.get("required")
    for name in required if isinstance(required, list) else ():
        inside = f"{at}.{name}" if at else str(name)
        if name in properties:
            yield from _found(properties[name], inside, depth + 1)
        elif schema.get("additionalProperties") is False and not schema.get("patternProperties"):
            yield f"no value fits it: {inside} is required, but not among its properties"
    if _is_number(least := schema.get("minItems")) and least > 0 and "items" in schema:
        yield from _found(schema["items"], f"{at}[]", depth + 1)
    parts = schema.get("allOf")
    for part in parts if isinstance(parts, list) else ():
        yield from _found(part, at, depth + 1)


def _is_number(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
