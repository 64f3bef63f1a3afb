"""Any request that a model or a protocol makes, read into its canonical form."""

from __future__ import annotations

import json
import re
from typing import Any, get_args

import pydantic

from piplan_tui.clean import clean_text
from piplan_tui.run.asks.bounds import MAX_FIELDS, MAX_LABEL, bounded, shortened
from piplan_tui.run.asks.dialects import ANSWER, Dialect, read_dialect, read_list
from piplan_tui.run.asks.loose_field import env_name, first_text, number_of, read_field
from piplan_tui.run.asks.request import (
    Action,
    ActionResult,
    ContextBlock,
    Expires,
    Field,
    InputRequest,
    SecretRule,
)

_MESSAGE_KEYS = ("message", "prompt", "question", "text", "description", "instructions", "reason", "title")
_CONTEXT_TYPES = ("markdown", "text", "diff", "file", "command", "json")
_READ = frozenset(
    ("version", "id", "kind", "title", "message", "reason", "fields", "actions", "context", "url", "urgency",
     "expires", "source", "raw", "notes", "prompt", "question", "text", "instructions")
)  # fmt: skip
_NO_MESSAGE = "The step needs your input."
_MAX_MESSAGE = 20_000


def read_request(raw: object) -> InputRequest:
    """The request that `raw` is meant to be. Never raises: the least that comes out is one text field.

    A request that names no field has one, called `answer`. `raw` is kept as it is, whatever its size; what is
    made of it is bounded, cleaned for a terminal, and `notes` say what was changed.
    """
    if isinstance(raw, InputRequest):
        return raw
    try:
        doc, cut = bounded(raw)
        notes = ["The request is very large; only its beginning is shown."] if cut else []
        if isinstance(doc, str):
            doc = _decoded(doc)
        if isinstance(doc, dict):
            request = _build(doc, read_dialect(doc), notes)
        elif isinstance(doc, list) and doc:
            request = _build({}, read_list(doc), notes)
        else:
            text = "" if doc is None or isinstance(doc, list) else str(doc)
            request = _build({"message": text}, read_dialect({}), notes)
    except (pydantic.ValidationError, RecursionError, ValueError, TypeError, AttributeError, KeyError):
        # Whatever a stranger's data does to the reading, the user can still answer.
        request = InputRequest(
            message=_NO_MESSAGE,
            fields=[Field(name=ANSWER, type="multiline")],
            notes=["The request could not be read; its raw form is kept."],
        )
    request.raw = raw
    return request


def _decoded(text: str) -> Any:
    """A request that was written as JSON text, or the text."""
    if text.lstrip()[:1] in ("{", "["):
        try:
            decoded = json.loads(text, strict=False)
        except (ValueError, RecursionError):
            return text
        return bounded(decoded)[0] or text
    return text


def _build(doc: dict[str, Any], dialect: Dialect, notes: list[str]) -> InputRequest:
    implied = dialect.implied
    message = first_text(doc, *_MESSAGE_KEYS[:6], limit=_MAX_MESSAGE, lines=True)
    message = message or implied.get("message", "")
    message = message or first_text(doc, *_MESSAGE_KEYS, limit=_MAX_MESSAGE, lines=True)
    fields = _fields(dialect, notes)
    if not message:
        message = (
            next((f.label or f.description for f in fields if f.label or f.description), "") or _NO_MESSAGE
        )
    settings: dict[str, Any] = {"version": 1, "message": clean_text(message)}
    if dialect.name not in ("bare", "schema"):
        settings = {
            k: v for k, v in doc.items() if k not in _READ and not hasattr(InputRequest, k)
        } | settings
    if fields:
        settings["fields"] = fields
    for key, limit in (("id", 200), ("title", 120), ("url", 4_000)):
        if text := first_text(doc, key, limit=limit):
            settings[key] = text
    if reason := first_text(doc, "reason", limit=4_000, lines=True):
        settings["reason"] = reason
    kind = implied.get("kind") or doc.get("kind")
    if kind in ("form", "permission", "review", "url"):
        settings["kind"] = kind
    if doc.get("urgency") in ("low", "normal", "high"):
        settings["urgency"] = doc["urgency"]
    if actions := _actions(implied.get("actions") or doc.get("actions"), fields):
        settings["actions"] = actions
        settings.setdefault("kind", "review")
    if context := _context(doc, implied):
        settings["context"] = context
    if expires := read_expires(implied.get("expires") or doc.get("expires")):
        settings["expires"] = expires
    source = dict(doc["source"]) if isinstance(doc.get("source"), dict) else {}
    source.setdefault("dialect", dialect.name)
    settings["source"] = source
    return InputRequest(**settings, notes=notes)


def _fields(dialect: Dialect, notes: list[str]) -> list[Field]:
    specs = dialect.specs
    if len(specs) > MAX_FIELDS:
        notes.append(f"{len(specs)} fields are too many; the first {MAX_FIELDS} are asked for.")
        specs = specs[:MAX_FIELDS]
    taken: set[str] = set()
    envs: set[str] = set()
    fields: list[Field] = []
    for place, (written, spec) in enumerate(specs, 1):
        name = clean_text(written, keep_newlines=False).strip()[:80].strip() or f"field_{place}"
        name = _distinct(name, taken)
        if name != written and "sourceName" not in spec:
            spec = {**spec, "sourceName": written}
            if clean_text(written) != name:
                notes.append(f"A field was renamed to {name}.")
        field = read_field(spec, name, notes)
        if field.secret is not None:
            env = _distinct(field.secret.env, envs)
            field.secret = SecretRule(env=env_name(env), remember=field.secret.remember)
        fields.append(field)
    names = {field.name for field in fields}
    for field in fields:
        if field.show_if is not None and (
            field.show_if.field not in names or field.show_if.field == field.name
        ):
            notes.append(f"{field.name} is always shown: it depends on a field that does not exist.")
            field.show_if = None
            field.model_fields_set.discard("show_if")
    return fields


def _distinct(name: str, taken: set[str]) -> str:
    free, number = name, 2
    while free in taken:
        free, number = f"{name[:76]}_{number}", number + 1
    taken.add(free)
    return free


def _actions(raw: Any, fields: list[Field]) -> list[Action]:
    if not isinstance(raw, list):
        return []
    names = {field.name for field in fields}
    actions: list[Action] = []
    taken: set[str] = set()
    for item in raw[:20]:
        doc = {"id": item} if isinstance(item, str) else item
        if not isinstance(doc, dict):
            continue
        name = first_text(doc, "id", "name", "value", "label", limit=80)
        if not name:
            continue
        settings: dict[str, Any] = {"id": _distinct(name, taken), "result": _action_result(doc, name)}
        if label := first_text(doc, "label", "title"):
            settings["label"] = label
        if key := first_text(doc, "key", limit=20):
            settings["key"] = key
        if isinstance(doc.get("needs"), list):
            settings["needs"] = [need for need in doc["needs"] if isinstance(need, str) and need in names]
        actions.append(Action(**settings))
    return actions


def _action_result(doc: dict[str, Any], name: str) -> str:
    if doc.get("result") in get_args(ActionResult):
        return str(doc["result"])
    if re.search(r"cancel|abort|later", name, re.IGNORECASE):
        return "cancel"
    return (
        "decline" if re.search(r"reject|declin|deny|discard|^no$|ignore", name, re.IGNORECASE) else "accept"
    )


def _context(doc: dict[str, Any], implied: dict[str, Any]) -> list[ContextBlock]:
    raw = doc.get("context")
    items: list[Any] = list(raw) if isinstance(raw, list) else [raw] if raw else []
    if isinstance(doc.get("show_file"), str):
        items.append({"type": "file", "path": doc["show_file"]})
    blocks: list[ContextBlock] = []
    for item in [*items, *implied.get("context", [])][:20]:
        settings: dict[str, Any] = {}
        if isinstance(item, str):
            settings = {"type": "markdown", "text": clean_text(item)}
        elif isinstance(item, dict) and item.get("type") in _CONTEXT_TYPES:
            settings["type"] = item["type"]
            for key, limit in (("title", MAX_LABEL), ("path", 4_000), ("cwd", 4_000)):
                if text := first_text(item, key, limit=limit):
                    settings[key] = text
            if isinstance(item.get("text"), str):
                settings["text"] = shortened(clean_text(item["text"]), 20_000)
            if isinstance(line := number_of(item.get("line")), int) and line > 0:
                settings["line"] = line
            if "data" in item:
                settings["data"] = item["data"]
        elif item is not None:
            settings = {"type": "json", "data": item}
        if settings:
            blocks.append(ContextBlock(**settings))
    return blocks


def read_expires(raw: Any) -> Expires | None:
    """A time limit, only when it says both how long and what then: nothing is guessed about that."""
    if not isinstance(raw, dict):
        return None
    after = number_of(raw.get("afterSeconds", raw.get("after_seconds")))
    then = raw.get("then")
    if after is None or after <= 0 or then not in ("decline", "cancel", "fail", "defaults"):
        return None
    return Expires(
        after_seconds=after, then=then, owner="agent" if raw.get("owner") == "agent" else "runtime"
    )
