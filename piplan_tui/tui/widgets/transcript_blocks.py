"""The parts of a transcript: text that grows, tool calls that fold, retries that are waited for.

A block wraps its lines when its rows are asked for, and only what changed since.
"""

from __future__ import annotations

from collections.abc import Sequence
from re import Pattern
from typing import Literal

from piplan_tui.agents.protocol import Retrying
from piplan_tui.clean import clean_text
from piplan_tui.tui.markdown_lines import Mark, MarkdownLine, markdown_lines
from piplan_tui.tui.widgets.soft_wrap import clip, soft_wrap

Role = Literal["text", "thinking", "tool", "output", "more", "notice", "warning", "error", "retry", "ask"]

MAX_LINE_LENGTH = 4_000
"""Characters; what is longer becomes several lines."""
_TAB_SIZE = 4
_OUTPUT_INDENT = 4
_KEPT_OUTPUT = 200_000
_FOLDED_LINES = 3
_FOLDED_LINES_FAILED = 5
_FIRST = (_FOLDED_LINES + 2) * MAX_LINE_LENGTH


class Line:
    """A line of text before it is wrapped. Belongs to one block; compared by identity."""

    __slots__ = ("block", "indent", "lead", "marks", "place", "rest", "role", "text", "wraps")

    def __init__(self, block: Block, role: Role, text: str, indent: int = 0) -> None:
        self.block = block
        self.role = role
        self.text = text
        self.indent = indent
        self.place = block.place
        self.marks: tuple[Mark, ...] = ()
        """Styles of parts of it, on top of the role's."""
        self.lead = ""
        self.rest = ""
        """What stands in the indent of the first row, and of the others; spaces where it is empty."""
        self.wraps = True


class Row:
    """`line.text[start:end]`, which fits the width. Compared by identity; a changed row is a new one."""

    __slots__ = ("clipped", "end", "line", "start")

    def __init__(self, line: Line, start: int, end: int, *, clipped: bool = False) -> None:
        self.line = line
        self.start = start
        self.end = end
        self.clipped = clipped


class Block:
    """Some lines that belong together. `rows` may be asked for any number of times at no cost."""

    is_text = False

    def __init__(self, *, gap: bool) -> None:
        self.place: int | None = None
        """Where in the file of the transcript stands what is being added to it."""
        self._gap = gap
        self._rows: list[Row] | None = None
        self._width = 0

    def rows(self, width: int) -> list[Row]:
        if self._rows is None or width != self._width:
            self._width = width
            rows = self._wrap(width)
            self._rows = [Row(Line(self, "text", ""), 0, 0), *rows] if self._gap else rows
        return self._rows

    @property
    def own_lines(self) -> Sequence[Line]:
        """The lines that it has from the start."""
        return ()

    @property
    def line_count(self) -> int:
        return 1

    def _wrap(self, width: int) -> list[Row]:
        raise NotImplementedError


class TextBlock(Block):
    """Answer, reasoning or a notice: lines of one role, the last of which may still grow."""

    def __init__(self, role: Role, *, gap: bool, glyph: str = "", indent: int = 0) -> None:
        super().__init__(gap=gap)
        self._indent = indent or (2 if glyph else 0)
        self.is_text = role in ("text", "thinking")
        self.role: Role = role
        self.glyph = glyph
        self.lines: list[Line] = []
        self._last_row = 0
        """Where the rows of the last line begin in `_rows`."""

    @property
    def own_lines(self) -> Sequence[Line]:
        return self.lines

    @property
    def line_count(self) -> int:
        return len(self.lines)

    def append(self, text: str) -> None:
        """More text, clean; the part before its first newline continues the last line."""
        for index, part in enumerate(text.split("\n")):
            if index or not self.lines:
                self._add_line(part.expandtabs(_TAB_SIZE))
            elif part:
                self._grow_line(part)

    def drop_trailing_blank(self) -> None:
        while len(self.lines) > 1 and not self.lines[-1].text.strip():
            self.lines.pop()
            self._rows = None

    def _grow_line(self, text: str) -> None:
        whole = (self.lines[-1].text + text).expandtabs(_TAB_SIZE)
        # new rows for the line, so that whoever holds the old ones sees that they changed
        self.lines[-1].text = whole[:MAX_LINE_LENGTH]
        if self._rows is not None:
            del self._rows[self._last_row :]
            self._wrap_last()
        if len(whole) > MAX_LINE_LENGTH:
            self._add_line(whole[MAX_LINE_LENGTH:])

    def _add_line(self, text: str) -> None:
        while True:
            self.lines.append(Line(self, self.role, text[:MAX_LINE_LENGTH], self._indent))
            if self._rows is not None:
                self._wrap_last()
            text = text[MAX_LINE_LENGTH:]
            if not text:
                return

    def _wrap_last(self) -> None:
        assert self._rows is not None
        self._last_row = len(self._rows)
        self._rows.extend(_wrap_line(self.lines[-1], self._width))

    def _wrap(self, width: int) -> list[Row]:
        rows: list[Row] = []
        for line in self.lines:
            self._last_row = len(rows) + self._gap
            rows.extend(_wrap_line(line, width))
        return rows


class MessageBlock(Block):
    """What an agent said, once it has said it all: its Markdown laid out, or as it was written."""

    is_text = True

    def __init__(self, text: str, *, gap: bool, rendered: bool) -> None:
        super().__init__(gap=gap)
        self._text = text
        self._rendered = rendered

    @property
    def line_count(self) -> int:
        return self._text.count("\n") + 1

    def render(self, rendered: bool) -> None:
        if rendered != self._rendered:
            self._rendered = rendered
            self._rows = None

    def _wrap(self, width: int) -> list[Row]:
        rows: list[Row] = []
        for shown in (
            markdown_lines(self._text, width)
            if self._rendered
            else (MarkdownLine(line) for line in self._text.split("\n"))
        ):
            line = Line(self, "text", shown.text, len(shown.rest))
            line.marks, line.lead, line.rest, line.wraps = shown.marks, shown.lead, shown.rest, shown.wraps
            rows.extend(_wrap_line(line, width))
        return rows


class ToolBlock(Block):
    """A tool call: one line that says what it is, and its output, folded to a few lines until unfolded."""

    def __init__(self, call_id: str, tool: str, target: str, *, gap: bool, at: float | None) -> None:
        super().__init__(gap=gap)
        self.call_id = call_id
        self.tool = clean_text(tool, keep_newlines=False)
        self.target = clean_text(target[:MAX_LINE_LENGTH], keep_newlines=False)
        self.started_at = at
        self.ended_at: float | None = None
        self.ok: bool | None = None
        self.unfolded = False
        self.output_lines = 0
        self._output = ""
        self._first = ""
        self._lines_before = 0
        """Of an output that is too long to be kept: how many lines are only in the log."""
        self.head = Line(self, "tool", f"{self.tool}  {self.target}".rstrip(), 2)

    @property
    def own_lines(self) -> Sequence[Line]:
        return (self.head,)

    @property
    def running(self) -> bool:
        return self.ok is None

    def set_output(self, text: str) -> None:
        self._first, self._lines_before = text[:_FIRST], 0
        self._keep(text)

    def more_output(self, text: str) -> None:
        if not self._output:
            self._first = text[:_FIRST]
        self._keep(self._output + text)

    def _keep(self, text: str) -> None:
        if len(text) > 2 * _KEPT_OUTPUT:
            self._lines_before += text.count("\n", 0, len(text) - _KEPT_OUTPUT)
            text = text[-_KEPT_OUTPUT:]
        self._output = text
        self._rows = None

    def end(self, ok: bool, text: str, at: float | None) -> None:
        self.ok = ok
        self.ended_at = at
        # an agent may send the output only while the tool runs, or only at its end
        if text:
            self.set_output(text)
        self._rows = None

    def fold(self, unfolded: bool) -> None:
        if unfolded != self.unfolded:
            self.unfolded = unfolded
            self._rows = None

    def hides(self, pattern: Pattern[str]) -> bool:
        """Whether unfolding would show a match that is not to be seen now."""
        return not self.unfolded and pattern.search(clean_text(self._output[-_KEPT_OUTPUT:])) is not None

    def _wrap(self, width: int) -> list[Row]:
        rows = [Row(self.head, 0, len(self.head.text))]
        output = self._output.rstrip("\n")
        self.output_lines = self._lines_before + output.count("\n") + 1 if output.strip() else 0
        if not self.output_lines:
            return rows
        if self.unfolded:
            return rows + self._whole(output, width)
        return rows + self._folded(output, width)

    def _whole(self, output: str, width: int) -> list[Row]:
        rows: list[Row] = []
        if len(output) > _KEPT_OUTPUT or self._lines_before:
            rows.append(self._more("… the beginning is only in the log"))
            output = output[-_KEPT_OUTPUT:]
        for text in clean_text(output).split("\n"):
            text = text.expandtabs(_TAB_SIZE)
            for start in range(0, len(text) or 1, MAX_LINE_LENGTH):
                line = Line(self, "output", text[start : start + MAX_LINE_LENGTH], _OUTPUT_INDENT)
                rows.extend(_wrap_line(line, width))
        return rows

    def _folded(self, output: str, width: int) -> list[Row]:
        shown = _FOLDED_LINES_FAILED if self.ok is False else _FOLDED_LINES
        # the end of an output says what is going on now, or what went wrong; the beginning says what it is
        from_end = not self.ok
        reach = (shown + 1) * MAX_LINE_LENGTH
        part = clean_text(output[-reach:] if from_end else self._first.rstrip("\n")[:reach]).split("\n")
        hidden = self.output_lines - shown
        if hidden == 1:
            shown, hidden = shown + 1, 0
        lines = part[-shown:] if from_end else part[:shown]
        rows = [self._clipped(text.expandtabs(_TAB_SIZE), width) for text in lines]
        if hidden > 0:
            rows.insert(0 if from_end else len(rows), self._more(f"… {hidden:,} more"))
        return rows

    def _more(self, text: str) -> Row:
        return Row(Line(self, "more", text, _OUTPUT_INDENT), 0, len(text))

    def _clipped(self, text: str, width: int) -> Row:
        room = max(2, width - _OUTPUT_INDENT)
        shown = clip(text[:MAX_LINE_LENGTH], room)
        line = Line(self, "output", text[:MAX_LINE_LENGTH], _OUTPUT_INDENT)
        if shown == text:
            return Row(line, 0, len(text))
        return Row(line, 0, len(shown) - 1, clipped=True)


class RetryBlock(Block):
    """The agent repeats a request by itself, some seconds from `at` on."""

    def __init__(self, event: Retrying, *, gap: bool, at: float | None) -> None:
        super().__init__(gap=gap)
        self.at = at
        self.delay_seconds = event.delay_seconds
        self.waiting = at is not None
        error = clean_text(event.error[:MAX_LINE_LENGTH], keep_newlines=False) or "the provider refused"
        text = f"{error}, try {event.attempt} of {event.max_attempts}"
        self.head = Line(self, "retry", text, 2)

    @property
    def own_lines(self) -> Sequence[Line]:
        return (self.head,)

    def over(self, *, ok: bool) -> None:
        self.waiting = False
        if not ok:
            self.head.text += ": gave up"
            self.head.role = "error"
        self._rows = None

    def _wrap(self, width: int) -> list[Row]:
        return [Row(self.head, 0, len(self.head.text))]


def _wrap_line(line: Line, width: int) -> list[Row]:
    if not line.wraps:
        return [Row(line, 0, len(line.text))]
    return [Row(line, start, end) for start, end in soft_wrap(line.text, width - line.indent)]
