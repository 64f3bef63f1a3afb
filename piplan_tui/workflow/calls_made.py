"""Which calls a Python script has made and never awaited: without `await` they do nothing, and say nothing."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Coroutine
from typing import Any

_DEEPEST = 20


class CallsMade:
    """The calls of one script that have not begun. `file` is what the script's code calls its file."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._waiting: dict[int, tuple[Coroutine[Any, Any, Any], str, int]] = {}
        self._look_at = 64

    def made(self, name: str, call: Coroutine[Any, Any, Any]) -> Coroutine[Any, Any, Any]:
        """Remember the call of `wf.name` until it is awaited. Amortised O(1)."""
        self._waiting[id(call)] = call, name, self._line()
        if len(self._waiting) >= self._look_at:
            self._forget_begun()
            self._look_at = 2 * len(self._waiting) + 64
        return call

    def never_awaited(self) -> str:
        """What is wrong, with file and line; empty when every call has begun. Calls that have not are closed."""
        self._forget_begun()
        first = next(iter(self._waiting.values()), None)
        for call, _, _ in self._waiting.values():
            call.close()
        self._waiting.clear()
        if first is None:
            return ""
        _, name, line = first
        return f"{self._file}:{line}: this wf.{name}(…) was never awaited, so it did nothing; write await wf.{name}(…)"

    def _forget_begun(self) -> None:
        self._waiting = {
            key: made
            for key, made in self._waiting.items()
            if inspect.getcoroutinestate(made[0]) == inspect.CORO_CREATED
        }

    def _line(self) -> int:
        frame = sys._getframe(2)
        while frame.f_code.co_filename != self._file:
            if frame.f_back is None:
                return 0
            frame = frame.f_back
        return frame.f_lineno


def coroutine_in(value: Any, depth: int = 0) -> Coroutine[Any, Any, Any] | None:
    """The first call that was never awaited in what a script returned; only in what JSON could hold."""
    if inspect.iscoroutine(value):
        return value
    if depth >= _DEEPEST:
        return None
    inside = (
        value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple | set) else ()
    )
    return next((found for each in inside if (found := coroutine_in(each, depth + 1)) is not None), None)
