"""One line over the tree: what its columns are and who does the work, or that it does not show all steps."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.outline import Filter
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.row_layout import heading_line
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.widgets.tree_lines import TreeLines
from piplan_tui.views.line import Span


class ColumnHeadings(Widget):
    """Follows the columns of a tree; `bring_up_to_date` draws it anew when they are others.

    A `chosen` filter stands before the rest, with the key that clears it. On a short screen, and where rows are
    sentences, there is a line only for that.
    """

    chosen: reactive[Filter] = reactive[Filter]("all")

    def __init__(self, tree: TreeLines) -> None:
        super().__init__()
        self._tree = tree
        self._drawn: list[Span] | None = None

    def watch_chosen(self, chosen: Filter) -> None:
        self.set_class(chosen != "all", "-filtered")

    def bring_up_to_date(self) -> None:
        """To be called whenever something happened to the run. O(agents)."""
        if self._line() != self._drawn:
            self.refresh()

    def _line(self) -> list[Span]:
        filtered = self._filter() if self.chosen != "all" else []
        if wants_plain_list(self.app):
            return filtered
        return heading_line(self._tree.columns, agents=self._tree.agents, instead=filtered)

    def _filter(self) -> list[Span]:
        key = first_key("detail.back", keymap_of(self.app))
        only, clears = f"only {self.chosen}", f" · {key} clears"
        before = "filter: " if cell_len(only + clears) + 9 <= self.size.width else ""
        return [Span(f" {before}"), Span(only, "attention"), Span(clears, "dim")]

    def render(self) -> Content:
        self._drawn = self._line()
        return to_content(self._drawn)
