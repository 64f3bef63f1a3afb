"""Bars on a common scale: when steps worked, and when they waited for the user."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar, get_args

from rich.cells import set_cell_size
from rich.segment import Segment
from rich.style import Style
from textual.binding import Binding, BindingType
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from piplan_tui.run.state import RunState
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.views.line import Role
from piplan_tui.views.spoken import calm
from piplan_tui.views.spoken_rows import bar_sentence
from piplan_tui.views.timeline import Bar, Scale, bar_line, bars, grouped_when_short, scale, scale_line


class TimelineView(ScrollView, can_focus=True):
    """The scale, which stays, and below it the bars. Call `update_bars` whenever time has passed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,k", "scroll_up", "Up", show=False, id="timeline.up"),
        Binding("down,j", "scroll_down", "Down", show=False, id="timeline.down"),
        Binding("g,home", "scroll_home", "First", show=False, id="timeline.first"),
        Binding("G,end", "scroll_end", "Last", show=False, id="timeline.last"),
        Binding("ctrl+u", "page_up", "Page up", show=False, id="timeline.half_up"),
        Binding("ctrl+d", "page_down", "Page down", show=False, id="timeline.half_down"),
    ]

    COMPONENT_CLASSES: ClassVar[set[str]] = {f"timeline--{role}" for role in get_args(Role)}

    def __init__(self, state: Callable[[], RunState], *, now: Callable[[], datetime]) -> None:
        super().__init__()
        self._state = state
        self._now = now
        self._bars: list[Bar] = []
        self._said: list[str] = []
        self._scale: Scale | None = None
        self.grouped: bool | None = None
        """Whether phases stand for their steps; `None` decides by the room there is."""

    @property
    def shows_phases(self) -> bool:
        if self.grouped is not None:
            return self.grouped
        return grouped_when_short(self._state(), max(1, self.size.height - 1))

    def on_mount(self) -> None:
        self.update_bars()

    def on_resize(self) -> None:
        self.update_bars()

    def update_bars(self) -> None:
        """Draw the run as it is now."""
        state, now = self._state(), self._now()
        if wants_plain_list(self.app):
            now = calm(now)
        self._bars = bars(state, now, grouped=self.shows_phases)
        self._said = self._sentences() if wants_plain_list(self.app) else []
        size = Size(self.scrollable_size.width, (len(self._said) or len(self._bars)) + 1)
        if size != self.virtual_size:
            self.virtual_size = size
        self._scale = scale(state, now, self.scrollable_size.width, self._bars)
        self.refresh()

    def _sentences(self) -> list[str]:
        """The bars in words, in as many lines as they need."""
        width = max(8, self.scrollable_size.width)
        said = [bar_sentence(bar) for bar in self._bars]
        return [line for text in said for line in textwrap.wrap(text, width, subsequent_indent="  ")]

    def render_line(self, y: int) -> Strip:
        width = self.scrollable_size.width
        index = y - 1 + self.scroll_offset.y
        if self._said:
            said = "In the order of the plan" if y == 0 else "".join(self._said[index : index + 1])
            return Strip([Segment(set_cell_size(said, width), self._style("plain"))])
        if self._scale is None or (y > 0 and index >= len(self._bars)):
            return Strip.blank(width, self.rich_style)
        spans = scale_line(self._scale) if y == 0 else bar_line(self._bars[index], self._scale)
        segments = [Segment(span.text, self._style(span.role)) for span in spans]
        return Strip(segments).adjust_cell_length(width, self.rich_style)

    def _style(self, role: Role) -> Style:
        return self.get_component_rich_style(f"timeline--{role}")
