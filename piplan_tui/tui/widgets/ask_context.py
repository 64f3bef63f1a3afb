"""What stands above the fields of a form: the question, and what to read before answering."""

from __future__ import annotations

import json

from textual.content import Content
from textual.widgets import Static

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import ContextBlock, InputRequest

_LONGEST = 400
"""Lines of one block, even when it is unfolded."""


def question(request: InputRequest, asker: str = "") -> Content:
    """The message with its title, asker and reason."""
    lines: list[Content] = []
    title = clean_text(request.title, keep_newlines=False).strip()
    asker = clean_text(asker, keep_newlines=False).strip()
    if asker or title:
        lines.append(Content.assemble((" · ".join(part for part in (title, asker) if part), "$text-accent")))
    lines.append(Content.styled(clean_text(request.message).strip(), "bold"))
    if reason := clean_text(request.reason).strip():
        lines.append(Content.styled(reason, "$foreground-muted"))
    if url := clean_text(request.url, keep_newlines=False).strip():
        lines.append(Content.styled(url, "underline"))
    return Content("\n").join(lines)


class ContextView(Static):
    """One context block: its first lines until it is unfolded."""

    def __init__(self, block: ContextBlock) -> None:
        super().__init__(classes=f"ask-context -{block.type}")
        self._title, self._lines = _block_lines(block)
        self._room = 0
        self._unfolded = False

    @property
    def folds(self) -> bool:
        """Whether it has more lines than it shows when it is folded."""
        return len(self._lines) > self._room

    def lay_out(self, room: int, unfolded: bool) -> None:
        """Show at most `room` lines, or all of them when `unfolded`."""
        if (room, unfolded) == (self._room, self._unfolded):
            return
        self._room, self._unfolded = room, unfolded
        limit = _LONGEST if unfolded else room
        # to leave out one line would take as much room as to show it
        shown = self._lines[: limit + (len(self._lines) == limit + 1)]
        hidden = len(self._lines) - len(shown)
        lines = [self._title, *shown] if self._title.plain else list(shown)
        if hidden:
            hint = "" if unfolded else "   c shows all"
            lines.append(Content.styled(f"… {hidden:,} more lines{hint}", "$foreground-muted"))
        self.update(Content("\n").join(lines))


def _block_lines(block: ContextBlock) -> tuple[Content, list[Content]]:
    title = clean_text(block.title, keep_newlines=False).strip()
    text = clean_text(block.text).strip("\n")
    style = ""
    match block.type:
        case "file":
            place = clean_text(block.path, keep_newlines=False)
            if block.line is not None:
                place = f"{place}:{block.line}"
            title = f"{title}  {place}" if title else place
        case "command":
            where = clean_text(block.cwd, keep_newlines=False)
            title = f"{title}  in {where}".strip() if where else title
            text = "\n".join(
                f"{'$' if index == 0 else ' '} {line}" for index, line in enumerate(text.split("\n"))
            )
            style = "bold"
        case "json":
            if block.data is not None:
                text = clean_text(json.dumps(block.data, ensure_ascii=False, indent=2))
        case "diff":
            return _heading(title), [_diff_line(line) for line in text.split("\n")]
        case _:
            pass
    lines = text.split("\n") if text else []
    return _heading(title), [Content.styled(line.expandtabs(4), style) for line in lines]


def _heading(title: str) -> Content:
    return Content.styled(title, "$text-accent")


def _diff_line(line: str) -> Content:
    line = line.expandtabs(4)
    if line.startswith(("+++", "---")):
        return Content.styled(line, "bold")
    style = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}.get(line[:1], "$foreground-muted")
    return Content.styled(line, style)
