"""What is wrong with a JSON Schema that stands written out in a script."""

from __future__ import annotations

from typing import Any

from piplan_tui.plan.spelling import Spelling

_TYPES = ("object", "array", "string", "number", "integer", "boolean", "null")


def schema_problem(schema: Any) -> str:
    """In a sentence; empty when it is a schema."""
    if isinstance(schema, bool):
        return ""
    if not isinstance(schema, dict):
        return f"a schema is an object such as {{'type': 'object'}}, not {schema!r:.60}"
    # imported here: a large library that most scripts do without
    from jsonschema import Draft202012Validator
    from jsonschema.exceptions import SchemaError

    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        place = ".".join(map(str, error.absolute_path))
        value = error.instance
        if error.absolute_path and error.absolute_path[-1] == "type":
            meant = Spelling(_TYPES).nearest(str(value))
            hint = f"did you mean {meant!r}?" if meant else f"there are {', '.join(_TYPES)}"
            return f"this is no JSON Schema: {place}: there is no type {value!r:.60}; {hint}"
        return f"this is no JSON Schema: {place + ': ' if place else ''}{error.message[:200]}"
    except Exception:  # for some documents the library stumbles itself; the call will say what is wrong
        return ""
    return ""
