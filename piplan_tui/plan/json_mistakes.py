"""What is wrong with a text that is no JSON: every mistake at once, in the words of its author.

A tolerant scanner goes through the tokens once. Mistakes whose meaning is plain (a trailing comma, a comment,
single quotes) are put right in place, character for character, so that offsets stay true and the rest of the
plan can be checked as well.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from piplan_tui.plan.json_text import NotStrictJson, number_problem, parse_strict
from piplan_tui.plan.problem import quoted

_TOKEN = re.compile(
    r"""
      (?P<space>[ \t\n\r]++)
    | (?P<string>"(?:[^"\\\n]++|\\[^\n])*+"?)
    | (?P<single>'(?:[^'\\\n]++|\\[^\n])*+'?)
    | (?P<curly>[“”„][^“”"\n]*+[“”])
    | (?P<comment>//[^\n]*+|\#[^\n]*+|/\*(?:[^*]++|\*(?!/))*+(?:\*/)?)
    | (?P<number>[-+]?(?:\d|\.\d)[\w.]*+(?:(?<=[eE])[-+]\w*+)?)
    | (?P<word>[-+]?[^\W\d][\w$.-]*+)
    | (?P<mark>[{}\[\]:,])
    | (?P<other>.)
    """,
    re.VERBOSE,
)
_MOST_MISTAKES = 100
_CLOSER = {"{": "}", "[": "]"}
_LITERALS = {"true", "false", "null"}
_FOREIGN_WORDS = {"True": "true", "False": "false", "None": "null", "undefined": "null", "nil": "null"}
_NO_NUMBER = re.compile(r"[-+]?(?:NaN|Infinity|Inf|nan|inf)")
_IN_STRING = re.compile(
    r"""
      \\u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}
    | (?P<half>\\u[dD][89a-fA-F][0-9a-fA-F]{2}|[\ud800-\udfff])
    | \\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})
    | (?P<digits>\\u)
    | (?P<escape>\\)
    | (?P<control>[\x00-\x1f])
    """,
    re.VERBOSE,
)
_STRING_MISTAKES = {
    "half": "half of a surrogate pair is no character; write both halves",
    "digits": r"\u in a text needs four hexadecimal digits after it",
    "escape": r"a backslash in a text must begin an escape; write \\ for the backslash itself",
    "control": r"a text may not hold a tab or control character; write an escape such as \t",
}


class Mistake(NamedTuple):
    """`offset` is in characters of the text."""

    offset: int
    message: str


@dataclass(slots=True)
class Diagnosis:
    """The mistakes of a text and, if their meaning is plain, the JSON that was meant.

    `repaired` has every character where it stood in the text; `None` when no sense can be made of it.
    """

    mistakes: list[Mistake] = field(default_factory=list)
    repaired: str | None = None


Kind = Literal["value", "key", "{", "[", ",", ":", "start"]


@dataclass(slots=True)
class _Scope:
    """An open bracket; `expects_key` tells a key from a value among the texts of an object."""

    bracket: str
    offset: int
    expects_key: bool


def diagnose(text: str) -> Diagnosis:
    """Find what keeps `text` from being JSON. Linear in the length of the text; never recurses."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.mistakes: list[Mistake] = []
        self.edits: list[tuple[int, int, str]] = []
        self.lost = False
        self.scopes: list[_Scope] = []
        self.previous: Kind = "start"
        self.previous_at = 0
        self.previous_end = 0
        self.finished = False

    def run(self) -> Diagnosis:
        for kind, token, at in self._tokens():
            if kind == "comment":
                self._say(at, "JSON has no comments")
                self._blank(at, at + len(token))
                continue
            if self.finished:
                self._say(at, "something stands after the end of the plan")
                self._blank(at, len(self.text))
                break
            if kind == "mark":
                self._mark(token, at)
            else:
                self._scalar(kind, token, at)
            if len(self.mistakes) > _MOST_MISTAKES and not self.lost:
                self._give_up(at, "there are more mistakes than it makes sense to list; is this JSON at all?")
            if self.lost:
                break
        if not self.lost:
            self._end()
        if self.lost:
            return Diagnosis(self.mistakes)
        return self._parsed(self._repaired())

    def _tokens(self) -> Iterator[tuple[str, str, int]]:
        for match in _TOKEN.finditer(self.text):
            kind = match.lastgroup or "other"
            if kind != "space":
                yield kind, match.group(), match.start()

    def _say(self, at: int, message: str) -> None:
        self.mistakes.append(Mistake(at, message))

    def _give_up(self, at: int, message: str) -> None:
        self._say(at, message)
        self.lost = True

    def _blank(self, start: int, end: int) -> None:
        self._replace(start, end, "")

    def _replace(self, start: int, end: int, new: str) -> None:
        kept = "".join(char if char == "\n" else " " for char in self.text[start + len(new) : end])
        self.edits.append((start, end, new + kept))

    def _took(self, kind: Kind, at: int, end: int) -> None:
        self.previous, self.previous_at, self.previous_end = kind, at, end
        if kind == "value" and not self.scopes:
            self.finished = True

    def _before_value(self, at: int, *, is_text: bool) -> bool:
        """Whether a value may stand here, missing commas put in; also whether a key may, in an object."""
        if self.previous == "key":
            self._give_up(self.previous_end, 'a ":" is missing after this key')
            return False
        if self.previous == "value":
            if at == self.previous_end:
                self._give_up(at, 'a "," is missing here')
                return False
            self._say(self.previous_end, 'a "," is missing here')
            self._replace(at - 1, at, ",")
            self.scopes[-1].expects_key = self.scopes[-1].bracket == "{"
        if self.scopes and self.scopes[-1].expects_key and not is_text:
            self._give_up(at, "a key in double quotes must stand here")
            return False
        return True

    def _scalar(self, kind: str, token: str, at: int) -> None:
        end = at + len(token)
        is_text = kind in {"string", "single", "curly"}
        if kind == "word" and self.scopes and self.scopes[-1].expects_key and self.previous != "key":
            self._give_up(at, f'the key {token} must stand in double quotes: "{token}"')
            return
        if kind == "other":
            self._give_up(at, f"{quoted(token)} cannot stand here")
            return
        if not self._before_value(at, is_text=is_text):
            return
        if is_text:
            self._quoted(kind, token, at, end)
        elif kind == "number":
            if problem := number_problem(token):
                self._say(at, f"{token[:40]} {problem}")
                self._replace(at, end, "0")
        else:
            self._word(token, at, end)
        if self.scopes and self.scopes[-1].expects_key:
            self.scopes[-1].expects_key = False
            self._took("key", at, end)
        else:
            self._took("value", at, end)

    def _quoted(self, kind: str, token: str, at: int, end: int) -> None:
        if kind == "string":
            if len(token) < 2 or not token.endswith('"') or _ends_in_escape(token):
                self._give_up(at, "this text has no closing quote on its line")
            for match in _IN_STRING.finditer(token):
                if match.lastgroup and len(self.mistakes) <= _MOST_MISTAKES:
                    self._say(at + match.start(), _STRING_MISTAKES[match.lastgroup])
                    self._replace(at + match.start(), at + match.end(), "?" * len(match.group()))
            return
        if kind == "single":
            self._say(at, "JSON has double quotes only, not single ones")
            if len(token) < 2 or token[-1] != "'":
                self.lost = True
                return
        else:
            self._say(at, 'JSON has straight quotes only: "')
        inner = token[1:-1]
        plain = '"' not in inner and "\\" not in inner
        self._replace(at, end, f'"{inner if plain else "?" * len(inner)}"')

    def _word(self, token: str, at: int, end: int) -> None:
        if token in _LITERALS:
            return
        if meant := _FOREIGN_WORDS.get(token):
            self._say(at, f"{token} is no JSON; write {meant}")
            self._replace(at, end, meant)
        elif _NO_NUMBER.fullmatch(token):
            self._say(at, f"{token} is no JSON; write a number, or null")
            self._replace(at, end, "0")
        else:
            self._give_up(at, f"{quoted(token)[1:-1]} must stand in double quotes, or be true, false or null")

    def _mark(self, token: str, at: int) -> None:
        if token in _CLOSER:
            if self._before_value(at, is_text=False):
                self.scopes.append(_Scope(token, at, token == "{"))
                self._took("{" if token == "{" else "[", at, at + 1)
            return
        if not self.scopes:
            self._give_up(at, f'a plan begins with "{{", not with "{token}"')
        elif token == ":":
            if self.previous == "key":
                self._took(":", at, at + 1)
            else:
                self._give_up(at, '":" may stand after a key only')
        elif token == ",":
            self._comma(at)
        else:
            self._close(token, at)

    def _comma(self, at: int) -> None:
        if self.previous == "value":
            self.scopes[-1].expects_key = self.scopes[-1].bracket == "{"
            self._took(",", at, at + 1)
        elif self.previous in {",", "{", "["}:
            self._say(at, 'this "," has no value before it')
            self._blank(at, at + 1)
        else:
            self._give_up(at, "a value is missing before this comma")

    def _close(self, token: str, at: int) -> None:
        scope = self.scopes[-1]
        if token != _CLOSER[scope.bracket]:
            self._give_up(at, f'"{_CLOSER[scope.bracket]}" must stand here, or a comma, not "{token}"')
        elif self.previous in {"key", ":"}:
            self._give_up(at, "the last key has no value")
        else:
            if self.previous == ",":
                self._say(self.previous_at, f'no comma may stand before the closing "{token}"')
                self._blank(self.previous_at, self.previous_at + 1)
            self.scopes.pop()
            self._took("value", at, at + 1)

    def _end(self) -> None:
        if self.scopes:
            scope = self.scopes[-1]
            self._give_up(scope.offset, f'this "{scope.bracket}" is never closed; is the file cut off?')
        elif not self.finished:
            self._give_up(0, "there is no value in the file")

    def _repaired(self) -> str:
        parts = []
        done = 0
        for start, end, new in sorted(self.edits):
            if start >= done:
                parts += [self.text[done:start], new]
                done = end
        parts.append(self.text[done:])
        return "".join(parts)

    def _parsed(self, text: str) -> Diagnosis:
        try:
            parse_strict(text)
        except NotStrictJson as error:
            # a mistake that the scanner has no words for: the parser's own are better than none
            if self.mistakes:
                return Diagnosis(self.mistakes)
            cause = error.__cause__
            at = cause.pos if isinstance(cause, json.JSONDecodeError) else 0
            said = cause.msg if isinstance(cause, json.JSONDecodeError) else str(error)
            self._say(min(at, len(self.text)), f"not JSON: {said}")
            return Diagnosis(self.mistakes)
        return Diagnosis(self.mistakes, text)


def _ends_in_escape(token: str) -> bool:
    r"""Whether the last quote of `token` is an escaped one (`"abc\"`)."""
    backslashes = len(token) - 1 - len(token[:-1].rstrip("\\"))
    return backslashes % 2 == 1
