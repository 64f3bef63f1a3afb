"""One line under the tree: why the selected row stands where it stands, and the keys that would help."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.plain_list import content_for, wants_plain_list
from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Span
from piplan_tui.views.why import Why

_NOTHING = Why(())


class WhyLine(Widget):
    """`show` the answer; at the right edge stands whether the cursor follows, and the filter."""

    why: reactive[Why] = reactive(_NOTHING)
    corner: reactive[str] = reactive("")
    sentence: reactive[str] = reactive("", layout=True)
    """All that the row says, in place of `why`, in as many lines as it needs."""

    def render(self) -> Content:
        width = self.size.width
        words = wants_plain_list(self.app)
        hints = [
            span
            for action_id, label in self.why.hints
            for span in (
                Span(", " if words else " · ", "dim"),
                Span(first_key(action_id, keymap_of(self.app)), "accent"),
                Span(f" {label}"),
            )
        ]
        hint_width = sum(cell_len(span.text) for span in hints)
        wanted = sum(cell_len(span.text) for span in self.why.spans) + hint_width
        corner = self.corner if wanted + cell_len(self.corner) + 4 <= width else ""
        room = width - 2 - (cell_len(corner) + 2 if corner else 0)
        if self.sentence:
            return Content(" ") + Content(self.sentence) + to_content(hints) + Content(f", {self.corner}")
        text = content_for(self.app, self.why.spans).truncate(max(8, room - hint_width), ellipsis=True)
        line = (Content(" ") + text + to_content(hints)).truncate(room + 1, ellipsis=True)
        gap = max(0, width - 1 - line.cell_length - cell_len(corner))
        return line + to_content([Span(" " * gap), Span(corner, "dim")])
