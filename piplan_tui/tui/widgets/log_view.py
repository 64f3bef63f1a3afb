"""The transcript as the log screen shows it: any part of its file, and the way to the parts beside it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from textual import events
from textual.actions import SkipAction
from textual.message import Message

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.tui.widgets.transcript_lines import Transcript
from piplan_tui.tui.widgets.transcript_view import TranscriptView

_MAX_ROWS = 200_000
"""More than a part of a file has."""


class LogView(TranscriptView):
    """Says `BeyondEdge` when the user goes on where what is shown has ended. Matches are gone through by its screen."""

    @dataclass
    class BeyondEdge(Message):
        """The user wants to see what is before (`by` = -1) or after; `far`: the very beginning or the live end."""

        by: int
        far: bool = False

    def show_part(self, said: Sequence[tuple[int, SessionEvent]], *, from_end: bool) -> None:
        """Show a part of a transcript's file to its last line, from its beginning or its end."""
        self.begin(Transcript(max_rows=_MAX_ROWS, whole=True))
        self._transcript.extend_from(said)
        self.follow = False
        self._arrange(force=True)
        self.scroll_to(y=self.max_scroll_y if from_end else 0, animate=False, force=True)

    @property
    def is_cut(self) -> bool:
        """Whether something was left out of what is shown, because it was too much."""
        return self._transcript.dropped

    @property
    def top_place(self) -> int | None:
        """Where in the file stands what is seen first; `None` where that is not known."""
        rows = self._rows[self.scroll_offset.y :]
        return next((row.line.place for row in rows if row.line.place is not None), None)

    # Search

    def mark(self, text: str) -> None:
        """Mark every place where `text` occurs, and go to none. An empty `text` ends the search."""
        self._search.begin(text)
        self._arrange(force=True)

    def go_to_place(self, place: int, number: int) -> bool:
        """Go to match `number` of those in the line that stands at `place` of the file. False when none is near."""
        found = self._search.found(self._rows)
        here = [match for match in found if match.line.place == place]
        if here:
            return self._go_to(here[min(number, len(here) - 1)])
        later = (match for match in found if (match.line.place or 0) > place)
        return self._go_to(next(later, found[-1] if found else None))

    def action_next_match(self) -> None:
        raise SkipAction

    def action_previous_match(self) -> None:
        raise SkipAction

    # Scrolling

    def action_scroll_home(self) -> None:
        super().action_scroll_home()
        self.post_message(self.BeyondEdge(-1, far=True))

    def action_scroll_end(self) -> None:
        super().action_scroll_end()
        self.post_message(self.BeyondEdge(1, far=True))

    def scroll_rows(self, rows: int) -> None:
        top = self.scroll_offset.y
        if (rows < 0 and top == 0) or (rows > 0 and top >= self.max_scroll_y):
            self.post_message(self.BeyondEdge(-1 if rows < 0 else 1))
        super().scroll_rows(rows)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.scroll_offset.y == 0:
            self.post_message(self.BeyondEdge(-1))

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        if self.scroll_offset.y >= self.max_scroll_y:
            self.post_message(self.BeyondEdge(1))
