"""JSON objects in the prose of a model: found where they stand, and mended where the damage is a usual one.

One parser reads both: valid JSON comes out exactly as `json.loads` would read it, and on the way it forgives
comments, trailing and missing commas, single and typographic quotes, unquoted keys, Python's literals, raw
newlines and unescaped quotes in strings, and closing brackets that are missing at the very end.

Text is hostile: nothing here recurses, and the work is bounded by a budget proportional to the length.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any

import msgspec

MAX_DEPTH = 200
_BUDGET_PER_CHARACTER = 32
_BUDGET_BASE = 1_000_000

_START = re.compile("\\{(?=[\\s\ufeff\u200b]*+[\"'“”‘’`}/#A-Za-z_$])")
_SPACE = re.compile("(?:[\\s\ufeff\u200b]++|//[^\n]*+|#[^\n]*+)*+")
_BLANK = re.compile("[ \t\r\n]*+")
_STRICT_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*+"')
_STRICT_NUMBER = re.compile(r"-?(?:0|[1-9]\d*+)(?:\.\d++)?(?:[eE][-+]?\d++)?(?![\w.])", re.ASCII)
_LOOSE_NUMBER = re.compile(r"[-+]?(?:\d++(?:_\d++)*+\.?\d*+|\.\d++)(?:[eE][-+]?\d++)?(?![\w.])", re.ASCII)
_WORD = re.compile(r"[A-Za-z_$][\w$-]*+", re.ASCII)
_FENCE = re.compile("```|~~~")
_AFTER_KEY = re.compile("\\s*+:")
_KEY_NEXT = "(?:[\"'“”‘’}\\]]|[A-Za-z_$][\\w$-]*+\\s*+:|//|/\\*|\\#|\\Z)"
_AFTER_VALUE = re.compile(
    f"\\s*+(?:[}}\\]]|,\\s*+{_KEY_NEXT}|//|/\\*|\\#|```|~~~|\\Z)|\\s++[\"'“][\\w $.-]{{1,80}}[\"'”]\\s*+:"
)
_AFTER_ITEM = re.compile("\\s*+(?:[}\\],]|//|/\\*|\\#|```|~~~|\\Z)|[^\\S\n]*+\n\\s*+[\"'“{[]")
_CLOSERS = {'"': '"', "'": "'", "“": '”“"', "”": '”“"', "‘": "’‘'", "’": "’‘'", "`": "`"}
_NEXT_QUOTE = {q: re.compile(f"(?s:[^\\\\{c}]++|\\\\.)*+([{c}])") for q, c in _CLOSERS.items()}
_ESCAPE = re.compile(r"\\(?:u([0-9a-fA-F]{4})|(?s:(.)))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "\n": ""}
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
_LITERALS: dict[str, Any] = {
    "true": True, "True": True, "TRUE": True, "false": False, "False": False, "FALSE": False,
    "null": None, "None": None, "NULL": None, "undefined": None, "NaN": None, "Infinity": None,
}  # fmt: skip
_STRICT_LITERALS = ("true", "false", "null")


class FoundObject(msgspec.Struct, frozen=True):
    """An object that stands in a text from `start` up to `end`.

    `mended` says that it is not valid JSON as written. `unquoted` says that keys of its own lacked quotes.
    `suspects` are the spans of strings whose end had to be guessed: they may hide an object.
    """

    value: dict[str, Any]
    start: int
    end: int
    mended: bool = False
    unquoted: bool = False
    suspects: tuple[tuple[int, int], ...] = ()


class Findings(msgspec.Struct):
    """The top-level objects of a text in order; `cut_off` when the text ends inside of one."""

    objects: list[FoundObject]
    cut_off: bool = False
    steps: int = 0


class _Broken(Exception):
    pass


class _CutOff(_Broken):
    pass


class _Exhausted(Exception):
    pass


class _Frame:
    """A container that is still open."""

    __slots__ = ("key", "mended", "start", "suspects", "unquoted", "value")

    def __init__(self, value: dict[str, Any] | list[Any], start: int) -> None:
        self.value = value
        self.start = start
        self.key: str | None = None
        self.mended = False
        self.unquoted = False
        self.suspects: list[tuple[int, int]] = []

    def put(self, value: Any) -> None:
        if isinstance(self.value, list):
            self.value.append(value)
        elif self.key is not None:
            self.value[self.key] = value
            self.key = None


class _Parser:
    """Parses objects at given places of one text; remembers each, so that no place is parsed twice."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.known: dict[int, FoundObject | None] = {}
        self.cut_off = False
        self.steps = 0
        self._limit = _BUDGET_BASE + _BUDGET_PER_CHARACTER * len(text)
        self._no_close: dict[tuple[str, bool, bool], int] = {}
        self._no_comment_end = len(text)
        self._stack: list[_Frame] = []

    def object_at(self, start: int) -> FoundObject | None:
        """The object that begins at `start`, or `None` when no usual damage explains what is there."""
        if start not in self.known:
            self._stack = []
            try:
                self._parse(start)
            except _Broken as broken:
                self.cut_off |= isinstance(broken, _CutOff)
                # What is wrong here is wrong for every container that is still open.
                for frame in self._stack:
                    if isinstance(frame.value, dict):
                        self.known[frame.start] = None
        return self.known[start]

    def _spend(self, steps: int) -> None:
        self.steps += steps + 1
        if self.steps > self._limit:
            raise _Exhausted

    def _parse(self, start: int) -> None:
        stack = self._stack
        stack.append(_Frame({}, start))
        position = start + 1
        comma = True
        while stack:
            frame = stack[-1]
            position = self._skip(position)
            character = self.text[position : position + 1]
            if not character or _FENCE.match(self.text, position):
                # Only closing brackets are missing if a value has just ended.
                if (comma and frame.value) or frame.key is not None or not frame.value:
                    raise _CutOff
                frame.mended = True
                self._close(position)
                comma = False
            elif character in "}]":
                if (character == "}") != isinstance(frame.value, dict):
                    raise _Broken
                frame.mended |= comma and bool(frame.value)
                position += 1
                self._close(position)
                comma = False
            elif character == ",":
                if comma:
                    raise _Broken
                comma = True
                position += 1
            else:
                frame.mended |= not comma
                if isinstance(frame.value, dict):
                    position = self._skip(self._key(position))
                    character = self.text[position : position + 1]
                if character in ("{", "["):
                    if len(stack) >= MAX_DEPTH:
                        raise _Broken
                    stack.append(_Frame({} if character == "{" else [], position))
                    position += 1
                    comma = True
                else:
                    position = self._scalar(position)
                    comma = False

    def _skip(self, position: int) -> int:
        """Past blanks and comments."""
        end = _past(_BLANK, self.text, position)
        loose = _past(_SPACE, self.text, end)
        while self.text.startswith("/*", loose):
            closing = self.text.find("*/", loose + 2) if loose < self._no_comment_end else -1
            if closing < 0:
                self._no_comment_end = min(loose, self._no_comment_end)
                raise _Broken
            loose = _past(_SPACE, self.text, closing + 2)
        self._spend(loose - position)
        if loose != end:
            self._stack[-1].mended = True
        return loose

    def _close(self, end: int) -> None:
        frame = self._stack.pop()
        if isinstance(frame.value, dict):
            self.known[frame.start] = FoundObject(
                frame.value, frame.start, end, frame.mended, frame.unquoted, tuple(frame.suspects)
            )
        if self._stack:
            parent = self._stack[-1]
            parent.put(frame.value)
            parent.mended |= frame.mended
            parent.suspects += frame.suspects

    def _key(self, position: int) -> int:
        frame = self._stack[-1]
        if self.text[position] in _CLOSERS:
            key, position = self._string(position, key=True)
        else:
            word = _WORD.match(self.text, position)
            if word is None:
                raise _Broken
            key, position = word.group(), word.end()
            frame.mended = frame.unquoted = True
        position = self._skip(position)
        if not self.text.startswith(":", position):
            raise _CutOff if position >= len(self.text) else _Broken
        frame.key = key
        return position + 1

    def _scalar(self, position: int) -> int:
        text, frame = self.text, self._stack[-1]
        if text[position : position + 1] in _CLOSERS:
            value, end = self._string(position, key=False)
            frame.put(value)
            return end
        if number := _STRICT_NUMBER.match(text, position):
            self._spend(number.end() - position)
            frame.put(_number(number.group()))
            return number.end()
        if number := _LOOSE_NUMBER.match(text, position):
            frame.mended = True
            self._spend(number.end() - position)
            frame.put(_number(number.group().lstrip("+").replace("_", "")))
            return number.end()
        if word := _WORD.match(text, position):
            name = word.group()
            frame.mended |= name not in _STRICT_LITERALS
            frame.put(_LITERALS.get(name, name))
            return word.end()
        raise _CutOff if position >= len(text) else _Broken

    def _string(self, position: int, *, key: bool) -> tuple[str, int]:
        text, frame = self.text, self._stack[-1]
        in_list = isinstance(frame.value, list)
        follows = _AFTER_KEY if key else _AFTER_ITEM if in_list else _AFTER_VALUE
        strict = _STRICT_STRING.match(text, position)
        if strict is not None:
            self._spend(strict.end() - position)
            if follows.match(text, strict.end()):
                return _LONE_SURROGATE.sub("\ufffd", json.loads(strict.group())), strict.end()
        frame.mended = True
        quote = text[position]
        if text.startswith('"""', position):
            end = text.find('"""', position + 3)
            if end < 0:
                raise _CutOff
            self._spend(end - position)
            frame.suspects.append((position, end))
            return _unescape(text[position + 3 : end]), end + 3
        # Where no end was found from one place, none is found from any later one.
        kind = (quote, key, in_list)
        if position >= self._no_close.get(kind, len(text)):
            raise _CutOff
        begin = position + 1
        while closing := _NEXT_QUOTE[quote].match(text, begin):
            begin = closing.end()
            self._spend(begin - closing.start())
            if follows.match(text, begin):
                frame.suspects.append((position, begin))
                return _unescape(text[position + 1 : begin - 1]), begin
            if key and "\n" in closing.group():
                raise _Broken
        self._spend(len(text) - begin)
        self._no_close[kind] = min(position, self._no_close.get(kind, position))
        raise _CutOff


def _number(written: str) -> Any:
    """A number that any JSON codec can write again; beyond their range it stays text."""
    if not any(c in written for c in ".eE"):
        if len(written) > 20:
            return written
        whole = int(written)
        return whole if -(2**63) <= whole < 2**64 else written
    value = float(written)
    return value if math.isfinite(value) else None


def _unescape(text: str) -> str:
    def meant(match: re.Match[str]) -> str:
        code, character = match.groups()
        return chr(int(code, 16)) if code else _ESCAPED.get(character, character)

    plain = _ESCAPE.sub(meant, text)
    if _LONE_SURROGATE.search(plain):
        plain = plain.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return plain


def find_objects(text: str) -> Findings:
    """The JSON objects of `text` that stand in no other one, in order; never raises.

    An object that hides in a string whose end had to be guessed is listed after the object that it is in,
    if it reaches at least as far: then the guess was wrong.
    """
    parser = _Parser(text)
    found: list[FoundObject] = []
    position = 0
    try:
        while start := _START.search(text, position):
            parser._spend(start.end() - position)
            here = parser.object_at(start.start())
            if here is None:
                position = start.end()
                continue
            found.append(here)
            position = here.end
            for first, last in here.suspects:
                inner = first
                while hidden := _START.search(text, inner, last):
                    inside = parser.object_at(hidden.start())
                    if inside is not None and inside.end >= here.end:
                        found.append(inside)
                        position = inside.end
                        break
                    inner = hidden.end()
    except _Exhausted:
        pass
    return Findings(found, parser.cut_off, parser.steps)


def _past(pattern: re.Pattern[str], text: str, position: int) -> int:
    """Behind what matches at a position; the position itself where nothing does."""
    found = pattern.match(text, position)
    return position if found is None else found.end()
