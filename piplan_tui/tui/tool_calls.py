"""The tool calls of an attempt, as the Tools tab of its step shows them."""

from __future__ import annotations

from dataclasses import dataclass

from piplan_tui.agents.protocol import SessionEvent, ToolEnded, ToolStarted
from piplan_tui.views.formatting import GLYPHS
from piplan_tui.views.line import Span, one_line

_MOST_CALLS = 500
_MOST_SAID = 80


@dataclass(slots=True)
class ToolCall:
    """One line of the Tools tab; `ok` is `None` while it runs."""

    call_id: str
    tool: str
    target: str
    ok: bool | None = None
    said: str = ""


class ToolCalls:
    """The newest tool calls of an attempt, gathered from its transcript."""

    def __init__(self) -> None:
        self.calls: dict[str, ToolCall] = {}
        self.dropped = 0

    def add(self, event: SessionEvent) -> bool:
        """Take in what the session said; whether that changed anything."""
        if isinstance(event, ToolStarted):
            self.calls[event.call_id] = ToolCall(event.call_id, one_line(event.tool), one_line(event.target))
            if len(self.calls) > _MOST_CALLS:
                del self.calls[next(iter(self.calls))]
                self.dropped += 1
            return True
        if isinstance(event, ToolEnded) and (call := self.calls.get(event.call_id)):
            call.ok = event.ok
            call.said = one_line(event.text)
            return True
        return False

    def lines(self) -> list[Span]:
        """What the Tools tab says."""
        if not self.calls:
            return [Span("No tool calls.", "dim")]
        spans = [Span(f"… {self.dropped:,} earlier\n", "dim")] if self.dropped else []
        for index, call in enumerate(self.calls.values()):
            glyph = {None: GLYPHS["running"], True: GLYPHS["completed"], False: GLYPHS["failed"]}[call.ok]
            spans.append(Span("\n" if index else ""))
            spans.append(Span(f"{glyph} {call.tool}", "failed" if call.ok is False else "strong"))
            spans.append(Span(f"  {call.target}"))
            if call.said:
                spans.append(Span(f"  {call.said[:_MOST_SAID]}", "dim"))
        return spans
