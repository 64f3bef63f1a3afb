"""Text whose lines depend on the width there is: Markdown above all."""

from __future__ import annotations

from collections.abc import Callable

from textual.content import Content
from textual.geometry import Size
from textual.widget import Widget

from piplan_tui.tui.markdown_lines import MarkdownLine, MarkStyle, markdown_lines
from piplan_tui.tui.widgets.soft_wrap import soft_wrap

LayOut = Callable[[int], list[Content]]

MARK_STYLES: dict[MarkStyle, str] = {
    "heading": "bold $text-accent",
    "strong": "bold",
    "emphasis": "italic",
    "code": "$text-secondary",
    "strike": "strike",
    "link": "underline",
    "mark": "$foreground-muted",
}


def markdown_rows(text: str, width: int, style: str = "") -> list[Content]:
    """Markdown as rows of at most `width` cells; `style` is that of ordinary text."""
    return [row for line in markdown_lines(text, width) for row in _rows(line, width, style)]


def _rows(line: MarkdownLine, width: int, style: str) -> list[Content]:
    content = Content(line.text)
    if style:
        content = content.stylize(style)
    for mark in line.marks:
        content = content.stylize(MARK_STYLES[mark.style], mark.start, mark.end)
    slices = soft_wrap(line.text, width - len(line.rest)) if line.wraps else [(0, len(line.text))]
    muted = MARK_STYLES["mark"]
    return [
        Content.assemble((line.rest if number else line.lead, muted)) + content[start:end]
        for number, (start, end) in enumerate(slices)
    ]


class LaidOut(Widget):
    """Shows what `lay_out` makes of the width; as high as that is."""

    DEFAULT_CSS = "LaidOut { height: auto; }"

    def __init__(self, lay_out: LayOut, *, classes: str | None = None) -> None:
        super().__init__(classes=classes)
        self._lay_out = lay_out
        self._rows: list[Content] = []
        self._width = -1

    def show(self, lay_out: LayOut) -> None:
        """Show something else."""
        self._lay_out = lay_out
        self._width = -1
        self.refresh(layout=True)

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        return len(self._rows_at(width))

    def render(self) -> Content:
        return Content("\n").join(self._rows_at(self.size.width))

    def _rows_at(self, width: int) -> list[Content]:
        if width != self._width:
            self._width, self._rows = width, self._lay_out(max(2, width))
        return self._rows
