"""Questions of an agent as input requests, and the user's answers as the protocol has them."""

from __future__ import annotations

from typing import Any

from piplan_tui.agents.acp.content import diff_text
from piplan_tui.agents.protocol import AskReply
from piplan_tui.run.asks import read_request

PERMISSION = "session/request_permission"
ELICITATION = "elicitation/create"
ASK_USER = "ask_user"
"""Not a method of the protocol: the tool by which the agent's model asks."""
DECISION = "decision"
"""The field in which the user's choice among the options of a permission comes back."""

Answer = dict[str, Any]

_NOT_ASKED = frozenset({"sessionId", "requestId", "_meta", "expires"})
"""What is no part of the question. The protocol has no time limits, so one that an agent writes is not its either."""


def input_request(method: str, params: dict[str, Any], known: dict[str, Any] | None = None) -> dict[str, Any]:
    """The question as it came, with what it is about made readable.

    `known` is what was said before of the tool call that it is about; a permission repeats only what is new.
    """
    request = {
        **{name: value for name, value in params.items() if name not in _NOT_ASKED},
        "source": {"protocol": "acp", "method": method},
    }
    call = params.get("toolCall")
    if method == PERMISSION and isinstance(call, dict):
        call = {**(known or {}), **{name: value for name, value in call.items() if value is not None}}
        request["toolCall"] = call
        request["context"] = _context(call)
    return request


def tool_request(request: dict[str, Any]) -> dict[str, Any]:
    """What the model asked with our tool, as an input request."""
    asked = {name: value for name, value in request.items() if name not in _NOT_ASKED}
    if not asked.get("fields"):
        asked["fields"] = [{"name": "answer", "type": "multiline", "label": "Answer"}]
    source = {"dialect": "acp-ask-user"}
    return {"message": "The agent asks for an answer.", **asked, "version": 1, "source": source}


def _context(call: dict[str, Any]) -> list[dict[str, Any]]:
    blocks: list[dict[str, Any]] = []
    arguments = call.get("rawInput")
    if isinstance(arguments, dict) and isinstance(arguments.get("command"), str):
        blocks.append({"type": "command", "text": arguments["command"]})
    content = call.get("content")
    for item in content if isinstance(content, list) else []:
        if not isinstance(item, dict):
            continue
        if item.get("type") == "diff" and isinstance(item.get("newText"), str):
            path = str(item.get("path", ""))
            old = item.get("oldText")
            text = diff_text(path, old if isinstance(old, str) else None, item["newText"])
            blocks.append({"type": "diff", "title": path, "text": text})
        elif isinstance(inner := item.get("content"), dict) and isinstance(inner.get("text"), str):
            blocks.append({"type": "markdown", "text": inner["text"]})
    return blocks


def answer_of(method: str, request: dict[str, Any], reply: AskReply) -> Answer:
    """The result of the agent's request that carries the user's answer."""
    if method == PERMISSION:
        return _permission(request, reply)
    if method == ASK_USER:
        return {"action": reply.action, "values": reply.values}
    if reply.action != "accept":
        return {"action": reply.action}
    if request.get("mode") == "url":
        return {"action": "accept"}
    names = {field.name: field.asker_name for field in read_request(request).fields}
    content = {names.get(name, name): value for name, value in reply.values.items() if value is not None}
    return {"action": "accept", "content": content}


def cancelled(method: str) -> Answer:
    """The answer to a question that nobody will answer any more."""
    return {"outcome": {"outcome": "cancelled"}} if method == PERMISSION else {"action": "cancel"}


def _permission(request: dict[str, Any], reply: AskReply) -> Answer:
    options = {option["optionId"]: option.get("kind") for option in request["options"]}
    chosen: str | None = None
    if reply.action == "accept" and reply.values.get(DECISION) in options:
        chosen = reply.values[DECISION]
    elif reply.action == "decline":
        # to refuse for good is more than the user said
        chosen = next((option for option, kind in options.items() if kind == "reject_once"), None)
    if chosen is None:
        return cancelled(PERMISSION)
    return {"outcome": {"outcome": "selected", "optionId": chosen}}
