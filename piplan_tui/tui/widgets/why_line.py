"""One line under the tree: why the selected row stands where it stands, and the keys that would help."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.plain_list import content_for, separator
from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Span
from piplan_tui.views.why import Why

_NOTHING = Why(())


class WhyLine(Widget):
    """`why`, as much of it as fits; at the right edge the `corner`, where there is room for it."""

    why: reactive[Why] = reactive(_NOTHING)
    corner: reactive[str] = reactive("")
    sentence: reactive[str] = reactive("", layout=True)
    """All that the row says, in place of `why`, in as many lines as it needs."""

    def render(self) -> Content:
        width = self.size.width
        said = sum(cell_len(span.text) for span in self.why.spans)
        offered = list(self.why.hints)
        # the reason comes before more than one thing to do about it: those are in the key bar too
        while len(offered) > 1 and said + _width(self._hints(offered)) > width - 2:
            offered.pop()
        hints = self._hints(offered)
        hint_width = _width(hints)
        wanted = said + hint_width
        corner = self.corner if wanted + cell_len(self.corner) + 4 <= width else ""
        room = width - 2 - (cell_len(corner) + 2 if corner else 0)
        if self.sentence:
            return Content(" ") + Content(self.sentence) + to_content(hints) + Content(f", {self.corner}")
        text = content_for(self.app, self.why.spans).truncate(max(8, room - hint_width), ellipsis=True)
        line = (Content(" ") + text + to_content(hints)).truncate(room + 1, ellipsis=True)
        gap = max(0, width - 1 - line.cell_length - cell_len(corner))
        return line + to_content([Span(" " * gap), Span(corner, "dim")])

    def _hints(self, offered: Sequence[tuple[str, str]]) -> list[Span]:
        keymap = keymap_of(self.app)
        between = separator(self.app)
        return [
            span
            for action_id, label in offered
            for span in (
                Span(between, "dim"),
                Span(first_key(action_id, keymap), "accent"),
                Span(f" {label}"),
            )
        ]


def _width(spans: Sequence[Span]) -> int:
    return sum(cell_len(span.text) for span in spans)
