"""What a script says about itself before it runs: `export const meta = {…}` and the phases it names."""

from __future__ import annotations

import math
from typing import Any

from tree_sitter import Node

from piplan_tui.plan.problem import PlanInvalid, Problem, quoted
from piplan_tui.workflow.js.scope import Scopes
from piplan_tui.workflow.js.source import Source, string_value

_MAX_DEPTH = 50


class _NotPure(Exception):
    def __init__(self, node: Node, message: str) -> None:
        super().__init__(message)
        self.node = node


def find_meta(source: Source) -> Node | None:
    """The value of `export const meta = …`, or `None`."""
    for statement in source.root.named_children:
        declaration = statement.child_by_field_name("declaration")
        if statement.type != "export_statement" or declaration is None:
            continue
        for declarator in declaration.named_children:
            name = declarator.child_by_field_name("name")
            if name is not None and source.text_of(name) == "meta":
                return declarator.child_by_field_name("value") or declarator
    return None


def read_meta(source: Source, file: str) -> dict[str, Any]:
    """The literal of `export const meta`; empty without one.

    Raises:
        PlanInvalid: it is more than a literal, or not of the shape that a workflow needs.
    """
    node = find_meta(source)
    if node is None:
        return {}
    try:
        value = _value(source, node, 0)
        _check_shape(value, node)
    except _NotPure as error:
        line, column = source.place(error.node)
        raise PlanInvalid([Problem(file, line, column, str(error))]) from None
    assert isinstance(value, dict)
    return value


def literal(source: Source, node: Node) -> tuple[bool, Any]:
    """Whether an expression is nothing but a literal, and its value."""
    try:
        return True, _value(source, node, 0)
    except _NotPure:
        return False, None


def _check_shape(value: Any, node: Node) -> None:
    if not isinstance(value, dict):
        raise _NotPure(node, "`meta` must be an object, such as { name: '…', description: '…' }")
    for key in ("name", "description", "whenToUse"):
        if key in value and not isinstance(value[key], str):
            raise _NotPure(node, f"`{key}` in `meta` must be a string")
    phases = value.get("phases", [])
    if not isinstance(phases, list) or not all(_title(phase) for phase in phases):
        raise _NotPure(node, "`phases` in `meta` must be a list of { title: '…' }")


def _title(phase: Any) -> str:
    title = phase.get("title") if isinstance(phase, dict) else phase
    return title if isinstance(title, str) else ""


def phase_titles(source: Source, meta: dict[str, Any]) -> list[str]:
    """The titles known before the script runs: those of `meta`, then those written in `phase('…')` calls and in
    the options of `agent()` calls, each once, in the order of the text."""
    titles = dict.fromkeys(_title(phase) for phase in meta.get("phases", []))
    scopes = Scopes(source)
    for step in source.walk():
        if not step.entering:
            scopes.leave(step.node)
            continue
        scopes.enter(step.node)
        if step.node.type == "call_expression":
            title = _phase_of_call(source, scopes, step.node)
            if title:
                titles.setdefault(title)
    return list(titles)


def _phase_of_call(source: Source, scopes: Scopes, call: Node) -> str | None:
    callee = call.child_by_field_name("function")
    given = call.child_by_field_name("arguments")
    if callee is None or given is None or callee.type != "identifier" or given.type != "arguments":
        return None
    name = source.text_of(callee)
    values = [node for node in given.named_children if node.type != "comment"]
    if name not in {"phase", "agent"} or scopes.declares(name):
        return None
    if name == "phase":
        return string_value(source, values[0]) if values else None
    if len(values) < 2 or values[1].type != "object":
        return None
    for pair in values[1].named_children:
        key, value = pair.child_by_field_name("key"), pair.child_by_field_name("value")
        if key is not None and value is not None and _key(source, key) == "phase":
            return string_value(source, value)
    return None


def _key(source: Source, node: Node) -> str | None:
    return source.text_of(node) if node.type == "property_identifier" else string_value(source, node)


def _value(source: Source, node: Node, depth: int) -> Any:
    if depth > _MAX_DEPTH:
        raise _NotPure(node, f"`meta` is nested more than {_MAX_DEPTH} levels deep")
    match node.type:
        case "string" | "template_string":
            text = string_value(source, node)
            if text is not None:
                return text
        case "number":
            return _number(source, node)
        case "unary_expression":
            operand = node.child_by_field_name("argument")
            if operand is not None and operand.type == "number" and source.text_of(node)[0] in "+-":
                value = _number(source, operand)
                return -value if source.text_of(node)[0] == "-" else value
        case "true" | "false":
            return node.type == "true"
        case "null" | "undefined":
            return None
        case "parenthesized_expression":
            inner = [child for child in node.named_children if child.type != "comment"]
            if len(inner) == 1:
                return _value(source, inner[0], depth + 1)
        case "array":
            return [_value(source, item, depth + 1) for item in _items(node)]
        case "object":
            return dict(_pair(source, item, depth) for item in _items(node))
        case _:
            pass
    raise _NotPure(
        node,
        f"`meta` must be a pure literal, because it is read before the script runs: {_what(source, node)}",
    )


def _items(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]


def _pair(source: Source, node: Node, depth: int) -> tuple[str, Any]:
    if node.type == "pair":
        key, value = node.child_by_field_name("key"), node.child_by_field_name("value")
        if key is not None and value is not None:
            name = str(_number(source, key)) if key.type == "number" else _key(source, key)
            if name is not None:
                return name, _value(source, value, depth + 1)
    raise _NotPure(
        node,
        f"`meta` must be a pure literal, because it is read before the script runs: {_what(source, node)}",
    )


def _number(source: Source, node: Node) -> int | float:
    text = source.text_of(node).replace("_", "")
    try:
        value = int(text, 0) if text[:2].lower() in {"0x", "0o", "0b"} else float(text)
    except ValueError:
        raise _NotPure(node, f"{quoted(text)} is no number that `meta` may hold") from None
    if isinstance(value, float) and math.isfinite(value) and value.is_integer():
        return int(value)
    return value


_KINDS = {
    "call_expression": "a call",
    "identifier": "a variable",
    "shorthand_property_identifier": "a variable",
    "spread_element": "a spread",
    "template_string": "a template with a substitution",
    "method_definition": "a method",
    "arrow_function": "a function",
    "function_expression": "a function",
    "binary_expression": "a computed value",
}


def _what(source: Source, node: Node) -> str:
    return f"{quoted(source.text_of(node), 40)} is {_KINDS.get(node.type, 'no literal')}"
