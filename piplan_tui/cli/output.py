"""Printing that neither breaks on a closed pipe nor holds up a run when its reader is slow."""

from __future__ import annotations

import os
import queue
import sys
import threading
from collections.abc import Iterable
from typing import IO, TextIO


def prepare_streams() -> None:
    """Make characters that a stream cannot write show as escapes, not as errors."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")


def say(lines: str | Iterable[str]) -> None:
    """Print to stderr: for people."""
    print(*([lines] if isinstance(lines, str) else lines), sep="\n", file=sys.stderr, flush=True)


def put(lines: str | Iterable[str]) -> None:
    """Print to stdout: what was asked for."""
    print(*([lines] if isinstance(lines, str) else lines), sep="\n", flush=True)


def put_json(document: str) -> None:
    """Print a JSON document to stdout, in UTF-8 whatever the terminal's encoding is."""
    sys.stdout.flush()
    sys.stdout.buffer.write(document.encode() + b"\n")
    sys.stdout.buffer.flush()


def put_result(text: str) -> None:
    """Print what a run gave to stdout, in UTF-8 whatever the terminal's encoding is; nothing when it is empty."""
    if text:
        put_json(text.removesuffix("\n"))


def use_colour(stream: TextIO) -> bool:
    """Whether escape sequences may go there: a terminal that knows them, and no NO_COLOR."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def silence(stream: IO[str]) -> None:
    """Let what is still to be written vanish, after its reader has gone."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, stream.fileno())
    os.close(nowhere)


class LineWriter:
    """Writes lines in the order given, from a thread of its own: `write` never waits for the reader.

    When the reader has gone, the rest is dropped.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._lines: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="line writer", daemon=True)
        self._thread.start()

    def write(self, lines: Iterable[str]) -> None:
        for line in lines:
            self._lines.put(line)

    def close(self) -> None:
        """Return when everything is written."""
        self._lines.put(None)
        self._thread.join()

    def _work(self) -> None:
        raw = self._stream.buffer
        encoding, errors = self._stream.encoding, self._stream.errors or "strict"
        gone = False
        while (line := self._lines.get()) is not None:
            if gone:
                continue
            try:
                raw.write(f"{line}\n".encode(encoding, errors))
                if self._lines.empty():
                    raw.flush()
            except (BrokenPipeError, ValueError):
                gone = True
                silence(self._stream)
            except OSError:
                gone = True  # a full disk behind a redirect must not end the run
