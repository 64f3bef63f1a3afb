"""How what an agent says becomes lines of a file: joined where it is small, in pieces where it is large.

No line is long, whatever a tool prints, so that a part of a transcript can be read without the rest of it.
"""

from __future__ import annotations

import msgspec

from piplan_tui.agents.protocol import SessionEvent, TextDelta, ThinkingDelta, ToolEnded, ToolOutput
from piplan_tui.run.redact import Redactor, redacted_json

PIECE = 32_000
"""Characters of text in one line at most."""
_OFTEN = 2.0
"""Seconds between two lines about the output of one tool call, unless it grew a lot."""
_SMALL = 256_000
"""Characters up to which an output is written again though it did not grow much."""
_encoder = msgspec.json.Encoder()


class _Output:
    """The output of a running tool call: how much of it was written, and what was not."""

    __slots__ = ("at", "pending", "written")

    def __init__(self) -> None:
        self.written: str | None = None
        self.at = 0.0
        self.pending: ToolOutput | None = None

    def due(self, event: ToolOutput) -> bool:
        # every event holds the whole output: to write each would be quadratic
        if self.written is None or len(event.text) >= 1.5 * len(self.written):
            return True
        return len(event.text) <= _SMALL and (event.at or 0.0) - self.at >= _OFTEN


class TranscriptWriter:
    """The lines of one attempt that are not in its file yet. Texts are put into no event that is passed in."""

    def __init__(self, redactor: Redactor) -> None:
        self._redactor = redactor
        self.buffer = bytearray()
        self._delta: TextDelta | ThinkingDelta | None = None
        self._parts: list[str] = []
        self._length = 0
        self._outputs: dict[str, _Output] = {}

    def add(self, event: SessionEvent) -> None:
        if isinstance(event, TextDelta | ThinkingDelta):
            # models stream words; a line a word would make the file ten times as large
            if type(self._delta) is not type(event):
                self._close_delta()
                self._delta = event
            self._parts.append(event.text)
            self._length += len(event.text)
            if self._length >= PIECE:
                self._close_delta()
            return
        self._close_delta()
        if isinstance(event, ToolOutput):
            self._add_output(event)
        elif isinstance(event, ToolEnded):
            self._end_output(event)
        else:
            self._encode(event)

    def take(self, *, everything: bool = False) -> bytes:
        """The lines since the last time. With `everything`, also what would have waited to be written."""
        self._close_delta()
        if everything:
            for output in self._outputs.values():
                if output.pending is not None:
                    self._write_output(output, output.pending)
        data = bytes(self.buffer)
        self.buffer.clear()
        return data

    def _add_output(self, event: ToolOutput) -> None:
        output = self._outputs.setdefault(event.call_id, _Output())
        if output.due(event):
            self._write_output(output, event)
        else:
            output.pending = event

    def _write_output(self, output: _Output, event: ToolOutput) -> None:
        output.written, output.at, output.pending = event.text, event.at or 0.0, None
        for start in range(0, len(event.text) or 1, PIECE):
            piece = event.text[start : start + PIECE]
            self._encode(ToolOutput(event.call_id, piece, continues=start > 0, at=event.at))

    def _end_output(self, event: ToolEnded) -> None:
        output = self._outputs.pop(event.call_id, None) or _Output()
        if output.pending is not None and not event.text:
            self._write_output(output, output.pending)
        if event.text and event.text == output.written:
            event = msgspec.structs.replace(event, text="")
        elif len(event.text) > PIECE:
            self._write_output(output, ToolOutput(event.call_id, event.text, at=event.at))
            event = msgspec.structs.replace(event, text="")
        self._encode(event)

    def _close_delta(self) -> None:
        if self._delta is None:
            return
        kind, at, text = type(self._delta), self._delta.at, "".join(self._parts)
        self._delta, self._parts, self._length = None, [], 0
        for start in range(0, len(text) or 1, PIECE):
            self._encode(kind(text[start : start + PIECE], at=at))

    def _encode(self, event: SessionEvent) -> None:
        # once more here: a secret may have been spread over several pieces of streamed text
        self.buffer += redacted_json(_encoder.encode(event), self._redactor)
        self.buffer += b"\n"
