"""An app with nothing but a transcript, on a clock that stands still."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from textual.app import App, ComposeResult

from piplan_tui.agents.protocol import (
    AskRaised,
    Notice,
    Retrying,
    SessionEvent,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
)
from piplan_tui.resources import styles_dir
from piplan_tui.tui.widgets.transcript_view import TranscriptView


class TranscriptApp(App[None]):
    CSS_PATH: ClassVar = [styles_dir() / "transcript_view.tcss"]

    def __init__(self, history: Sequence[SessionEvent] = ()) -> None:
        super().__init__()
        self.animation_level = "none"
        self.seconds = 100.0
        self.view = TranscriptView(
            clock=lambda: self.seconds,
            time_of_day=lambda seconds: time.strftime("%H:%M:%S", time.gmtime(seconds)),
        )
        self._history = history

    def compose(self) -> ComposeResult:
        yield self.view

    def on_mount(self) -> None:
        self.view.focus()
        self.view.show(self._history)

    def write(self, *events: SessionEvent, seconds: float = 0.0) -> None:
        """Write `events`, each so many seconds after the one before."""
        for event in events:
            self.view.write(event)
            self.seconds += seconds

    @property
    def screen_text(self) -> list[str]:
        """Without the column of the scrollbar."""
        width = self.view.scrollable_size.width
        return [strip.crop(0, width).text.rstrip() for strip in self.screen._compositor.render_strips()]


SESSION: list[SessionEvent] = [
    ThinkingDelta("The brief names two readers, so I should see first which of the changelogs are there."),
    TextDelta("Reading the three competitor changelogs in order.\n"),
    ToolStarted("1", "read", "docs/brief.md"),
    ToolEnded("1", True, "# Brief\nfor the seed round in May"),
    ToolStarted("2", "bash", 'rg -n "rate limit" src/'),
    ToolEnded("2", True, "\n".join(f"src/api.ts:{n}:  // rate limit: {n}/min" for n in range(41))),
    ToolStarted("3", "bash", "npm test"),
    ToolEnded("3", False, "\n".join(f"not ok {n}" for n in range(12))),
    Notice("the provider is slow today", "warning"),
    Notice("switched to the small model"),
    AskRaised("q", {"message": "Run npm view foo?"}),
    TextDelta("第二个供应商按令牌计费，而不是按调用计费 👩‍👩‍👧 so the table needs another column. "),
    ToolStarted("4", "bash", "make bench"),
    ToolOutput("4", "run 1 of 3\nrun 2 of 3\n"),
    Retrying(2, 3, 48, "429 rate limit"),
]
