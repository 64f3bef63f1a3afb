"""Permissions that the user decided beforehand, by a policy of the config file.

A policy looks at what an agent asks to do: the kind of the tool call and the paths that it names, with symbolic
links followed. What it does not decide is asked. It never chooses an option that holds for more than once.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec

Policy = Literal["ask", "allow-read-only", "allow-in-workspace", "deny"]
POLICIES: tuple[Policy, ...] = ("ask", "allow-read-only", "allow-in-workspace", "deny")
POLICIES_SAID = "ask, allow read-only, allow in workspace or deny"
"""The policies, as the end of a sentence."""

_READING = frozenset({"read", "search", "think"})
_CHANGING = frozenset({"edit", "delete", "move"})
_NEEDS_PATH = frozenset({"read"}) | _CHANGING
_PATH_KEYS = frozenset(
    {
        "path", "paths", "file", "files", "file_path", "filePath", "filepath", "filename", "notebook_path",
        "directory", "dir", "cwd", "source", "destination", "old_path", "new_path", "oldPath", "newPath",
    }
)  # fmt: skip
_MAX_QUESTION = 300


class Decided(NamedTuple):
    """What a policy answers: the `decision` of the chosen option, or empty for a refusal without one."""

    allowed: bool
    decision: str


def read_policy(text: str) -> Policy | None:
    """A policy as people write it: `allow read-only`, `allow_in_workspace`. `None` when it is none."""
    word = "-".join(text.lower().replace("_", " ").replace("-", " ").split())
    return next((policy for policy in POLICIES if policy == word), None)


def policy_of(settings: dict[str, Any], agent: str) -> str:
    """The policy for an agent of a run with these settings; empty when the user wrote none."""
    table = settings.get("permissions") or {}
    policy = table.get("by", {}).get(agent) or table.get("default", "")
    return policy if isinstance(policy, str) else ""


def is_permission(request: Any) -> bool:
    """Whether a question is about a tool call that is to be allowed."""
    return (
        isinstance(request, dict)
        and isinstance(request.get("toolCall"), dict)
        and isinstance(request.get("options"), list)
    )


def decide(policy: str, request: Any, workspace: Path) -> Decided | None:
    """What the policy answers to a question about a tool call; `None` leaves it to the user."""
    if policy in ("", "ask") or not is_permission(request):
        return None
    if policy == "deny":
        return Decided(False, _option(request, "reject_once"))
    call = request["toolCall"]
    allowed = _READING if policy == "allow-read-only" else _READING | _CHANGING
    once = _option(request, "allow_once")
    if not once or call.get("kind") not in allowed:
        return None
    paths = list(_paths(call))
    if not paths and call["kind"] in _NEEDS_PATH:
        return None
    changes = call["kind"] in _CHANGING
    if not all(_inside(workspace, path, changes=changes) for path in paths):
        return None
    return Decided(True, once)


def _option(request: dict[str, Any], kind: str) -> str:
    for option in request["options"]:
        if isinstance(option, dict) and option.get("kind") == kind:
            return str(option.get("optionId", ""))
    return ""


def _paths(call: dict[str, Any]) -> Iterator[str]:
    locations = call.get("locations")
    for place in locations if isinstance(locations, list) else ():
        if isinstance(place, dict) and isinstance(place.get("path"), str):
            yield place["path"]
    content = call.get("content")
    for item in content if isinstance(content, list) else ():
        if isinstance(item, dict) and item.get("type") == "diff" and isinstance(item.get("path"), str):
            yield item["path"]
    arguments = call.get("rawInput")
    for name, value in (arguments if isinstance(arguments, dict) else {}).items():
        if name in _PATH_KEYS:
            for path in value if isinstance(value, list) else [value]:
                if isinstance(path, str):
                    yield path


def _inside(workspace: Path, path: str, *, changes: bool) -> bool:
    if not path or "\0" in path or path.startswith("~"):
        return False
    try:
        root = workspace.resolve()
        real = (root / path.removeprefix("file://")).resolve()
    except (OSError, RuntimeError, ValueError):
        return False
    if not real.is_relative_to(root):
        return False
    # what git runs by itself is written there: hooks, filters, aliases
    return not (changes and ".git" in real.relative_to(root).parts)


def question_of(request: Any) -> str:
    """What was asked, in one line for the record."""
    if not isinstance(request, dict):
        text = request if isinstance(request, str) else ""
    elif is_permission(request):
        call = request["toolCall"]
        arguments = call.get("rawInput")
        command = arguments.get("command") if isinstance(arguments, dict) else None
        title = call.get("title") or call.get("kind") or "tool call"
        detail = command if isinstance(command, str) else next(_paths(call), "")
        text = f"{title}: {detail}" if detail and detail not in str(title) else str(title)
    else:
        text = next((request[k] for k in ("message", "title") if isinstance(request.get(k), str)), "")
    text = " ".join(str(text).split())
    return text if len(text) <= _MAX_QUESTION else text[: _MAX_QUESTION - 1] + "…"


def choice_of(request: Any, values: dict[str, Any]) -> str:
    """The option of a permission that was chosen, in the agent's own words; empty for any other question."""
    if is_permission(request):
        for option in request["options"]:
            if isinstance(option, dict) and option.get("optionId") == values.get("decision"):
                return str(option.get("name") or option.get("kind") or "")
    return ""


def sameness(request: Any) -> str:
    """What is equal for permissions that are the same question, whoever asks; empty for any other question."""
    if not is_permission(request):
        return ""
    call = {k: v for k, v in request["toolCall"].items() if k not in ("toolCallId", "status", "_meta")}
    try:
        asked = msgspec.json.encode([call, request["options"]], order="sorted")
    except (TypeError, ValueError, RecursionError):
        return ""
    return hashlib.sha256(asked).hexdigest()[:24]
