"""Keeps the user's secrets out of whatever is written or shown."""

from __future__ import annotations

import json
from typing import Any, TypeVar, cast

import msgspec

T = TypeVar("T")

_SHORTEST = 4  # replacing shorter values would garble ordinary text and hide nothing


class Redactor:
    """Knows the secrets of one run, by the environment variable that each is given to agents in.

    They live in this object alone: not in events, the transcript, prompts or the handoff files.
    """

    def __init__(self) -> None:
        self.secrets: dict[str, str] = {}

    def learn(self, secrets: dict[str, str]) -> None:
        self.secrets.update(secrets)

    def text(self, text: str) -> str:
        """`text` with every secret replaced by its name."""
        for name, value in self.secrets.items():
            if len(value) >= _SHORTEST and value in text:
                text = text.replace(value, f"$secret:{name}")
        return text

    def value(self, value: T) -> T:
        """The same for a JSON-like value, an event or any other struct: a copy when something was replaced."""
        if not self.secrets:
            return value
        return cast(T, _walk(value, self))


def _walk(value: Any, redactor: Redactor) -> Any:
    if isinstance(value, str):
        return redactor.text(value)
    if isinstance(value, dict):
        return {_walk(key, redactor): _walk(item, redactor) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return type(value)(_walk(item, redactor) for item in value)
    if isinstance(value, msgspec.Struct):
        changes = {}
        for name in value.__struct_fields__:
            old = getattr(value, name)
            new = _walk(old, redactor)
            if new is not old and new != old:
                changes[name] = new
        return msgspec.structs.replace(value, **changes) if changes else value
    return value


def redacted_json(data: bytes, redactor: Redactor) -> bytes:
    """JSON text with every secret replaced, also where JSON had to escape it."""
    for name, value in redactor.secrets.items():
        if len(value) < _SHORTEST:
            continue
        for form in {json.dumps(value)[1:-1], json.dumps(value, ensure_ascii=False)[1:-1]}:
            data = data.replace(form.encode(), f"$secret:{name}".encode())
    return data
