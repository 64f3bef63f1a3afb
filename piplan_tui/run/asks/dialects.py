"""The shapes in which models and protocols ask, each turned into names and loose field specifications."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from piplan_tui.run.asks.json_schema import specs_of_schema
from piplan_tui.run.asks.loose_field import first_text, options_of, spec_of, truth

ANSWER = "answer"
"""The name of the one field of a request that names none."""

Specs = list[tuple[str, dict[str, Any]]]
_SCHEMA_KEYS = ("schema", "jsonSchema", "inputSchema", "responseSchema", "resumeSchema", "json_schema")
_NOT_FIELDS = frozenset((
    "version", "id", "kind", "title", "message", "reason", "fields", "actions", "context", "url",
    "urgency", "expires", "source", "type", "status", "stepId", "runId", "planId", "requestId",
    "timestamp", "createdAt", "metadata", "mode", "toolCall", "method", "sessionId", "elicitationId",
    "timeout", "prompt", "question", "text", "description", "header", "summary", "name", "required",
    "instructions", "note", "notes", "hint", "uiSchema", "show_file", "jsonrpc", "config", "interrupt",
))  # fmt: skip
_FIELD_SIGNS = ("question", "prompt", "type", "label", "name", "id", "options", "choices", "header")
_PERMISSION_KEYS = {"allow_once": "y", "allow_always": "Y", "reject_once": "n", "reject_always": "N"}
"""Never the key that opens the question: pressed twice, it would allow what nobody has read."""
_SAID = frozenset(("toolCallId", "title", "kind", "status", "rawInput", "content", "locations", "_meta"))
"""What of a tool call is in its question, or in what is shown with it."""


class Dialect(msgspec.Struct):
    """What a shape says: its fields, and settings that it implies for the whole request."""

    name: str
    specs: Specs
    implied: dict[str, Any] = msgspec.field(default_factory=dict)


def read_dialect(doc: dict[str, Any]) -> Dialect:
    """The first shape that fits a request; one text field when it only has a message."""
    fields = doc.get("fields")
    if isinstance(fields, list) and fields:
        return Dialect("fields", _listed(fields))
    if isinstance(fields, dict) and fields:
        if isinstance(fields.get("properties"), dict):
            return Dialect("schema", specs_of_schema(fields))
        return Dialect("fields", [(name, spec_of(value)) for name, value in fields.items()])
    if isinstance(fields, str) and fields.strip():
        return Dialect("fields", [(part.strip(), {}) for part in fields.split(",") if part.strip()])
    if doc.get("type") == "extension_ui_request" and isinstance(doc.get("method"), str):
        return _pi_dialog(doc)
    if isinstance(doc.get("requestedSchema"), dict):
        return Dialect("elicitation", specs_of_schema(doc["requestedSchema"]))
    questions = doc.get("questions")
    if isinstance(questions, str | dict):
        questions = [questions]
    if isinstance(questions, list) and questions:
        return Dialect("questions", _questions(questions))
    calls = doc.get("action_requests", doc.get("actionRequests"))
    single = doc.get("action_request", doc.get("actionRequest"))
    if isinstance(calls, list) and calls:
        return _tool_calls(doc, calls)
    if isinstance(single, dict):
        return _interrupt(doc, single)
    for key in _SCHEMA_KEYS:
        if isinstance(doc.get(key), dict) and doc[key]:
            ui = doc.get("uiSchema")
            return Dialect("schema", specs_of_schema(doc[key], ui if isinstance(ui, dict) else None))
    for key in ("options", "choices", "response_options", "responseOptions"):
        if doc.get(key) and options_of(doc[key]):
            return _bare_options(doc, doc[key])
    if isinstance(doc.get("properties"), dict):
        return Dialect("schema", specs_of_schema(doc))
    if doc.get("mode") == "url" or doc.get("kind") == "url":
        return Dialect("url", [], {"kind": "url"})
    bare = [(name, spec_of(value)) for name, value in doc.items() if name not in _NOT_FIELDS and name.strip()]
    if bare:
        required = doc.get("required")
        if isinstance(required, list):
            for name, spec in bare:
                spec.setdefault("required", name in required)
        return Dialect("bare", bare)
    if doc.get("actions") or doc.get("kind") in ("review", "permission"):
        return Dialect("actions", [])
    kind = doc["type"] if isinstance(doc.get("type"), str) else "text"
    return Dialect("message", [(ANSWER, {**{k: doc[k] for k in ("placeholder",) if k in doc}, "type": kind})])


def read_list(items: list[Any]) -> Dialect:
    """A request that is a list: of questions, of field specifications or of names."""
    if any(isinstance(i, dict) and isinstance(i.get("question"), str) for i in items) or all(
        isinstance(i, str) and (" " in i.strip() or i.strip().endswith("?")) for i in items
    ):
        return Dialect("questions", _questions(items))
    if items and all(isinstance(i, dict) and isinstance(i.get("message"), str) for i in items):
        specs: Specs = []
        for item in items:
            for name, spec in read_dialect(item).specs:
                page = first_text(item, "title", "message")
                specs.append((name, {"description": item["message"], **spec, "page": page[:24]}))
        return Dialect("requests", specs)
    return Dialect("fields", _listed(items))


def _name_in(spec: dict[str, Any], fallback: str) -> str:
    for key in ("name", "id", "key", "field"):
        value = spec.get(key)
        if isinstance(value, str | int) and str(value).strip():
            return str(value)
    for key in ("label", "title", "header", "question", "prompt"):
        if slug := _slug(spec.get(key)):
            return slug
    return fallback


def _slug(text: Any) -> str:
    words = re.findall(r"\w+", text.casefold()) if isinstance(text, str) else []
    return "_".join(words)[:40].strip("_")


def _listed(items: list[Any]) -> Specs:
    specs: Specs = []
    for place, item in enumerate(items, 1):
        fallback = f"field_{place}" if len(items) > 1 else ANSWER
        if isinstance(item, str):
            name, colon, rest = item.partition(":")
            if colon and re.fullmatch(r"\w+", name.strip()):
                specs.append((name.strip(), spec_of(rest.strip())))
            elif len(item.split()) > 4 or item.strip().endswith("?"):
                specs.append((_slug(item) or fallback, {"label": item, "sourceName": item}))
            else:
                specs.append((item.strip() or fallback, {}))
        elif isinstance(item, dict):
            if len(item) == 1 and not any(key in item for key in _FIELD_SIGNS):
                specs += [(name, spec_of(value)) for name, value in item.items()]
            else:
                specs.append((_name_in(item, fallback), item))
        elif item is not None:
            specs.append((fallback, spec_of(item)))
    return specs


def _questions(items: list[Any]) -> Specs:
    """A page each; free text is always possible, as in the tools that ask this way."""
    specs: Specs = []
    for place, item in enumerate(items, 1):
        fallback = f"question_{place}"
        if isinstance(item, str):
            specs.append((_slug(item) or fallback, {"label": item, "sourceName": item, "page": f"{place}"}))
        elif isinstance(item, dict):
            text = first_text(item, "question", "prompt", "text", "message", "label", limit=4_000, lines=True)
            spec = {k: v for k, v in item.items() if k not in ("question", "prompt", "text", "message")}
            if "id" not in item and "name" not in item and isinstance(item.get("question"), str):
                spec["sourceName"] = item["question"]
            spec.setdefault("label", text)
            spec.setdefault("page", first_text(item, "header") or str(place))
            if all(key not in item for key in ("allowOther", "allow_other", "isOther", "custom", "other")):
                spec["allowOther"] = True
            specs.append((_name_in({**item, "label": item.get("header")}, fallback), spec))
    return specs


def _bare_options(doc: dict[str, Any], options: Any) -> Dialect:
    found = options_of(options)
    kinds = [o.get("kind") for o in found]
    spec: dict[str, Any] = {"type": "choice", "options": found}
    keep = ("multiple", "multiSelect", "multi", "allowOther", "allow_other", "custom", "isOther", "default")
    spec |= {key: doc[key] for key in (*keep, "minItems", "maxItems") if key in doc}
    if not any(kinds) and "toolCall" not in doc:
        return Dialect("options", [(ANSWER, spec)])
    for option in found:
        if option.get("kind") in _PERMISSION_KEYS:
            option.setdefault("key", _PERMISSION_KEYS[option["kind"]])
    implied: dict[str, Any] = {"kind": "permission"}
    call = doc.get("toolCall")
    if isinstance(call, dict):
        title = first_text(call, "title", "kind", limit=2_000, lines=True)
        implied["message"] = f"Allow {title}?" if title else "Allow this?"
        implied["context"] = _call_context(call, doc.get("context"))
    return Dialect("permission", [("decision", spec)], implied)


def _call_context(call: dict[str, Any], given: Any) -> list[dict[str, Any]]:
    """What a tool would be called with, readable: a line for each word or number, texts of several lines as such;
    but not again what the asker has shown already, as a diff or as a command."""
    blocks = [block for block in given if isinstance(block, dict)] if isinstance(given, list) else []
    if any(block.get("type") == "diff" for block in blocks):
        return []
    commands = [block.get("text") for block in blocks if block.get("type") == "command"]
    arguments = call.get("rawInput")
    if not isinstance(arguments, dict):
        arguments = {} if arguments is None else {"input": arguments}
    rest = {key: value for key, value in arguments.items() if value not in commands}
    texts = {key: value for key, value in rest.items() if isinstance(value, str) and "\n" in value.strip()}
    short = {key: value for key, value in rest.items() if key not in texts}
    short |= {key: value for key, value in call.items() if key not in _SAID}
    if not blocks:
        short |= {key: call[key] for key in ("content", "locations") if call.get(key) and not arguments}
    shown: list[dict[str, Any]] = []
    if short and all(isinstance(value, str | int | float) for value in short.values()):
        shown = [{"type": "text", "text": "\n".join(f"{key}: {value}" for key, value in short.items())}]
    elif short:
        shown = [{"type": "json", "data": short}]
    return shown + [{"type": "text", "title": key, "text": text} for key, text in texts.items()]


def _interrupt(doc: dict[str, Any], call: dict[str, Any]) -> Dialect:
    """A LangGraph interrupt about one tool call."""
    config = doc["config"] if isinstance(doc.get("config"), dict) else {}
    name = first_text(call, "action", "name") or "action"
    arguments = call.get("args", call.get("arguments", {}))
    allowed = {k: truth(config.get(f"allow_{k}")) for k in ("accept", "edit", "respond", "ignore")}
    if not any(allowed.values()):
        allowed["accept"] = allowed["ignore"] = True
    specs: Specs = []
    actions: list[dict[str, Any]] = []
    if allowed["accept"]:
        actions.append({"id": "accept", "label": "Accept", "key": "a", "result": "accept", "needs": []})
    if allowed["edit"]:
        specs.append(
            ("args", {"type": "json", "label": "Arguments", "default": arguments, "required": False})
        )
        actions.append(
            {"id": "edit", "label": "Run edited", "key": "e", "result": "accept", "needs": ["args"]}
        )
    if allowed["respond"]:
        specs.append(("response", {"type": "multiline", "label": "Response", "required": False}))
        respond = {
            "id": "response",
            "label": "Respond",
            "key": "r",
            "result": "accept",
            "needs": ["response"],
        }
        actions.append(respond)
    if allowed["ignore"]:
        actions.append({"id": "ignore", "label": "Ignore", "key": "i", "result": "decline", "needs": []})
    context = [{"type": "json", "title": name, "data": arguments}]
    implied = {"kind": "review", "message": f"Run {name}?", "actions": actions, "context": context}
    return Dialect("interrupt", specs, implied)


def _tool_calls(doc: dict[str, Any], calls: list[Any]) -> Dialect:
    """LangChain's review of several tool calls: a page and a decision each."""
    configs = doc.get("review_configs", doc.get("reviewConfigs"))
    rules = {
        c.get("action_name", c.get("actionName")): c.get("allowed_decisions", c.get("allowedDecisions"))
        for c in (configs if isinstance(configs, list) else [])
        if isinstance(c, dict) and isinstance(c.get("action_name", c.get("actionName")), str)
    }
    specs: Specs = []
    context: list[dict[str, Any]] = []
    for place, call in enumerate(calls, 1):
        if not isinstance(call, dict):
            continue
        name = first_text(call, "name", "action") or f"call {place}"
        arguments = call.get("args", call.get("arguments", {}))
        allowed = rules.get(call.get("name")) or ["approve", "edit", "reject"]
        words = [w for w in allowed if isinstance(w, str)] if isinstance(allowed, list) else []
        page, decision = name[:24], f"decision_{place}"
        text = first_text(call, "description", limit=4_000, lines=True)
        about = {
            "type": "choice",
            "label": name,
            "description": text,
            "options": words or ["approve", "reject"],
        }
        specs.append((decision, {**about, "page": page}))
        if "edit" in words:
            shown = {"field": decision, "equals": "edit"}
            edit = {"type": "json", "label": "Arguments", "default": arguments, "page": page, "showIf": shown}
            specs.append((f"args_{place}", edit))
        if "reject" in words:
            shown = {"field": decision, "equals": "reject"}
            why = {"type": "multiline", "label": "Why not", "required": False, "page": page, "showIf": shown}
            specs.append((f"reason_{place}", why))
        context.append({"type": "json", "title": name, "data": arguments})
    return Dialect("tool_calls", specs, {"message": "Review these tool calls.", "context": context})


def _pi_dialog(doc: dict[str, Any]) -> Dialect:
    """A dialog of a Pi extension: select, confirm, input or editor."""
    kinds = {"select": "choice", "confirm": "boolean", "editor": "multiline"}
    spec: dict[str, Any] = {"type": kinds.get(doc["method"], "text")}
    spec |= {key: doc[key] for key in ("options", "placeholder") if key in doc}
    if isinstance(doc.get("prefill"), str) and doc["prefill"]:
        spec["default"] = doc["prefill"]
    name = "confirmed" if doc["method"] == "confirm" else "value"
    implied: dict[str, Any] = {}
    if isinstance(doc.get("timeout"), int | float) and doc["timeout"] > 0:
        implied["expires"] = {"afterSeconds": doc["timeout"] / 1000, "then": "cancel", "owner": "agent"}
    return Dialect("pi", [(name, spec)], implied)
