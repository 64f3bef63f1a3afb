"""Questions of a run as forms of an MCP client, which can show a few simple kinds of fields only."""

from __future__ import annotations

from typing import Any

from piplan_tui.run.asks import Field, InputRequest

_TYPES = {"number": "number", "integer": "integer", "boolean": "boolean"}
_TEXTS = {"text", "multiline", "choice", "date", "datetime"}
_FORMATS = {"date": "date", "datetime": "date-time"}


def elicitation_schema(request: InputRequest) -> dict[str, Any] | None:
    """The form as the JSON Schema of an elicitation; `None` when it cannot be shown without losing something."""
    if request.kind not in ("form", "permission") or request.actions:
        return None
    properties: dict[str, Any] = {}
    for field in request.fields:
        schema = _field(field)
        if schema is None:
            return None
        if schema:
            properties[field.name] = schema
    required = [field.name for field in request.fields if field.required and field.name in properties]
    return {"type": "object", "properties": properties, **({"required": required} if required else {})}


def elicitation_message(request: InputRequest) -> str:
    """All that is to be read before answering."""
    parts = [request.title, request.message, request.reason]
    parts += [f"{block.title}\n{block.text}".strip() for block in request.context if block.text]
    parts += [field.description or field.label for field in request.fields if field.type == "info"]
    return "\n\n".join(part for part in parts if part)


def _field(field: Field) -> dict[str, Any] | None:
    if field.type == "info":
        return {}
    if field.show_if is not None or (field.type not in _TEXTS and field.type not in _TYPES):
        return None
    schema: dict[str, Any] = {"type": _TYPES.get(field.type, "string"), "title": field.caption}
    description = field.description
    if field.type == "choice":
        if not all(isinstance(option.value, str) for option in field.options):
            return None
        if field.allow_other:
            description = "\n".join(
                [description, *(f"{option.value}: {option.caption}" for option in field.options)]
            ).strip()
        else:
            schema["enum"] = [option.value for option in field.options]
            schema["enumNames"] = [option.caption for option in field.options]
    if description:
        schema["description"] = description
    if field.type in _FORMATS:
        schema["format"] = _FORMATS[field.type]
    limits = {
        "minLength": field.min_length,
        "maxLength": field.max_length,
        "minimum": field.minimum,
        "maximum": field.maximum,
        "default": field.default if field.has_default else None,
    }
    return schema | {name: value for name, value in limits.items() if value is not None}
