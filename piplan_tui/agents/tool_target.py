"""What a tool call is about, in a few words."""

from __future__ import annotations

_TARGETS = ("path", "file_path", "command", "pattern", "query", "url", "message", "name")
_MAX_TARGET = 200


def target(arguments: dict[str, object]) -> str:
    """The one argument of a tool call that is worth a row: its path, command or pattern."""
    for name in _TARGETS:
        value = arguments.get(name)
        if isinstance(value, str) and value.strip():
            line = " ".join(value.split())
            return line if len(line) <= _MAX_TARGET else line[: _MAX_TARGET - 1] + "…"
    return ""
