"""What somebody answered, in a line: it stands in the transcript where it was said. Never a secret."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any

from piplan_tui.clean import clean_text

_LONGEST = 300
_WHO = {"human": "you", "file": "you", "default": "the defaults of its fields", "timeout": "its time limit"}
_WORDS = {"accept": "answered", "decline": "declined", "cancel": "dismissed it", "expire": "let it expire"}


def answer_line(
    action: str, values: Mapping[str, Any], *, secrets: Collection[str], note: str = "", by: str = "human"
) -> str:
    """`you answered: env = staging`. Of the fields named in `secrets` it is only said that they were given."""
    given = ", ".join(f"{_text(name)} = {_value(name, value, secrets)}" for name, value in values.items())
    said = f"{_WHO.get(by, by)} {_WORDS.get(action, action)}"
    if given and action == "accept":
        said += f": {given}"
    return f"{said} ({_text(note)})" if note.strip() else said


def _value(name: str, value: Any, secrets: Collection[str]) -> str:
    if name in secrets:
        return "(secret)"
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, list):
        return ", ".join(_value("", item, ()) for item in value)
    if isinstance(value, bool):
        return "yes" if value else "no"
    return _text(json.dumps(value, ensure_ascii=False, default=str))


def _text(text: str) -> str:
    line = clean_text(text[: 2 * _LONGEST], keep_newlines=False).strip()
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"
