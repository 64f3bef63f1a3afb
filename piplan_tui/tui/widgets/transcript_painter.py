"""How a row of a transcript looks: styled pieces of text, exactly as wide as there is room."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style

from piplan_tui.tui.widgets.soft_wrap import clip
from piplan_tui.tui.widgets.transcript_blocks import RetryBlock, Row, TextBlock, ToolBlock
from piplan_tui.views.formatting import SPINNER, counted, format_clock

TICKS_PER_SECOND = 5
_COLUMNS_FROM = 50
"""Cells from which on the times and line counts of tool calls stand below each other."""
_CLOCK_FROM = 72
"""Cells from which on the time of day is there too."""
_A_DAY = 86_400
_EMPTY = Style.null()
_GLYPHS = {"retry": "↻", "error": "✗"}

Span = tuple[int, int, Style]
"""Characters from, to, and what is laid over their style."""


class RowPainter:
    """`style` looks a role up in the theme, `clock` gives seconds since 1970, `time_of_day` writes such, `animate`
    tells whether the spinner turns, `in_words` whether everything is said in words."""

    def __init__(
        self,
        style: Callable[[str], Style],
        clock: Callable[[], float],
        time_of_day: Callable[[float], str],
        animate: Callable[[], bool],
        in_words: Callable[[], bool] = lambda: False,
    ) -> None:
        self._in_words = in_words
        self._time_of_day = time_of_day
        self._style = style
        self._clock = clock
        self._animate = animate

    @staticmethod
    def ticks(row: Row) -> bool:
        """Whether it looks different later, although nothing was said."""
        block = row.line.block
        return isinstance(block, ToolBlock | RetryBlock) and row.line is block.head

    def paint(self, row: Row, width: int) -> list[Segment]:
        """The pieces of a row; at most `width` cells."""
        block = row.line.block
        if isinstance(block, ToolBlock) and row.line is block.head:
            return self._tool_head(block, width)
        if isinstance(block, RetryBlock) and row.line is block.head:
            return self._retry_head(block, width)
        return self._plain(row)

    def _plain(self, row: Row) -> list[Segment]:
        line, block = row.line, row.line.block
        style = self._style(line.role)
        pad = " " * line.indent
        if isinstance(block, TextBlock) and block.glyph and row.start == 0 and line is block.lines[0]:
            pad = f"{block.glyph} "
        elif line.rest or line.lead:
            pad = line.lead if row.start == 0 else line.rest
        text = line.text[row.start : row.end] + ("…" if row.clipped else "")
        segments = [Segment(pad, style), Segment(text, style)]
        if not line.marks:
            return segments
        shift = len(pad) - row.start
        return overlay(
            segments,
            [
                (max(start, row.start) + shift, min(end, row.end) + shift, self._style(f"md-{name}"))
                for start, end, name in line.marks
                if start < row.end and end > row.start
            ],
        )

    def _tool_sentence(self, tool: ToolBlock, width: int) -> list[Segment]:
        state = "running" if tool.running else "done" if tool.ok else "failed"
        lines = counted(tool.output_lines, "line") if tool.output_lines else ""
        took = "" if tool.running else self._took(tool).replace("s", " seconds")
        facts = [f"tool {tool.tool} {tool.target}".rstrip(), state, f"took {took}" if took else "", lines]
        return [Segment(clip(", ".join(fact for fact in facts if fact), width), self._style("tool"))]

    def _tool_head(self, tool: ToolBlock, width: int) -> list[Segment]:
        if self._in_words():
            return self._tool_sentence(tool, width)
        style, dim = self._style("tool"), self._style("more")
        if tool.running:
            glyph, glyph_style = self._spinner(), self._style("running")
        else:
            glyph, glyph_style = ("✓", self._style("ok")) if tool.ok else ("✗", self._style("error"))
        took = self._took(tool)
        lines = counted(tool.output_lines, "line") if tool.output_lines else ""
        # columns: the times stand below each other, whatever follows
        right = f"  {took:>6}  {lines:<10}" if width >= _COLUMNS_FROM else f"  {took}" if took else ""
        if width >= _CLOCK_FROM and tool.started_at is not None and tool.started_at > _A_DAY:
            right = f"  {self._time_of_day(tool.started_at)}{right}"
        room = width - 2 - len(right)
        text = clip(tool.head.text, room)
        name = text[: len(tool.tool)]
        gap = " " * (room - cell_len(text))
        return [
            Segment(f"{glyph} ", glyph_style),
            Segment(name, style + Style(bold=True)),
            Segment(text[len(name) :], style),
            Segment(f"{gap}{right}", dim),
        ]

    def _took(self, tool: ToolBlock) -> str:
        if tool.started_at is None or (tool.ended_at is None and not tool.running):
            return ""
        seconds = (self._clock() if tool.ended_at is None else tool.ended_at) - tool.started_at
        if tool.running:
            return format_clock(seconds)
        return f"{seconds:.1f}s" if seconds < 60 else format_clock(seconds)

    def _spinner(self) -> str:
        if not self._animate():
            return SPINNER[2]
        return SPINNER[int(self._clock() * TICKS_PER_SECOND) % len(SPINNER)]

    def _retry_head(self, retry: RetryBlock, width: int) -> list[Segment]:
        style = self._style(retry.head.role)
        wait = ""
        if retry.waiting and retry.at is not None:
            left = retry.at + retry.delay_seconds - self._clock()
            wait = f" in {format_clock(left + 0.999)}" if left > 0 else " now"
        text = clip(retry.head.text, width - 2 - len(wait))
        return [Segment(f"{_GLYPHS[retry.head.role]} ", style), Segment(text + wait, style)]


def overlay(segments: list[Segment], spans: list[Span]) -> list[Segment]:
    """`segments` with the styles of `spans` laid over them."""
    if not spans:
        return segments
    edges = sorted({edge for start, end, _ in spans for edge in (start, end)})
    pieces: list[Segment] = []
    position = 0
    for text, style, _ in segments:
        cuts = [0, *(edge - position for edge in edges if 0 < edge - position < len(text)), len(text)]
        for left, right in pairwise(cuts):
            piece_style = style or _EMPTY
            for start, end, over in spans:
                if start <= position + left and position + right <= end:
                    piece_style += over
            pieces.append(Segment(text[left:right], piece_style))
        position += len(text)
    return pieces
