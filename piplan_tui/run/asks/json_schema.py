"""Fields from a JSON Schema, as MCP elicitation, pydantic and form libraries write them."""

from __future__ import annotations

from typing import Any

_MAX_REFS = 8
_PLAIN = ("string", "number", "integer", "boolean")


def specs_of_schema(
    schema: dict[str, Any], ui: dict[str, Any] | None = None, *, single_name: str = "answer"
) -> list[tuple[str, dict[str, Any]]]:
    """Names and specifications, in the order of the properties (or of `ui:order`).

    A schema that is not an object's is one field, called `single_name`. `ui` is an RJSF `uiSchema`.
    """
    ui = ui or {}
    schema = _resolved(schema, schema)
    properties = schema.get("properties")
    if not isinstance(properties, dict):
        return [(single_name, _spec(schema, schema, {}))]
    names = list(properties)
    order = ui.get("ui:order")
    if isinstance(order, list):
        places = {name: place for place, name in enumerate(order) if isinstance(name, str)}
        rest = places.get("*", len(order))
        names.sort(key=lambda name: places.get(name, rest))
    required = schema.get("required")
    needed = required if isinstance(required, list) else []
    specs: list[tuple[str, dict[str, Any]]] = []
    for name in names:
        hints = ui.get(name)
        spec = _spec(properties[name], schema, hints if isinstance(hints, dict) else {})
        own = properties[name].get("required") if isinstance(properties[name], dict) else None
        spec["required"] = name in needed or own is True
        specs.append((name, spec))
    return specs


def _resolved(found: Any, root: dict[str, Any]) -> dict[str, Any]:
    """Follows local references, and takes the one branch that is not null."""
    if not isinstance(found, dict):
        return {}
    schema: dict[str, Any] = found
    for _ in range(_MAX_REFS):
        ref = schema.get("$ref")
        target: Any = None
        if isinstance(ref, str) and ref.startswith("#/"):
            target = root
            for part in ref[2:].split("/"):
                target = (
                    target.get(part.replace("~1", "/").replace("~0", "~"))
                    if isinstance(target, dict)
                    else None
                )
        else:
            for key in ("anyOf", "oneOf", "allOf"):
                branches = schema.get(key)
                if isinstance(branches, list):
                    real = [b for b in branches if isinstance(b, dict) and b.get("type") != "null"]
                    if len(real) == 1 and "const" not in real[0]:
                        target = real[0]
                        break
        if not isinstance(target, dict):
            return schema
        schema = {
            **target,
            **{k: v for k, v in schema.items() if k not in ("$ref", "anyOf", "oneOf", "allOf")},
        }
    return schema


def _constants(schema: dict[str, Any]) -> list[Any]:
    """The options of an `enum`, or of `oneOf`/`anyOf` with a `const` each."""
    if isinstance(schema.get("enum"), list):
        return [value for value in schema["enum"] if value is not None]
    for key in ("oneOf", "anyOf"):
        branches = schema.get(key)
        if (
            isinstance(branches, list)
            and branches
            and all(isinstance(b, dict) and "const" in b for b in branches)
        ):
            return [branch for branch in branches if branch["const"] is not None]
    return [schema["const"]] if isinstance(schema.get("const"), str | int | float) else []


def _spec(schema: Any, root: dict[str, Any], hints: dict[str, Any]) -> dict[str, Any]:
    schema = _resolved(schema, root)
    spec = {
        k: schema[k] for k in ("title", "description", "default", "examples", "minLength", "maxLength", "pattern",
                               "format", "minimum", "maximum", "multipleOf", "minItems", "maxItems")
        if k in schema
    }  # fmt: skip
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), None)
    options = _constants(schema)
    plain = all(isinstance(o, str | int | float | dict) for o in options)
    if options and plain and kind not in ("object", "array"):
        spec |= {"type": "choice", "options": options, "enumNames": schema.get("enumNames")}
    elif kind == "boolean":
        spec["type"] = "boolean"
    elif kind in ("number", "integer"):
        spec["type"] = kind
        if kind == "integer":
            for bound, key, by in (("exclusiveMinimum", "minimum", 1), ("exclusiveMaximum", "maximum", -1)):
                if isinstance(schema.get(bound), int) and not isinstance(schema[bound], bool):
                    spec[key] = schema[bound] + by
    elif kind == "array" and (items := _constants(_resolved(schema.get("items"), root))):
        spec |= {"type": "multichoice", "options": items}
    elif kind == "object" or kind == "array" or "properties" in schema:
        whole = dict(schema)
        whole |= {k: root[k] for k in ("$defs", "definitions") if k in root and k not in whole}
        spec |= {"type": "json", "schema": whole}
    else:
        spec["type"] = "text"
        if schema.get("writeOnly") is True or schema.get("format") == "password":
            spec["type"] = "secret"
    widget = hints.get("ui:widget", schema.get("ui:widget"))
    if spec["type"] == "text" and widget in ("textarea", "password", "file", "date", "date-time", "datetime"):
        spec["type"] = widget
    for key in ("title", "description", "placeholder", "help"):
        if isinstance(hints.get(f"ui:{key}"), str):
            spec[key] = hints[f"ui:{key}"]
    return spec
