"""Writes to the terminal from a thread, so that a terminal that does not read holds up nobody."""

from __future__ import annotations

import os
import select
import threading
from collections.abc import Callable

_PIECE = 1 << 16
_BEHIND_BYTES = 1 << 15
"""About two screens: with as much unwritten, another one would only come late."""


class TerminalWriter:
    """Takes text at any time without waiting, and writes it in order as fast as the terminal takes it.

    The caller asks `behind` before it makes a picture that can be left out; `on_caught_up` is called, from the
    thread, once everything is written after it was behind. A terminal that is gone takes everything.
    """

    def __init__(self, fileno: int, on_caught_up: Callable[[], None]) -> None:
        self._fileno = fileno
        self._on_caught_up = on_caught_up
        self._changed = threading.Condition()
        self._queue: list[bytes] = []
        self._unwritten = 0
        self._was_behind = False
        self._gone = False
        self._thread: threading.Thread | None = None

    @property
    def behind(self) -> bool:
        """Whether more is unwritten than a terminal that reads would leave."""
        with self._changed:
            self._was_behind = self._was_behind or self._unwritten > _BEHIND_BYTES
            return self._was_behind

    def write(self, text: str) -> None:
        """Queue text for the terminal."""
        data = text.encode("utf-8", "replace")
        with self._changed:
            if self._gone or not data:
                return
            self._queue.append(data)
            self._unwritten += len(data)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="terminal-output", daemon=True)
                self._thread.start()
            self._changed.notify_all()

    def drain(self, seconds: float) -> bool:
        """Wait until everything is written, but no longer than that; whether it is."""
        with self._changed:
            return self._changed.wait_for(lambda: self._unwritten == 0 or self._gone, seconds)

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: bool(self._queue))
                data = b"".join(self._queue)
                self._queue.clear()
            gone = not self._write_all(data)
            with self._changed:
                self._gone = gone
                self._unwritten -= len(data)
                caught_up = self._was_behind and (gone or self._unwritten == 0)
                if gone:
                    self._queue.clear()
                    self._unwritten = 0
                if caught_up:
                    self._was_behind = False
                self._changed.notify_all()
            if caught_up and not gone:
                self._on_caught_up()
            if gone:
                return

    def _write_all(self, data: bytes) -> bool:
        view = memoryview(data)
        while view:
            try:
                view = view[os.write(self._fileno, view[:_PIECE]) :]
            except BlockingIOError:  # whoever shares the terminal may have set it so
                select.select([], [self._fileno], [])
            except OSError:
                return False
        return True
