"""A made-up session in the transcript view."""

from __future__ import annotations

from typing import ClassVar

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.tui.widgets.transcript_view import TranscriptView


def demo() -> None:
    """Stream a made-up session: `python -m piplan_tui.tui.widgets.transcript_demo`."""
    import itertools

    from textual.app import App, ComposeResult

    from piplan_tui.agents.protocol import (
        Notice,
        Retrying,
        TextDelta,
        ThinkingDelta,
        ToolEnded,
        ToolOutput,
        ToolStarted,
    )
    from piplan_tui.resources import styles_dir

    found = "\n".join(f"src/api.ts:{number}:  // rate limit: {number}/min" for number in range(41))
    opening: list[SessionEvent] = [
        ThinkingDelta("The brief names two readers. I should see which changelogs are there."),
        TextDelta("Reading the three competitor changelogs in order.\n"),
        ToolStarted("1", "read", "docs/brief.md"),
        ToolEnded("1", True, "# Brief\nfor the seed round in May"),
        ToolStarted("2", "bash", 'rg -n "rate limit" src/'),
        ToolEnded("2", True, found),
        ToolStarted("3", "bash", "npm test"),
        ToolEnded("3", False, "\n".join(f"not ok {number}" for number in range(12))),
        Notice("the provider is slow today", "warning"),
        Retrying(2, 3, 48, "429 rate limit"),
        ToolStarted("4", "bash", "make bench"),
        ToolOutput("4", "run 1 of 3\nrun 2 of 3\n"),
        TextDelta(
            "第二个供应商按令牌计费，而不是按调用计费 👩‍👩‍👧 \x1b[31mso the table needs\x1b[0m another column. "
        ),
    ]

    class Demo(App[None]):
        CSS_PATH: ClassVar = [styles_dir() / "transcript_view.tcss"]

        def compose(self) -> ComposeResult:
            yield TranscriptView()

        def on_mount(self) -> None:
            view = self.query_one(TranscriptView)
            view.focus()
            for event in opening:
                view.write(event)
            words = itertools.cycle(["The ", "second ", "vendor ", "meters ", "by ", "token.\n"])
            self.set_interval(0.1, lambda: view.write(TextDelta(next(words))))

    Demo().run()


if __name__ == "__main__":
    demo()
