"""A session's events as rows of text: what the transcript view shows, without a screen.

Nothing is wrapped before it is looked at, and only the newest rows are kept, so that the cost of a screenful
does not grow with the session.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import chain
from re import Pattern
from typing import Any

from piplan_tui.agents.protocol import (
    AskRaised,
    AskWithdrawn,
    Notice,
    Recovered,
    Retrying,
    SessionEvent,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    UserSaid,
)
from piplan_tui.clean import StreamCleaner, clean_text
from piplan_tui.tui.markdown_lines import looks_like_markdown
from piplan_tui.tui.widgets.transcript_blocks import (
    MAX_LINE_LENGTH,
    Block,
    MessageBlock,
    RetryBlock,
    Role,
    Row,
    TextBlock,
    ToolBlock,
)

MAX_ROWS = 5_000
_LINES_PER_BLOCK = 64
_MOST_MARKDOWN_LINES = 600
_MOST_AT_ONCE = 2_000_000
"""Characters of streamed text between two drawings that are looked at."""


class Transcript:
    """The newest part of one conversation, as rows.

    Times are seconds of any one clock, `None` where they are not known. With `whole`, the output of tools is shown
    to its last line, and lines know the places that they stand at in the file. With `markdown`, a message is laid
    out once it is whole; until then, and when it is very long, it is shown as it is written.
    """

    def __init__(self, *, max_rows: int = MAX_ROWS, whole: bool = False, markdown: bool = False) -> None:
        self._markdown = markdown and not whole
        self._max_rows = max_rows
        self._whole = whole
        self._place: int | None = None
        self._outputs: dict[str, TextBlock] = {}
        self.dropped = False
        """Whether something was left out because it was too much."""
        self._blocks: deque[Block] = deque()
        self._line_count = 0
        self._tools: dict[str, ToolBlock] = {}
        self._retry: RetryBlock | None = None
        self._cleaners: dict[Role, StreamCleaner] = {"text": StreamCleaner(), "thinking": StreamCleaner()}
        self._unfold = False

    @property
    def live(self) -> bool:
        """Whether a row shows something that changes with time: a running tool, a retry that is waited for."""
        return bool(self._tools) or self._retry is not None

    def extend(self, events: Iterable[tuple[SessionEvent, float | None]]) -> None:
        """Take in what was said, in order."""
        role: Role | None = None
        parts: list[str] = []
        for event, at in events:
            # words come by the thousand: joined first, they cost next to nothing
            if isinstance(event, TextDelta | ThinkingDelta):
                event_role: Role = "text" if isinstance(event, TextDelta) else "thinking"
                if event_role != role:
                    self._say(role, parts)
                    role, parts = event_role, []
                parts.append(event.text)
                continue
            self._say(role, parts)
            role, parts = None, []
            self._take(event, at)
        self._say(role, parts)
        while self._line_count > self._max_rows + _LINES_PER_BLOCK:
            self._drop(self._blocks.popleft())
            self.dropped = True

    def extend_from(self, said: Iterable[tuple[int, SessionEvent]]) -> None:
        """The same for lines of a file with their places."""
        for place, event in said:
            self._place = place
            self.extend([(event, event.at)])
        self._place = None

    def rows(self, width: int) -> list[Row]:
        """The newest `max_rows` rows, oldest first."""
        parts: list[list[Row]] = []
        count = 0
        for block in reversed(self._blocks):
            part = block.rows(width)
            parts.append(part)
            count += len(part)
            if count >= self._max_rows:
                break
        rows = list(chain.from_iterable(reversed(parts)))
        return rows if count <= self._max_rows else rows[count - self._max_rows :]

    def end_message(self) -> None:
        """Nothing is added to what was said last: it can be laid out."""
        pieces: list[TextBlock] = []
        lines = 0
        for block in reversed(self._blocks):
            if not isinstance(block, TextBlock) or block.role != "text":
                break
            pieces.append(block)
            lines += block.line_count
            if lines > _MOST_MARKDOWN_LINES:
                return
        if not pieces or self._whole:
            return
        text = "\n".join(line.text for block in reversed(pieces) for line in block.lines).rstrip()
        if not looks_like_markdown(text):
            return
        for _ in pieces:
            self._line_count -= self._blocks.pop().line_count
        self._add(MessageBlock(text, gap=pieces[-1]._gap, rendered=self._markdown))

    def render_markdown(self, rendered: bool) -> None:
        """Lay messages out, also later ones; or show them as they were written again."""
        self._markdown = rendered
        for block in self._blocks:
            if isinstance(block, MessageBlock):
                block.render(rendered)

    def unfold_all(self, unfolded: bool) -> None:
        """Show the whole output of every tool call, also of later ones; or a few lines of it again."""
        self._unfold = unfolded
        for block in self._blocks:
            if isinstance(block, ToolBlock):
                block.fold(unfolded)

    def unfold_matching(self, pattern: Pattern[str]) -> None:
        """Unfold the tool calls that hide a match."""
        for block in self._blocks:
            if isinstance(block, ToolBlock) and block.hides(pattern):
                block.fold(True)

    def _say(self, role: Role | None, parts: list[str]) -> None:
        if role is None or not parts:
            return
        # an agent that speaks again does not wait any more, whether it says so or not
        self._end_retry(ok=True)
        text = "".join(parts)
        if len(text) > _MOST_AT_ONCE:
            # what nobody could read before it is gone is not worth cleaning
            text = text[text.find("\n", len(text) - _MOST_AT_ONCE) + 1 :][-_MOST_AT_ONCE:]
            self.dropped = True
        text = self._cleaners[role].feed(text)
        if text.count("\n") > self._max_rows:
            text = "\n".join(text.rsplit("\n", self._max_rows)[1:])
        block = self._blocks[-1] if self._blocks else None
        if not isinstance(block, TextBlock) or block.role != role:
            text = text.lstrip("\n")
            if not text:
                return
            self.end_message()
            block = TextBlock(role, gap=self._gap_before(is_text=True))
            self._add(block)
        before = block.line_count
        block.place = self._place
        block.append(text)
        self._line_count += block.line_count - before
        if len(block.lines) > _LINES_PER_BLOCK:
            self._split(block)

    def _split(self, block: TextBlock) -> None:
        """Give a grown block up for small ones, so that it can leave the ring bit by bit."""
        self._blocks.pop()
        for start in range(0, len(block.lines), _LINES_PER_BLOCK):
            piece = TextBlock(block.role, gap=block._gap and start == 0)
            piece.place = block.place
            piece.lines = block.lines[start : start + _LINES_PER_BLOCK]
            for line in piece.lines:
                line.block = piece
            self._blocks.append(piece)

    def _take(self, event: SessionEvent, at: float | None) -> None:
        if isinstance(event, ToolStarted | Retrying | AskRaised | Notice | UserSaid):
            self.end_message()
        match event:
            case ToolStarted():
                self._start_tool(event.call_id, event.tool, event.target, at)
            case ToolOutput():
                tool = self._tool(event.call_id)
                if self._whole:
                    self._put_output(event.call_id, event.text, continues=event.continues)
                elif event.continues:
                    tool.more_output(event.text)
                else:
                    tool.set_output(event.text)
            case ToolEnded():
                tool = self._tool(event.call_id)
                if self._whole and event.text:
                    self._put_output(event.call_id, event.text, continues=False)
                tool.end(event.ok, "" if self._whole else event.text, at)
                del self._tools[event.call_id]
                self._outputs.pop(event.call_id, None)
            case Retrying():
                self._end_retry(ok=True)
                retry = RetryBlock(event, gap=self._gap_before(is_text=False), at=at)
                self._retry = retry if at is not None else None
                self._add(retry)
            case Recovered():
                self._end_retry(ok=event.ok)
            case AskRaised():
                self._line("ask", "?", f"asks: {_question(event.request)}")
            case UserSaid():
                self._line("ask", ">", event.text)
            case AskWithdrawn():
                reason = f": {event.reason}" if event.reason else ""
                self._line("notice", "-", f"question withdrawn{reason}")
            case Notice():
                role: Role = "notice" if event.level == "info" else event.level
                self._line(role, {"info": "·", "warning": "!", "error": "✗"}[event.level], event.text)
            case _:
                pass

    def _start_tool(self, call_id: str, name: str, target: str, at: float | None) -> ToolBlock:
        self._end_retry(ok=True)
        tool = ToolBlock(call_id, name, target, gap=self._gap_before(is_text=False), at=at)
        tool.unfolded = self._unfold
        self._tools[call_id] = tool
        self._add(tool)
        return tool

    def _put_output(self, call_id: str, text: str, *, continues: bool) -> None:
        block = self._outputs.get(call_id)
        if block is not None and not continues:
            self._line_count -= block.line_count
            self._blocks.remove(block)
            block = None
        if block is None or block is not self._blocks[-1]:
            block = self._outputs[call_id] = TextBlock("output", gap=False, indent=4)
            self._add(block)
        before = block.line_count
        block.place = self._place
        block.append(clean_text(text))
        self._line_count += block.line_count - before

    def _tool(self, call_id: str) -> ToolBlock:
        # the history may begin in the middle of a call
        return self._tools.get(call_id) or self._start_tool(call_id, "tool", "", None)

    def _end_retry(self, *, ok: bool) -> None:
        if self._retry is not None:
            self._retry.over(ok=ok)
            self._retry = None

    def _line(self, role: Role, glyph: str, text: str) -> None:
        block = TextBlock(role, gap=self._gap_before(is_text=False), glyph=glyph)
        block.append(clean_text(text).strip("\n"))
        self._add(block)

    def _gap_before(self, *, is_text: bool) -> bool:
        if not self._blocks:
            return False
        last = self._blocks[-1]
        if isinstance(last, TextBlock) and last.is_text:
            before = last.line_count
            last.drop_trailing_blank()
            self._line_count -= before - last.line_count
        return is_text or last.is_text

    def _add(self, block: Block) -> None:
        block.place = self._place
        for line in block.own_lines:
            line.place = self._place
        self._blocks.append(block)
        self._line_count += block.line_count

    def _drop(self, block: Block) -> None:
        self._line_count -= block.line_count
        if isinstance(block, ToolBlock):
            self._tools.pop(block.call_id, None)
        elif block is self._retry:
            self._retry = None


def _question(request: dict[str, Any]) -> str:
    for key in ("message", "title", "question", "prompt"):
        if isinstance(text := request.get(key), str) and text.strip():
            return clean_text(text[:MAX_LINE_LENGTH], keep_newlines=False).strip()
    return "a question"
