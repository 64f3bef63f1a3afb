"""What an agent says and does, as it happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Sequence
from typing import ClassVar, get_args

from rich.style import Style
from textual import events
from textual.actions import SkipAction
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.selection import Selection
from textual.strip import Strip
from textual.timer import Timer

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.tui.markdown_lines import MarkStyle
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.widgets.following_view import FollowingView
from piplan_tui.tui.widgets.growth import grow
from piplan_tui.tui.widgets.transcript_blocks import Row, ToolBlock
from piplan_tui.tui.widgets.transcript_lines import Transcript
from piplan_tui.tui.widgets.transcript_painter import TICKS_PER_SECOND, RowPainter, Span, overlay
from piplan_tui.tui.widgets.transcript_search import Match, Search
from piplan_tui.tui.widgets.transcript_selection import selected_part, selected_text, shifted

_FLUSHES_PER_SECOND = 10


def _local_time(seconds: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(seconds))


class TranscriptView(FollowingView, can_focus=True):
    """The transcript of one attempt: `show` what was said before, then `write` every event as it comes.

    `write` only puts the event aside; a timer that runs while there is something new draws at most
    twelve times a second. `follow` keeps the end in sight; scrolling up lets go of it. Keeps the newest 5,000
    rows.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False, id="transcript.up"),
        Binding("down,j", "scroll_down", "Down", show=False, id="transcript.down"),
        Binding("pageup", "page_up", "Page up", show=False, id="transcript.page_up"),
        Binding("pagedown", "page_down", "Page down", show=False, id="transcript.page_down"),
        Binding("ctrl+u", "half_page(-1)", "Half page up", show=False, id="transcript.half_page_up"),
        Binding("ctrl+d", "half_page(1)", "Half page down", show=False, id="transcript.half_page_down"),
        Binding("home,g", "scroll_home", "Top", show=False, id="transcript.top"),
        Binding(
            "end,G", "scroll_end", "Follow", id="transcript.follow", tooltip="Go to the end and stay there"
        ),
        Binding("plus", "unfold(True)", "Unfold", id="transcript.unfold", tooltip="Show whole tool outputs"),
        Binding(
            "minus", "unfold(False)", "Fold", id="transcript.fold", tooltip="Show a few lines of tool outputs"
        ),
        Binding("M", "markdown", "Markdown", id="transcript.markdown", tooltip="Lay messages out, or not"),
        Binding("slash", "want_search", "Find", show=False, id="transcript.search"),
        Binding("n", "next_match", "Next match", show=False, id="transcript.next_match"),
        Binding("N", "previous_match", "Previous match", show=False, id="transcript.previous_match"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "transcript--text",
        "transcript--thinking",
        "transcript--tool",
        "transcript--output",
        "transcript--more",
        "transcript--notice",
        "transcript--warning",
        "transcript--error",
        "transcript--retry",
        "transcript--ask",
        "transcript--ok",
        "transcript--running",
        "transcript--match",
        "transcript--current-match",
        *(f"transcript--md-{style}" for style in get_args(MarkStyle)),
    }

    class AtMatch(Message):
        """The search went to a match."""

    class SearchWanted(Message):
        """The user wants to search in what is shown."""

    def __init__(
        self,
        *,
        clock: Callable[[], float] = time.time,
        time_of_day: Callable[[float], str] = _local_time,
        markdown: bool = True,
        name: str | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._clock = clock
        self._painter = RowPainter(
            self._role_style,
            clock,
            time_of_day,
            lambda: self.is_attached and self.app.animation_level != "none",
            lambda: self.is_attached and wants_plain_list(self.app),
        )
        self._markdown = markdown
        self._transcript = Transcript(markdown=markdown)
        self._inbox: list[tuple[SessionEvent, float | None]] = []
        self._rows: list[Row] = []
        self._search = Search()
        self._flush_timer: Timer | None = None
        self._tick_timer: Timer | None = None

    @property
    def allow_select(self) -> bool:
        return True

    @property
    def matches(self) -> int:
        """How many matches the search has now; 0 without a search."""
        return len(self._search.found(self._rows))

    @property
    def match_position(self) -> int:
        """Which match is the current one, from 1; 0 when none is."""
        return self._search.index(self._rows) + 1

    def show(self, history: Sequence[SessionEvent]) -> None:
        """Show this conversation in place of what is shown now, from its end. The search is kept."""
        self.begin(Transcript(markdown=self._markdown))
        self._inbox = [(event, event.at) for event in history]
        self._flush()
        if not history and self.is_attached:
            self._arrange(force=True)  # nothing else would draw over what was shown before

    def expect(self) -> None:
        """Show nothing until `show` is called, which is soon: what is about the text stays as it is until then."""
        self.begin(Transcript(markdown=self._markdown))
        self.refresh()

    def begin(self, transcript: Transcript) -> None:
        self._transcript = transcript
        self._inbox = []
        self._search.current = None
        self._rows = []
        self.follow = True
        if self.is_attached and self.text_selection is not None:
            kept = self.screen.selections.items()
            self.screen.selections = {widget: part for widget, part in kept if widget is not self}

    def write(self, event: SessionEvent) -> None:
        """Put an event aside for the next drawing. As cheap as appending to a list."""
        self._inbox.append((event, self._clock() if event.at is None else event.at))
        if len(self._inbox) == 1 and self._flush_timer is not None:
            self._flush_timer.resume()

    def search(self, text: str) -> int:
        """Mark every place where `text` occurs, go to one, and say how many there are.

        Upper and lower case are the same unless `text` has an upper-case letter. Tool calls that hide a
        match are unfolded. An empty `text` ends the search.
        """
        self._search.begin(text)
        if self._search.pattern is not None:
            self._transcript.unfold_matching(self._search.pattern)
        self._arrange(force=True)
        found = self._search.found(self._rows)
        if found:
            above = {id(row.line) for row in self._rows[: self.scroll_offset.y]}
            below = (match for match in found if id(match.line) not in above)
            self._go_to(found[-1] if self.follow else next(below, found[0]))
        return len(found)

    def next_match(self) -> bool:
        """Go to the next match, from the last to the first. False when there is none."""
        return self._go_to(self._search.step(self._rows, 1))

    def previous_match(self) -> bool:
        """Go to the match before, from the first to the last. False when there is none."""
        return self._go_to(self._search.step(self._rows, -1))

    def on_mount(self) -> None:
        self._flush_timer = self.set_interval(1 / _FLUSHES_PER_SECOND, self._flush, pause=True)
        self._tick_timer = self.set_interval(1 / TICKS_PER_SECOND, self._tick, pause=True)
        if self._inbox:
            self._flush_timer.resume()

    def on_resize(self) -> None:
        self._arrange(force=True)

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.refresh()

    def _flush(self) -> None:
        if not self._inbox:
            if self._flush_timer is not None:
                self._flush_timer.pause()
            return
        inbox, self._inbox = self._inbox, []
        self._transcript.extend(inbox)
        self._arrange()
        if self._tick_timer is not None and self._transcript.live:
            self._tick_timer.resume()

    def _tick(self) -> None:
        if not self._transcript.live and self._tick_timer is not None:
            self._tick_timer.pause()
        top = self.scroll_offset.y
        for y, row in enumerate(self._rows[top : top + self.scrollable_size.height]):
            if self._painter.ticks(row):
                self.refresh(Region(0, y, self.scrollable_size.width, 1))

    def _arrange(self, *, force: bool = False) -> None:
        """Bring the rows up to date, without moving what the user looks at."""
        width, height = self.scrollable_size
        if not width:
            return
        top = self.scroll_offset.y
        before = self._rows
        seen = before[top : top + height]
        self._rows = self._transcript.rows(width)
        self._search.forget()
        new_top = top if self.follow or not seen else self._find_again(seen[0], top)
        if self.text_selection is not None and seen:
            self._shift_selection(self._find_again(seen[0], top) - top)
        grow(self, Size(width, len(self._rows)))
        self.scroll_to(y=self.max_scroll_y if self.follow else new_top, animate=False, force=True)
        top = self.scroll_offset.y
        if force or seen != self._rows[top : top + height]:
            self.refresh()

    def _find_again(self, row: Row, guess: int) -> int:
        """Where the text of a row that was seen is now; 0 when it is gone."""
        rows = self._rows
        if guess < len(rows) and rows[guess] is row:
            return guess
        fallback = 0
        for index, candidate in enumerate(rows):
            if candidate.line is row.line and candidate.end >= row.start:
                return index
            if not fallback and candidate.line.block is row.line.block:
                fallback = index
        return fallback

    def _shift_selection(self, by: int) -> None:
        selection = self.text_selection
        if not by or selection is None:
            return
        self.screen.selections = {**self.screen.selections, self: shifted(selection, by)}

    def end_message(self) -> None:
        """The agent has said all that it says: lay out its last message."""
        self._flush()
        self._transcript.end_message()
        self._arrange(force=True)

    # Folding

    def action_markdown(self) -> None:
        self._markdown = not self._markdown
        self._transcript.render_markdown(self._markdown)
        self._arrange(force=True)

    def action_unfold(self, unfolded: bool) -> None:
        self._transcript.unfold_all(unfolded)
        self._arrange(force=True)

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        if offset is None or self.text_selection is not None:
            return
        y = offset.y + self.scroll_offset.y
        if y >= len(self._rows):
            return
        line = self._rows[y].line
        if isinstance(line.block, ToolBlock) and line.role in ("tool", "more"):
            self.follow = self.follow and line.block.running
            line.block.fold(not line.block.unfolded)
            self._arrange(force=True)

    # Search

    def action_want_search(self) -> None:
        self.post_message(self.SearchWanted())

    def action_next_match(self) -> None:
        if not self.next_match():
            raise SkipAction

    def action_previous_match(self) -> None:
        if not self.previous_match():
            raise SkipAction

    def _go_to(self, match: Match | None) -> bool:
        if match is None:
            return False
        self._search.current = match
        self.post_message(self.AtMatch())
        height = self.scrollable_size.height
        y = next(
            (
                index
                for index, row in enumerate(self._rows)
                if row.line is match.line and (row.end > match.start or row.clipped)
            ),
            None,
        )
        if y is not None and not self.scroll_offset.y <= y < self.scroll_offset.y + height:
            self.follow = False
            self.scroll_to(y=max(0, y - height // 2), animate=False, force=True)
        self.refresh()
        return True

    # Selection

    def get_selection(self, selection: Selection) -> tuple[str, str] | None:
        return selected_text(self._rows, selection), "\n"

    # Drawing

    def line_key(self, y: int) -> Hashable | None:
        y += self.scroll_offset.y
        if y >= len(self._rows) or self._search.pattern is not None or self.text_selection is not None:
            return None
        row = self._rows[y]
        return None if self._painter.ticks(row) else (y, row)

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        y += self.scroll_offset.y
        if y >= len(self._rows):
            return Strip.blank(width, self.rich_style)
        row = self._rows[y]
        segments = self._painter.paint(row, width)
        if self._search.pattern is not None or self.text_selection is not None:
            segments = overlay(segments, self._spans(row, y))
        return Strip(segments).adjust_cell_length(width, self.rich_style).apply_offsets(0, y)

    def _role_style(self, name: str) -> Style:
        return self.get_component_rich_style(f"transcript--{name}")

    def _spans(self, row: Row, y: int) -> list[Span]:
        spans: list[Span] = []
        shift = row.line.indent - row.start
        for start, end, is_current in self._search.in_row(row):
            style = self._role_style("current-match" if is_current else "match")
            spans.append((start + shift, end + shift, style))
        if (selection := self.text_selection) is not None and (span := selection.get_span(y)) is not None:
            start, end = selected_part(row, span)
            spans.append(
                (start + shift, end + shift, self.screen.get_component_rich_style("screen--selection"))
            )
        return spans
