"""Cuts what an agent process writes into lines."""

from __future__ import annotations

MAX_LINE_BYTES = 64 * 1024 * 1024


class LineSplitter:
    """Cut a byte stream into lines at LF alone: U+2028 and the like are legal inside a JSON string.

    A line over `limit` bytes is dropped and counted in `dropped`; its bytes are never held together.
    """

    def __init__(self, limit: int = MAX_LINE_BYTES) -> None:
        self._limit = limit
        self._parts: list[bytes] = []
        self._size = 0
        self._skipping = False
        self.dropped = 0

    def feed(self, chunk: bytes) -> list[bytes]:
        """The lines that this chunk completes, without their ends; empty ones are left out."""
        lines: list[bytes] = []
        *complete, rest = chunk.split(b"\n")
        for piece in complete:
            self._add(piece)
            if self._skipping:
                self._skipping = False
            else:
                line = b"".join(self._parts).rstrip(b"\r")
                if line:
                    lines.append(line)
            self._parts.clear()
            self._size = 0
        self._add(rest)
        return lines

    def _add(self, piece: bytes) -> None:
        if self._skipping or not piece:
            return
        self._size += len(piece)
        if self._size > self._limit:
            self._skipping = True
            self.dropped += 1
            self._parts.clear()
            return
        self._parts.append(piece)
