"""What stands above the fields of a form: the question, and what to read before answering."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import anyio.to_thread
from textual.content import Content
from textual.widgets import Static

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import ContextBlock, Field, InputRequest
from piplan_tui.tui.background import in_background
from piplan_tui.tui.file_excerpt import Excerpt, read_excerpt
from piplan_tui.tui.widgets.laid_out import LayOut, markdown_rows
from piplan_tui.tui.widgets.soft_wrap import soft_wrap

_LONGEST = 400
"""Lines of one block, even when it is unfolded."""
_MARKDOWN_WIDTH = 76


def question(request: InputRequest, asker: str = "") -> LayOut:
    """The message with its title, asker and reason."""
    title = clean_text(request.title, keep_newlines=False).strip()
    if title == request.message.strip():
        title = ""
    by = clean_text(asker, keep_newlines=False).strip()
    heading = " · ".join(part for part in (title, by) if part)
    reason = clean_text(request.reason).strip()
    url = clean_text(request.url, keep_newlines=False).strip()

    def lay_out(width: int) -> list[Content]:
        rows = _wrapped(heading, width, "$text-accent") if heading else []
        rows += markdown_rows(request.message.strip(), width, "bold")
        for line in reason.split("\n") if reason else ():
            rows += _wrapped(line, width, "$foreground-muted")
        return rows + (_wrapped(url, width, "underline") if url else [])

    return lay_out


def needs_label(request: InputRequest, field: Field) -> bool:
    """The only field needs no name of its own when the question says it already."""
    if len(request.fields) > 1 or field.description:
        return True
    return bool(field.label) and field.label not in (request.title, request.message)


def _wrapped(text: str, width: int, style: str) -> list[Content]:
    return [Content.styled(text[start:end], style) for start, end in soft_wrap(text, width)]


class ContextView(Static):
    """One context block: its first lines until it is unfolded."""

    def __init__(self, block: ContextBlock, workspace: Path | None = None) -> None:
        super().__init__(classes=f"ask-context -{block.type}")
        self._block = block
        self._workspace = workspace
        self._title, self._lines = _block_lines(block)
        self._is_unread = bool(block.type == "file" and block.path and not block.text and workspace)
        self._target = 0
        """The line to be seen while not all are."""
        self._room = 0
        self._unfolded = False
        self.hides = False
        """Whether it has more lines than it shows now."""

    def on_mount(self) -> None:
        if self._is_unread and self._workspace is not None:
            in_background(self, partial(self._read, self._workspace), group="context")

    async def _read(self, workspace: Path) -> None:
        block = self._block
        found = await anyio.to_thread.run_sync(read_excerpt, workspace, block.path, block.line)
        self._lines = _file_lines(found, block.line)
        self._is_unread = False
        numbers = [number for number, _ in found.lines]
        self._target = numbers.index(block.line) if block.line in numbers else 0
        room, self._room = self._room, -1
        self.lay_out(room, self._unfolded)

    @property
    def needed(self) -> int:
        """Lines, without its title; of a file that is not read yet, as many as there may be."""
        return _LONGEST if self._is_unread else len(self._lines)

    def lay_out(self, room: int, unfolded: bool) -> None:
        """Show at most `room` lines, or all of them when `unfolded`."""
        if (room, unfolded) == (self._room, self._unfolded):
            return
        self._room, self._unfolded = room, unfolded
        limit = _LONGEST if unfolded else room
        # to leave out one line would take as much room as to show it
        limit += len(self._lines) == limit + 1
        start = 0 if unfolded else max(0, min(self._target - limit // 2, len(self._lines) - limit))
        shown = self._lines[start : start + limit]
        hidden = len(self._lines) - len(shown)
        self.hides = hidden > 0
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
        case "markdown":
            return _heading(title), markdown_rows(text, _MARKDOWN_WIDTH) if text else []
        case "diff":
            return _heading(title), [_diff_line(line) for line in text.split("\n")]
        case _:
            pass
    lines = text.split("\n") if text else []
    return _heading(title), [Content.styled(line.expandtabs(4), style) for line in lines]


def _file_lines(found: Excerpt, line: int | None) -> list[Content]:
    if found.problem:
        return [Content.styled(clean_text(found.problem, keep_newlines=False), "$foreground-muted")]
    digits = len(str(found.lines[-1][0]))
    return [
        Content.assemble(
            (f"{number:>{digits}}{'>' if number == line else ' '} ", "$foreground-muted"),
            (text.expandtabs(4), "bold" if number == line else ""),
        )
        for number, text in found.lines
    ]


def _heading(title: str) -> Content:
    return Content.styled(title, "$text-accent")


def _diff_line(line: str) -> Content:
    line = line.expandtabs(4)
    if line.startswith(("+++", "---")):
        return Content.styled(line, "bold")
    style = {"+": "$text-success", "-": "$text-error", "@": "$text-accent"}.get(line[:1], "$foreground-muted")
    return Content.styled(line, style)
