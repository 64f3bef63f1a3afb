"""How the rows of a run's tree are drawn, and drawn anew: only those that are in sight, and only what changed."""

from __future__ import annotations

from collections.abc import Hashable
from typing import ClassVar

from rich.segment import Segment
from rich.style import Style
from textual.geometry import Region
from textual.strip import Strip

from piplan_tui.run.state import RunState
from piplan_tui.tui.charset import cursor_sign
from piplan_tui.tui.outline import Outline, Row
from piplan_tui.tui.plain_list import sentence_line, wants_plain_list
from piplan_tui.tui.row_layout import Columns, columns_for, glyph_column
from piplan_tui.tui.row_list import RowList
from piplan_tui.tui.row_source import RowSource
from piplan_tui.tui.spans import row_parts, row_style
from piplan_tui.tui.widgets.known_lines import KnownLines
from piplan_tui.views.line import Role, Span

_SPINNING = frozenset({"running"})
_LEAST_FOR_PHASE = 4
"""Lines from which the first is given to the phase of what is below."""


class TreeLines(KnownLines):
    """Which rows there are, and where the cursor is, is for the tree itself to say."""

    COMPONENT_CLASSES: ClassVar[set[str]] = row_parts("run-tree")

    state: RunState
    outline: Outline
    rows: RowList
    _source: RowSource

    def __init__(self) -> None:
        super().__init__()
        self.cursor = 0
        self.detail = 1
        """How much a row says: 0 no numbers, 1 what fits, 2 titles and all numbers."""
        self._frame = 0
        self._drawn: dict[int, list[Span]] = {}
        self._spelled: dict[int, list[Span]] = {}
        """What lines say that are just being drawn."""

    @property
    def _width(self) -> int:
        # without the scrollbar, whose column is kept free so that rows do not change when it appears
        return self.scrollable_content_region.width

    @property
    def selected(self) -> Row | None:
        return self.rows[self.cursor] if 0 <= self.cursor < len(self.rows) else None

    @property
    def said_of_selected(self) -> str:
        """The whole sentence of the row under the cursor, which its line may cut."""
        row = self.selected
        if row is None:
            return ""
        return self._source.sentence(row, folded=row.step is None and self.rows.is_folded(row.phase))

    @property
    def columns(self) -> Columns:
        return columns_for(
            self._width,
            self._source.longest_name,
            flat=self.outline.flat,
            numbers=self.state.status != "pending",
            detail=self.detail,
            longest_agent=self._source.longest_agent,
            one_agent=len(self._source.agents) == 1,
            cursor_sign=cursor_sign(self.app),
        )

    @property
    def agents(self) -> list[str]:
        """The agents and models at work, each once."""
        return self._source.agents

    def tick(self) -> None:
        """Once a second: redraw visible rows whose clocks move."""
        self._refresh_changed()

    def spin(self) -> bool:
        """Turn the spinners of visible rows one step further; false when there was none."""
        self._frame += 1
        columns = self.columns
        found = False
        for index in self._visible():
            row = self.rows[index]
            if row.work:
                continue
            spins = row.step.status in _SPINNING if row.step else bool(row.phase.counts.get("running"))
            if spins:
                found = True
                x = glyph_column(columns, phase=row.step is None)
                self.refresh(Region(x, index - self.scroll_offset.y, 1, 1))
        return found

    def _visible(self) -> range:
        top = self.scroll_offset.y
        return range(max(0, top), min(len(self.rows), top + self.size.height))

    def refresh_row(self, index: int) -> None:
        y = index - self.scroll_offset.y
        if 0 <= y < self.size.height:
            self.refresh(Region(0, y, self._width, 1))

    def _index_at(self, y: int) -> int:
        """The row on a line of the screen: on the first, the phase of the row that would be there."""
        index = y + self.scroll_offset.y
        if y or index == self.cursor or index >= len(self.rows) or self.size.height < _LEAST_FOR_PHASE:
            return index
        row = self.rows[index]
        phase = self.rows.index_of((row.phase.title, "")) if row.step is not None else None
        return index if phase is None else phase

    @property
    def _lines_above_cursor(self) -> int:
        """How many lines have to be over the row of the cursor: one for its phase."""
        row = self.selected
        inside = row is not None and row.step is not None and not self.outline.flat
        return 1 if inside and self.size.height >= _LEAST_FOR_PHASE else 0

    @property
    def running_out_of_sight(self) -> str:
        """How many running steps are above and below what is in sight; empty without any. O(running steps)."""
        shown = self._visible()
        above = below = 0
        for step in self._source.running():
            index = self.rows.index_of((step.phase, step.id))
            above += index is not None and index < shown.start
            below += index is not None and index >= shown.stop
        said = [f"↑ {above} running above"] * bool(above) + [f"↓ {below} running below"] * bool(below)
        return " · ".join(said)

    def line_key(self, y: int) -> Hashable | None:
        index = self._index_at(y)
        if not 0 <= index < len(self.rows):
            return None
        spans = self._drawn[y] = self._spelled[y] = self._spans(index, self.columns)
        return index == self.cursor, *spans

    def render_lines(self, crop: Region) -> list[Strip]:
        strips = super().render_lines(crop)
        self._spelled.clear()
        return strips

    def render_line(self, y: int) -> Strip:
        index = self._index_at(y)
        if not 0 <= index < len(self.rows):
            self._drawn.pop(y, None)
            if y == 0 and not self.rows and self.outline.filter != "all":
                nothing = Segment(self._nothing_matches(), self._style("dim", cursor=False))
                return Strip([nothing]).adjust_cell_length(self._width, self.rich_style)
            return Strip.blank(self._width, self.rich_style)
        spans = self._spelled.get(y)
        if spans is None:
            spans = self._drawn[y] = self._spans(index, self.columns)
        cursor = index == self.cursor
        return Strip([Segment(s.text, self._style(s.role, cursor)) for s in spans], self._width)

    def _nothing_matches(self) -> str:
        chosen = self.outline.filter
        return " No step needs you now" if chosen == "needs you" else f" No step is {chosen} now"

    def _spans(self, index: int, columns: Columns) -> list[Span]:
        row, here = self.rows[index], index == self.cursor
        if wants_plain_list(self.app):
            folded = row.step is None and self.rows.is_folded(row.phase)
            said = self._source.sentence(row, folded=folded)
            return sentence_line(said, columns.width, cursor=here)
        return self._source.line(row, self.rows, columns, frame=self._frame, cursor=here, detail=self.detail)

    def _refresh_changed(self) -> None:
        """Draw the lines that do not say what they should; the way to the terminal costs more than the words."""
        columns = self.columns
        for y in range(self.size.height):
            index = self._index_at(y)
            spans = self._spans(index, columns) if index < len(self.rows) else None
            if spans != self._drawn.get(y):
                self.refresh(Region(0, y, columns.width, 1))

    def _style(self, role: Role, cursor: bool) -> Style:
        return row_style(self, "run-tree", role, cursor=cursor)
