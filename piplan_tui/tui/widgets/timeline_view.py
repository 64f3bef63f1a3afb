"""Bars on a common scale: when steps worked, and when they waited for the user."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from piplan_tui.run.state import RunState
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.spans import row_parts, row_style
from piplan_tui.views.line import Role
from piplan_tui.views.spoken import calm
from piplan_tui.views.spoken_rows import bar_sentence
from piplan_tui.views.timeline import (
    Bar,
    Scale,
    StepBars,
    bar_line,
    bars,
    grouped_when_short,
    scale,
    scale_line,
)


class TimelineView(ScrollView, can_focus=True):
    """The scale, which stays, and below it the bars with a cursor. Call `update_bars` whenever time has passed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "move(-1)", "Up", show=False, id="timeline.up"),
        Binding("down,j", "move(1)", "Down", show=False, id="timeline.down"),
        Binding("g,home", "first", "First", show=False, id="timeline.first"),
        Binding("G,end", "last", "Last", show=False, id="timeline.last"),
        Binding("ctrl+u,pageup", "page(-1)", "Page up", show=False, id="timeline.half_up"),
        Binding("ctrl+d,pagedown", "page(1)", "Page down", show=False, id="timeline.half_down"),
        Binding("enter", "open", "Open", id="timeline.open", tooltip="The step, or the steps of the phase"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = row_parts("timeline")

    @dataclass
    class Opened(Message):
        """The user wants to see a step."""

        step_id: str

    def __init__(self, state: Callable[[], RunState], *, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._state = state
        self._now = now
        self._bars: list[Bar] = []
        self._step_bars = StepBars()
        self._said: list[tuple[int, str]] = []
        self._scale: Scale | None = None
        self.cursor = 0
        self.critical: frozenset[str] = frozenset()
        """Ids of the steps on the critical path."""
        self.grouped: bool | None = None
        """Whether phases stand for their steps; `None` decides by the room there is."""

    @property
    def shows_phases(self) -> bool:
        if self.grouped is not None:
            return self.grouped
        return grouped_when_short(self._state(), max(1, self.size.height - 1))

    @property
    def selected(self) -> Bar | None:
        """The bar under the cursor."""
        return self._bars[self.cursor] if self.cursor < len(self._bars) else None

    def on_mount(self) -> None:
        self.update_bars()

    def on_resize(self) -> None:
        self.update_bars()
        self._keep_cursor_visible()

    def update_bars(self) -> None:
        """Draw the run as it is now. The cursor stays on its step, or on the phase of it."""
        state, now = self._state(), self._now()
        if wants_plain_list(self.app):
            now = calm(now)
        here = self.selected
        self._bars = bars(
            state, now, grouped=self.shows_phases, critical=self.critical, steps=self._step_bars
        )
        if here is not None and (self.selected is None or self.selected.key != here.key):
            self._put_on(here.key)
        self._said = self._sentences() if wants_plain_list(self.app) else []
        size = Size(self.scrollable_size.width, (len(self._said) or len(self._bars)) + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        self._scale = scale(state, now, self.scrollable_size.width, self._bars)
        self.refresh()

    def _sentences(self) -> list[tuple[int, str]]:
        """The bars in words, in as many lines as they need, each with the place of its bar."""
        width = max(8, self.scrollable_size.width - 2)
        lines: list[tuple[int, str]] = []
        for place, bar in enumerate(self._bars):
            said = bar_sentence(bar) + (", on the critical path" if bar.critical else "")
            lines += [(place, line) for line in textwrap.wrap(said, width, subsequent_indent="  ")]
        return lines

    def group(self, grouped: bool) -> None:
        """Show phases alone, or their steps too."""
        self.grouped = grouped
        self.update_bars()
        self._keep_cursor_visible()

    def _put_on(self, key: tuple[str, str]) -> None:
        places = {bar.key: place for place, bar in enumerate(self._bars)}
        self.cursor = places.get(key, places.get((key[0], ""), 0))

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        index = y - 1 + self.scroll_offset.y
        if self._said:
            said = "  In the order of the plan" if y == 0 else ""
            if y > 0 and index < len(self._said):
                place, line = self._said[index]
                first = index == 0 or self._said[index - 1][0] != place
                said = f"{'>' if first and place == self.cursor else ' '} {line}"
            return Strip([Segment(set_cell_size(said, width), self._style("plain", False))])
        if self._scale is None or (y > 0 and index >= len(self._bars)):
            return Strip.blank(width, self.rich_style)
        cursor = y > 0 and index == self.cursor
        spans = scale_line(self._scale) if y == 0 else bar_line(self._bars[index], self._scale, cursor=cursor)
        segments = [Segment(span.text, self._style(span.role, cursor)) for span in spans]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _style(self, role: Role, cursor: bool) -> Style:
        return row_style(self, "timeline", role, cursor=cursor)

    # -- the cursor --------------------------------------------------------------------------------

    def move_to(self, index: int) -> None:
        """Put the cursor on a row, or the nearest there is."""
        self.cursor = max(0, min(index, len(self._bars) - 1))
        self._keep_cursor_visible()
        self.refresh()

    def _keep_cursor_visible(self) -> None:
        rows = self.scrollable_size.height - 1  # without the scale
        top = self.scroll_offset.y
        row = next((row for row, (place, _) in enumerate(self._said) if place == self.cursor), self.cursor)
        if row < top:
            self.scroll_to(y=row, animate=False, force=True, immediate=True)
        elif rows > 0 and row >= top + rows:
            self.scroll_to(y=row - rows + 1, animate=False, force=True, immediate=True)

    def action_move(self, rows: int) -> None:
        self.move_to(self.cursor + rows)

    def action_page(self, pages: int) -> None:
        self.move_to(self.cursor + pages * max(1, self.scrollable_size.height - 2))

    def action_first(self) -> None:
        self.move_to(0)

    def action_last(self) -> None:
        self.move_to(len(self._bars) - 1)

    def action_open(self) -> None:
        here = self.selected
        if here is None:
            return
        if here.key[1]:
            self.post_message(self.Opened(here.key[1]))
        else:
            self.group(not self.shows_phases)

    def on_click(self, event: events.Click) -> None:
        index = event.y - 1 + self.scroll_offset.y
        if self._said:
            index = self._said[index][0] if index < len(self._said) else len(self._bars)
        if event.y > 0 and index < len(self._bars):
            self.move_to(index)
            if event.chain == 2:
                self.action_open()
