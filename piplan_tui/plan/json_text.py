"""Strict JSON, and where in its text each value stands.

The standard library's parser does the parsing. What it cannot do is done here: refuse what only Python
takes for JSON (NaN, numbers without bounds, half surrogates), see keys that stand twice, and give the place
of a value.
"""

from __future__ import annotations

import json
import math
import re
from bisect import bisect_right
from collections.abc import Iterator
from itertools import accumulate
from typing import Any, NoReturn

MAX_DEPTH = 100
Path = tuple[str | int, ...]

_STRING_OR_OTHER = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[^\[\]{}"]++', re.DOTALL)
_BRACKETS = re.compile(r'"(?:[^"\\]++|\\.)*+"?|[{}\[\]]', re.DOTALL)
_SPACE = re.compile(r"[ \t\n\r]*+")
_ESCAPES = re.compile(
    r"\\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}"
    r"|(?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2}|[\ud800-\udfff])|\\.",
    re.DOTALL,
)
_DEPTH_STEP = {"{": 1, "[": 1, "}": -1, "]": -1}


class NotStrictJson(ValueError):
    """The text is no JSON, or holds what only some parsers take for it."""


class Places:
    """Lines and columns of a text, and of the values of the JSON document that it holds.

    `meant` is the JSON where the text itself has mistakes: as long as the text, each value at its place.
    """

    def __init__(self, text: str, meant: str | None = None) -> None:
        self._text = text if meant is None else meant
        self._line_starts = [0, *(match.end() for match in re.finditer("\n", text))]
        self._decoder = json.JSONDecoder()
        self._objects: dict[int, dict[str, tuple[int, int]]] = {}
        self._arrays: dict[int, list[int]] = {}

    def line_column(self, offset: int) -> tuple[int, int]:
        """Line and column of a character, both from 1."""
        line = bisect_right(self._line_starts, offset)
        return line, offset - self._line_starts[line - 1] + 1

    def offset(self, path: Path, *, key: bool = False) -> int:
        """Where the value at `path` begins, or with `key` the key it stands under.

        There must be JSON to look into. A path that leads nowhere gives the nearest value around it.
        """
        at = self._skip(0)
        for depth, name in enumerate(path, start=1):
            if isinstance(name, int):
                items = self._array(at)
                if name >= len(items):
                    break
                at = items[name]
            else:
                member = self._object(at).get(name)
                if member is None:
                    break
                at = member[0] if key and depth == len(path) else member[1]
        return at

    def _skip(self, at: int) -> int:
        match = _SPACE.match(self._text, at)
        return match.end() if match else at

    def _object(self, at: int) -> dict[str, tuple[int, int]]:
        if self._text[at] != "{":
            return {}
        if at not in self._objects:
            members: dict[str, tuple[int, int]] = {}
            here = self._skip(at + 1)
            while self._text[here] != "}":
                name, end = self._decoder.raw_decode(self._text, here)
                value = self._skip(self._skip(end) + 1)
                members[name] = (here, value)
                here = self._after_value(value)
            self._objects[at] = members
        return self._objects[at]

    def _array(self, at: int) -> list[int]:
        if self._text[at] != "[":
            return []
        if at not in self._arrays:
            items = []
            here = self._skip(at + 1)
            while self._text[here] != "]":
                items.append(here)
                here = self._after_value(here)
            self._arrays[at] = items
        return self._arrays[at]

    def _after_value(self, at: int) -> int:
        here = self._skip(self._decoder.raw_decode(self._text, at)[1])
        return self._skip(here + 1) if self._text[here] == "," else here


def parse_strict(text: str) -> tuple[Any, bool]:
    """The document, and whether an object in it has a key more than once (the last one counts).

    Raises:
        NotStrictJson: `text` is no JSON.
    """
    doubled = False

    def build(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        nonlocal doubled
        members = dict(pairs)
        doubled = doubled or len(members) < len(pairs)
        return members

    if any(match.lastgroup for match in _ESCAPES.finditer(text)):
        raise NotStrictJson("a half surrogate")
    try:
        document = json.loads(
            text, object_pairs_hook=build, parse_constant=_refuse_constant, parse_float=_finite_float
        )
    except (ValueError, RecursionError) as error:
        raise NotStrictJson(str(error)) from error
    return document, doubled


def too_deep(text: str) -> int | None:
    """Offset of the first bracket that opens more than `MAX_DEPTH` levels; `None` when there is none."""
    if text.count("{") + text.count("[") <= MAX_DEPTH:
        return None
    brackets = _STRING_OR_OTHER.sub("", text)
    if max(accumulate(map(_DEPTH_STEP.__getitem__, brackets)), default=0) <= MAX_DEPTH:
        return None
    depth = 0
    for match in _BRACKETS.finditer(text):
        depth += _DEPTH_STEP.get(match.group(), 0)
        if depth > MAX_DEPTH:
            return match.start()
    return None


def doubled_keys(text: str) -> Iterator[tuple[str, int, int]]:
    """Keys that their object has already: the key, its offset, and the offset of the one before it."""
    scopes: list[dict[str, int] | None] = []
    for match in _BRACKETS.finditer(text):
        token, at = match.group(), match.start()
        if token == "{":
            scopes.append({})
        elif token == "[":
            scopes.append(None)
        elif token in "}]":
            scopes.pop()
        elif scopes and (members := scopes[-1]) is not None:
            after = _SPACE.match(text, match.end())
            if after and text[after.end() : after.end() + 1] == ":":
                name = json.loads(token)
                if name in members:
                    yield name, at, members[name]
                members[name] = at


def number_problem(token: str) -> str | None:
    """Why `token` is no number that JSON or this program can hold, as the end of a sentence."""
    if not re.fullmatch(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][-+]?\d+)?", token, re.ASCII):
        return "is not how JSON writes a number"
    try:
        value = json.loads(token)
    except ValueError:
        return "is too large a number"
    return "is too large a number" if isinstance(value, float) and not math.isfinite(value) else None


def _refuse_constant(name: str) -> NoReturn:
    raise NotStrictJson(f"{name} is no JSON")


def _finite_float(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise NotStrictJson(f"{digits} is too large")
    return value
