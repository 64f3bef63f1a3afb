"""Keeps the user's secrets out of whatever is written or shown."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
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
        self._patterns: list[tuple[re.Pattern[str], str]] = []

    def learn(self, secrets: dict[str, str]) -> None:
        self.secrets.update(secrets)
        # the longest first: one may be a part of another
        known = sorted(self.secrets.items(), key=lambda item: -len(item[1]))
        self._patterns = [
            (_pattern(value), f"$secret:{name}".replace("\\", r"\\"))
            for name, value in known
            if len(value) >= _SHORTEST
        ]

    def text(self, text: str) -> str:
        """`text` with every secret replaced by its name, also where it is written as in a JSON string."""
        for pattern, name in self._patterns:
            text = pattern.sub(name, text)
        return text

    def unfinished(self, text: str) -> int:
        """How many characters at the end of `text` may be the beginning of a secret that is still coming."""
        longest = 0
        for value in self.secrets.values():
            if len(value) >= _SHORTEST:
                ends = (n for n in range(min(len(value) - 1, len(text)), longest, -1))
                longest = next((n for n in ends if text.endswith(value[:n])), longest)
        return longest

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
    return redactor.text(data.decode()).encode() if redactor.secrets else data


def _pattern(value: str) -> re.Pattern[str]:
    return re.compile("".join(f"(?:{'|'.join(_forms(letter))})" for letter in value))


def _forms(letter: str) -> Iterable[str]:
    """The ways in which a JSON string may hold a character, as patterns; the longest first."""
    units = letter.encode("utf-16-be", "surrogatepass")
    pairs = (units[n : n + 2].hex() for n in range(0, len(units), 2))
    yield "".join(rf"\\u(?i:{pair})" for pair in pairs)
    if (escaped := json.dumps(letter, ensure_ascii=False)[1:-1]) != letter:
        yield re.escape(escaped)
    if letter == "/":
        yield r"\\/"
    yield re.escape(letter)
