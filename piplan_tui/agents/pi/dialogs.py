"""Questions of Pi's extensions as input requests, and the user's answers as Pi expects them."""

from __future__ import annotations

from typing import Any

from piplan_tui.agents.pi.decode import Dialog
from piplan_tui.agents.protocol import AskReply

FIELD = "answer"
_METHODS = {"select", "confirm", "input", "editor"}


def is_question(dialog: Dialog) -> bool:
    """Whether Pi waits for an answer to it."""
    return dialog.method in _METHODS


def input_request(dialog: Dialog) -> dict[str, Any]:
    """The question as an input request with one field, `answer`."""
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
    value = reply.values.get(FIELD)
    if reply.action == "accept" and dialog.method == "confirm":
        return {**answer, "confirmed": bool(value)}
    if reply.action == "accept":
        return {**answer, "value": "" if value is None else str(value)}
    if reply.action == "decline" and dialog.method == "confirm":
        return {**answer, "confirmed": False}
    return {**answer, "cancelled": True}
