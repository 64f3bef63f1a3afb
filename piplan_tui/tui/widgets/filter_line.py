"""One line over the tree while it does not show all steps: which it shows, and how to see all again."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.outline import Filter
from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Span


class FilterLine(Widget):
    """Takes no room while `chosen` is "all"."""

    chosen: reactive[Filter] = reactive[Filter]("all", layout=True)

    def watch_chosen(self, chosen: Filter) -> None:
        self.display = chosen != "all"

    def render(self) -> Content:
        key = first_key("detail.back", keymap_of(self.app))
        only, clears = f"only {self.chosen}", f" · {key} clears"
        before = "filter: " if cell_len(only + clears) + 9 <= self.size.width else ""
        return to_content([Span(f" {before}"), Span(only, "attention"), Span(clears, "dim")])
