"""Questions of Pi's extensions as input requests, and the user's answers as Pi expects them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from piplan_tui.agents.pi.decode import Dialog
from piplan_tui.agents.protocol import AskReply

ASK_TOOL = "ask_user"
"""The name of the tool that our extension gives to the model."""
ASK_EXTENSION = Path(__file__).with_name("ask_user.ts")
"""The extension; its dialogs carry a whole input request, and the whole answer, as JSON."""

PERMISSION_EXTENSION = Path(__file__).with_name("permission.ts")
"""The extension that asks before each tool call, for a user with a permission policy."""

ASK_TITLE = "piplan:ask:1"
PERMISSION_TITLE = "piplan:permission:1"
FIELD = "answer"
_KINDS = {
    "read": "read",
    "grep": "search",
    "find": "search",
    "ls": "search",
    "edit": "edit",
    "write": "edit",
    "bash": "execute",
}
_PERMISSION_OPTIONS = [
    {"optionId": "once", "name": "Allow once", "kind": "allow_once"},
    {"optionId": "no", "name": "Do not allow", "kind": "reject_once"},
]
_METHODS = {"select", "confirm", "input", "editor"}


def is_question(dialog: Dialog) -> bool:
    """Whether Pi waits for an answer to it."""
    return dialog.method in _METHODS


def input_request(dialog: Dialog) -> dict[str, Any]:
    """The question as an input request: what our own extensions ask, or else one field, `answer`."""
    if asked := _of_our_tool(dialog) or _permission(dialog):
        return asked
    field: dict[str, Any] = {"name": FIELD, "label": dialog.title or "Answer"}
    match dialog.method:
        case "select":
            field |= {"type": "choice", "options": [{"value": option} for option in dialog.options]}
            if not dialog.options:
                field = {"name": FIELD, "label": dialog.title or "Answer", "type": "text", "required": False}
        case "confirm":
            field |= {"type": "boolean"}
        case "editor":
            field |= {"type": "multiline", "required": False}
            if dialog.prefill:
                field["default"] = dialog.prefill
        case _:
            field |= {"type": "text", "required": False}
            if dialog.placeholder:
                field["placeholder"] = dialog.placeholder
    request: dict[str, Any] = {
        "version": 1,
        "message": dialog.message or dialog.title or "The agent asks for an answer.",
        "fields": [field],
        "source": {"dialect": "pi-extension-ui", "id": dialog.id, "method": dialog.method},
    }
    if dialog.title:
        request["title"] = dialog.title[:120]
    if dialog.timeout and dialog.timeout > 0:
        request["expires"] = {
            "afterSeconds": dialog.timeout / 1000,
            "then": "decline" if dialog.method == "confirm" else "cancel",
            "owner": "agent",
        }
    return request


def response(dialog: Dialog, reply: AskReply) -> dict[str, Any]:
    """The `extension_ui_response` that carries the user's answer."""
    answer: dict[str, Any] = {"type": "extension_ui_response", "id": dialog.id}
    if _of_our_tool(dialog):
        # a decline and a cancel are told apart, which a dialog of Pi cannot do
        told = {"action": reply.action, "values": reply.values}
        return {**answer, "value": msgspec.json.encode(told).decode()}
    if _permission(dialog):
        allow = reply.action == "accept" and reply.values.get("decision") == "once"
        return {**answer, "value": msgspec.json.encode({"allow": allow}).decode()}
    value = reply.values.get(FIELD)
    if reply.action == "accept" and dialog.method == "confirm":
        return {**answer, "confirmed": bool(value)}
    if reply.action == "accept":
        return {**answer, "value": "" if value is None else str(value)}
    if reply.action == "decline" and dialog.method == "confirm":
        return {**answer, "confirmed": False}
    return {**answer, "cancelled": True}


def _of_our_tool(dialog: Dialog) -> dict[str, Any] | None:
    if dialog.method != "editor" or dialog.title != ASK_TITLE:
        return None
    try:
        asked = msgspec.json.decode(dialog.prefill)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(asked, dict):
        return None
    asked.pop("expires", None)  # a time limit is the plan's to set, not the model's
    if not asked.get("fields"):
        asked["fields"] = [{"name": FIELD, "type": "multiline", "label": "Answer"}]
    return {
        "message": "The agent asks for an answer.",
        **asked,
        "version": 1,
        "source": {"dialect": "pi-ask-user", "id": dialog.id, "method": dialog.method},
    }


def _permission(dialog: Dialog) -> dict[str, Any] | None:
    """A tool call that is to be allowed, in the shape in which agents over ACP ask for it."""
    if dialog.method != "editor" or dialog.title != PERMISSION_TITLE:
        return None
    try:
        asked = msgspec.json.decode(dialog.prefill)
    except (msgspec.DecodeError, RecursionError):
        return None
    if not isinstance(asked, dict) or not isinstance(tool := asked.get("tool"), str):
        return None
    given = asked.get("input")
    arguments: dict[str, Any] = given if isinstance(given, dict) else {}
    detail = next((arguments[k] for k in ("path", "command", "pattern") if arguments.get(k)), "")
    request: dict[str, Any] = {
        "toolCall": {
            "title": f"{tool} {detail}".strip(),
            "kind": _KINDS.get(tool, "other"),
            "rawInput": arguments,
        },
        "options": _PERMISSION_OPTIONS,
        "source": {"dialect": "pi-permission", "id": dialog.id, "method": dialog.method},
    }
    if isinstance(arguments.get("command"), str):
        request["context"] = [{"type": "command", "text": arguments["command"]}]
    return request
