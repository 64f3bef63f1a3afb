"""JSON that may be printed on a terminal."""

from __future__ import annotations

import json
import re
from typing import Any

import msgspec

# a terminal acts on C1 controls, and DEL and bidi marks are no better; JSON may hold them as they are
_UNSAFE = re.compile("[\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def terminal_safe(document: str) -> str:
    """The same JSON, with everything escaped that a terminal might act on."""
    if document.isascii() and "\x7f" not in document:
        return document
    return _UNSAFE.sub(lambda match: f"\\u{ord(match.group()):04x}", document)


def dumps(value: Any) -> str:
    """Indented JSON that is safe to print, without a line end."""
    return terminal_safe(json.dumps(msgspec.to_builtins(value), ensure_ascii=False, indent=2))
