"""The list to begin with, on the line API: a thousand runs cost no more than those that are in sight."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from piplan_tui.tui.actions import bindings_for
from piplan_tui.tui.charset import cursor_sign
from piplan_tui.tui.spans import row_parts, row_style
from piplan_tui.views.home_rows import HomeRow
from piplan_tui.views.line import Role, Span

LEFT_OUT = frozenset({"tree.in", "tree.out", "tree.open"})
"""Commands of the tree that have no meaning here."""


class HomeList(ScrollView, can_focus=True):
    """Rows with a cursor, which rests only on those that can be chosen. `draw` gives a row at a width."""

    BINDINGS: ClassVar[list[BindingType]] = bindings_for("tree", without=LEFT_OUT)
    COMPONENT_CLASSES: ClassVar[set[str]] = row_parts("home-list")

    @dataclass
    class Moved(Message):
        row: HomeRow | None

    @dataclass
    class Chosen(Message):
        row: HomeRow

    def __init__(self, draw: Callable[[HomeRow, int], Sequence[Span]], *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._draw = draw
        self.rows: list[HomeRow] = []
        self.cursor = -1

    @property
    def selected(self) -> HomeRow | None:
        """The row under the cursor."""
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    @property
    def _width(self) -> int:
        return self.scrollable_content_region.width

    def show(self, rows: Sequence[HomeRow]) -> None:
        """Other rows. The cursor stays on its row, else near it; a row that is drawn anew keeps its place."""
        before = self.selected
        offset = self.cursor - self.scroll_offset.y
        self.rows = list(rows)
        found = next((i for i, row in enumerate(self.rows) if before and row.key == before.key), None)
        moved = found is not None and found != self.cursor
        self.cursor = self._near(self.cursor if found is None else found)
        self.virtual_size = Size(self._width, len(self.rows))
        if moved:
            self.scroll_to(y=max(0, self.cursor - offset), animate=False, force=True, immediate=True)
        self._keep_in_sight()
        self.refresh()
        if self.selected != before:
            self.post_message(self.Moved(self.selected))

    def _near(self, index: int) -> int:
        """The chosen row, or the next one after it, or the last one before; -1 when there is none."""
        index = max(0, index)
        usable = [i for i, row in enumerate(self.rows) if row.can_be_chosen]
        return next((i for i in usable if i >= index), usable[-1] if usable else -1)

    def on_resize(self) -> None:
        self.virtual_size = Size(self._width, len(self.rows))
        self._keep_in_sight()
        self.refresh()

    # -- drawing -----------------------------------------------------------------------------------

    def render_line(self, y: int) -> Strip:
        index = y + self.scroll_offset.y
        if not 0 <= index < len(self.rows):
            return Strip.blank(self._width, self.rich_style)
        row = self.rows[index]
        cursor = index == self.cursor
        marker = (f"{cursor_sign(self.app)} " if cursor else "  ") if row.can_be_chosen else ""
        spans = [Span(marker, "strong"), *self._draw(row, max(0, self._width - len(marker)))]
        segments = [Segment(span.text, self._style(span.role, cursor)) for span in spans]
        return Strip(segments).adjust_cell_length(self._width, self._style("plain", cursor))

    def _style(self, role: Role, cursor: bool) -> Style:
        return row_style(self, "home-list", role, cursor=cursor)

    # -- the cursor --------------------------------------------------------------------------------

    def move_to(self, index: int) -> None:
        """Put the cursor on a row."""
        old, self.cursor = self.cursor, index
        for changed in (old, index):
            y = changed - self.scroll_offset.y
            if 0 <= y < self.size.height:
                self.refresh(Region(0, y, self._width, 1))
        self._keep_in_sight()
        self.post_message(self.Moved(self.selected))

    def _keep_in_sight(self) -> None:
        height, top = self.size.height, self.scroll_offset.y
        if not height or self.cursor < 0:
            return
        # the heading above the first row of a section comes into sight with it
        first = self.cursor
        while first > 0 and not self.rows[first - 1].can_be_chosen and self.cursor - first < height - 1:
            first -= 1
        if first < top:
            self.scroll_to(y=first, animate=False, force=True, immediate=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True, immediate=True)

    def action_move(self, rows: int) -> None:
        usable = [index for index, row in enumerate(self.rows) if row.can_be_chosen]
        if not usable or self.cursor not in usable:
            return
        place = max(0, min(len(usable) - 1, usable.index(self.cursor) + rows))
        self.move_to(usable[place])

    def action_page(self, pages: float) -> None:
        self.action_move(round(pages * max(1, self.size.height - 1)))

    def action_first(self) -> None:
        self.action_move(-len(self.rows))

    def action_last(self) -> None:
        self.action_move(len(self.rows))

    def on_click(self, event: events.Click) -> None:
        index = event.y + self.scroll_offset.y
        if 0 <= index < len(self.rows) and self.rows[index].can_be_chosen:
            self.move_to(index)
            if event.chain == 2:
                self.post_message(self.Chosen(self.rows[index]))
