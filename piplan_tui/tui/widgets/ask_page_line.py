"""Which pages a form has, and which of them is shown."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.widget import Widget

from piplan_tui.tui.widgets.ask_pages import Pages


class PageLine(Widget):
    """The names of the pages in one line, that of the one that is shown in brackets; or else its number."""

    DEFAULT_CSS = "PageLine { height: 1; margin-left: 1; }"

    def __init__(self, pages: Pages) -> None:
        super().__init__()
        self._pages = pages

    def render(self) -> Content:
        pages = self._pages
        before = f"Page {pages.index + 1} of {pages.count}  "
        names = [
            f"[{name}]" if index == pages.index else f" {name} " for index, name in enumerate(pages.names)
        ]
        if cell_len(before) + sum(cell_len(name) + 1 for name in names) > self.size.width:
            return Content.assemble((before, "$foreground-muted"), (names[pages.index], "bold $text-accent"))
        parts = [(before, "$foreground-muted")]
        for index, name in enumerate(names):
            parts.append((name + " ", "bold $text-accent" if index == pages.index else "$foreground-muted"))
        return Content.assemble(*parts)
