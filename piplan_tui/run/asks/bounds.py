"""A bounded copy of foreign data: however deep, wide or long it is, what is read of it is small.

Everything that reads a request works on such a copy and may recurse over it without a second thought.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

MAX_FIELDS = 100
MAX_OPTIONS = 200
MAX_DEPTH = 24
MAX_NODES = 20_000
MAX_TEXT = 20_000
MAX_LABEL = 300
CUT_MARK = " … (cut)"


class _Copier:
    def __init__(self) -> None:
        self.left = MAX_NODES
        self.cut = False

    def copy(self, value: Any, depth: int) -> Any:
        self.left -= 1
        if value is None or isinstance(value, bool):
            return value
        if isinstance(value, str):
            return self._text(value)
        if isinstance(value, int):
            return int(value) if -(2**63) <= value < 2**64 else None
        if isinstance(value, float):
            return float(value) if math.isfinite(value) else None
        if isinstance(value, bytes | bytearray):
            return self._text(bytes(value[: MAX_TEXT * 4]).decode("utf-8", "replace"))
        if not isinstance(value, Mapping | list | tuple | set | frozenset):
            return f"({type(value).__name__})"
        if depth >= MAX_DEPTH:
            self.cut = True
            return None
        return self._mapping(value, depth) if isinstance(value, Mapping) else self._list(value, depth)

    def _mapping(self, value: Mapping[Any, Any], depth: int) -> dict[str, Any]:
        copied: dict[str, Any] = {}
        for key, item in value.items():
            if self.left <= 0:
                self.cut = True
                break
            name = key if isinstance(key, str) else str(self.copy(key, MAX_DEPTH))
            copied[self._text(name)] = self.copy(item, depth + 1)
        return copied

    def _list(self, value: Any, depth: int) -> list[Any]:
        copied: list[Any] = []
        for item in value:
            if self.left <= 0:
                self.cut = True
                break
            copied.append(self.copy(item, depth + 1))
        return copied

    def _text(self, text: str) -> str:
        if len(text) > MAX_TEXT:
            self.cut = True
            text = text[:MAX_TEXT] + CUT_MARK
        if text.isascii():
            return str(text)
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def bounded(raw: object) -> tuple[Any, bool]:
    """A copy of `raw` made of plain JSON values, at most `MAX_NODES` of them, and whether it lost anything.

    Numbers that JSON codecs cannot write become `None`; things that are not JSON become the name of their type.
    """
    copier = _Copier()
    return copier.copy(raw, 0), copier.cut


def shortened(text: str, length: int) -> str:
    """`text`, or its beginning with a visible mark."""
    return text if len(text) <= length else text[: max(0, length - len(CUT_MARK))] + CUT_MARK
