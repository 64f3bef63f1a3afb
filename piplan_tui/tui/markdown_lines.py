"""Markdown of agents as lines of text with styles: nothing in it acts, is fetched or is hidden.

Links show their address, raw HTML is text, pictures are their description. What a reader cannot be shown in a
terminal stays as it was written.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import Literal, NamedTuple

from markdown_it import MarkdownIt
from markdown_it.token import Token
from rich.cells import cell_len

from piplan_tui.clean import clean_text
from piplan_tui.tui.widgets.soft_wrap import clip, soft_wrap

MAX_TEXT = 40_000
"""Characters; longer texts are shown as they were written."""
MarkStyle = Literal["heading", "strong", "emphasis", "code", "strike", "link", "mark"]
_INLINE: dict[str, MarkStyle] = {"strong": "strong", "em": "emphasis", "s": "strike", "link": "link"}
_LEAST_COLUMN = 4
_MOST_COLUMNS = 24
_DEEPEST = 8
_RULE_CELLS = 24


class Mark(NamedTuple):
    """`text[start:end]` of a line has this style."""

    start: int
    end: int
    style: MarkStyle


class MarkdownLine(NamedTuple):
    """One line before it is wrapped. `lead` stands before its first row, `rest` (as wide) before the others."""

    text: str
    marks: tuple[Mark, ...] = ()
    lead: str = ""
    rest: str = ""
    wraps: bool = True


def wants_markdown(app: object) -> bool:
    """Whether messages of agents are laid out at first."""
    return bool(getattr(app, "markdown", True))


def looks_like_markdown(text: str) -> bool:
    """Whether rendering could change anything; a cheap test that may say yes too often."""
    return any(
        sign in text for sign in ("#", "*", "`", "|", "](", "\n>", "\n-", "\n1", "_", "- ", "1. ", "~~")
    )


def markdown_lines(text: str, width: int) -> list[MarkdownLine]:
    """`text` laid out for `width` cells; only tables depend on it. Cleans the text. Never raises."""
    text = clean_text(text)
    if len(text) > MAX_TEXT:
        return [MarkdownLine(line.expandtabs(4)) for line in text.split("\n")]
    return _Layout(width).lines(_parser().parse(text))


def _parser() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": False, "maxNesting": 12}).enable(["table", "strikethrough"])


class _Layout:
    def __init__(self, width: int) -> None:
        self._width = max(_LEAST_COLUMN, width)
        self._lines: list[MarkdownLine] = []
        self._rests: list[str] = []
        """What stands before every row of a container: the indent of a list, the bar of a quote."""
        self._lead: str | None = None
        """What stands before the next line in place of the innermost rest: the bullet of an item."""
        self._numbers: list[int | None] = []

    def lines(self, tokens: Sequence[Token]) -> list[MarkdownLine]:
        position = 0
        while position < len(tokens):
            token = tokens[position]
            if token.type == "table_open":
                end = next(i for i in range(position, len(tokens)) if tokens[i].type == "table_close")
                self._gap(token)
                self._table(tokens[position:end])
                position = end
            else:
                self._block(token, tokens[position + 1] if position + 1 < len(tokens) else None)
            position += 1
        return self._lines

    def _block(self, token: Token, following: Token | None) -> None:
        match token.type:
            case "heading_open":
                self._gap(token)
                if following is not None:
                    self._inline(following, heading=int(token.tag[1:]))
            case "paragraph_open":
                if not token.hidden:
                    self._gap(token)
                if following is not None:
                    self._inline(following)
            case "fence" | "code_block":
                self._gap(token)
                for line in token.content.rstrip("\n").split("\n"):
                    shown = line.expandtabs(4)
                    self._put(shown, (Mark(0, len(shown), "code"),), indent="  ")
            case "hr":
                self._gap(token)
                rule = "─" * min(_RULE_CELLS, self._width)
                self._put(rule, (Mark(0, len(rule), "mark"),))
            case "bullet_list_open" | "ordered_list_open":
                self._gap(token)
                start = token.attrGet("start")
                number = int(start) if isinstance(start, int | str) else 1
                self._numbers.append(number if token.type == "ordered_list_open" else None)
            case "bullet_list_close" | "ordered_list_close":
                self._numbers.pop()
            case "list_item_open":
                number_now = self._numbers[-1]
                self._lead = "• " if number_now is None else f"{number_now}. "
                if number_now is not None:
                    self._numbers[-1] = number_now + 1
                self._rests.append(" " * len(self._lead))
            case "list_item_close":
                if self._lead is not None:
                    self._put("")
                self._rests.pop()
            case "blockquote_open":
                self._gap(token)
                self._rests.append("│ ")
            case "blockquote_close":
                self._rests.pop()
            case _:
                pass

    def _gap(self, token: Token) -> None:
        """An empty line between blocks, but not at the start of an item and not inside a list."""
        if not self._lines or self._lead is not None or (self._numbers and token.type != "paragraph_open"):
            return
        if self._lines[-1].text or self._lines[-1].lead.strip():
            rest = self._rest.rstrip()
            self._lines.append(MarkdownLine("", (), rest, rest))

    @property
    def _rest(self) -> str:
        return "".join(self._rests[-_DEEPEST:])[: max(0, self._width - _LEAST_COLUMN)]

    def _put(self, text: str, marks: tuple[Mark, ...] = (), *, indent: str = "", wraps: bool = True) -> None:
        rest = self._rest
        lead = rest
        if self._lead is not None:
            # where the screen is too narrow for it, a part of the sign
            lead = (rest[: max(0, len(rest) - len(self._lead))] + self._lead)[: len(rest)]
        self._lead = None
        self._lines.append(MarkdownLine(text, marks, lead + indent, rest + indent, wraps))

    def _inline(self, token: Token, heading: int = 0) -> None:
        for text, marks in _runs(token.children or ()):
            if heading:
                sign = "#" * heading + " "
                self._put(sign + text, (Mark(0, len(sign) + len(text), "heading"),))
            else:
                self._put(text, marks)

    # Tables

    def _table(self, tokens: Sequence[Token]) -> None:
        rows: list[list[str]] = []
        right: list[bool] = []
        for position, token in enumerate(tokens):
            if token.type == "tr_open":
                rows.append([])
            elif token.type in ("th_open", "td_open"):
                rows[-1].append(" ".join(text for text, _ in _runs(tokens[position + 1].children or ())))
                if len(rows) == 1:
                    right.append("right" in str(token.attrGet("style")))
        columns = len(rows[0]) if rows else 0
        if not columns or columns > _MOST_COLUMNS:
            for row in rows:
                self._put(" | ".join(row))
            return
        room = self._width - cell_len(self._rest) - 2 * (columns - 1)
        widths = _column_widths(rows, columns, room)
        for number, row in enumerate(rows):
            self._row(row, widths, right, heading=number == 0)
            if number == 0:
                rule = "  ".join("─" * width for width in widths)
                self._put(rule, (Mark(0, len(rule), "mark"),), wraps=False)

    def _row(self, row: list[str], widths: list[int], right: list[bool], *, heading: bool) -> None:
        cells = [
            [cell[start:end].strip() for start, end in soft_wrap(cell, width)]
            for cell, width in zip(row, widths, strict=False)
        ]
        for parts in zip_longest(*cells, fillvalue=""):
            text = "  ".join(
                " " * (width - cell_len(part)) + part if at_right else part + " " * (width - cell_len(part))
                for part, width, at_right in zip(parts, widths, right, strict=False)
            ).rstrip()
            text = clip(text, self._width - cell_len(self._rest))
            self._put(text, (Mark(0, len(text), "strong"),) if heading else (), wraps=False)


def _column_widths(rows: list[list[str]], columns: int, room: int) -> list[int]:
    """As wide as their cells, or the widest of them narrower until all fit."""
    widths = [
        max(_LEAST_COLUMN, *(cell_len(row[column]) for row in rows if column < len(row)))
        for column in range(columns)
    ]
    fair = max(_LEAST_COLUMN, room // columns)
    spare = room - sum(min(width, fair) for width in widths)
    wide = [column for column in range(columns) if widths[column] > fair]
    for number, column in enumerate(sorted(wide, key=lambda column: widths[column])):
        share = max(0, spare) // (len(wide) - number)
        more = min(share, widths[column] - fair)
        widths[column] = fair + more
        spare -= more
    return widths


def _runs(tokens: Iterable[Token]) -> list[tuple[str, tuple[Mark, ...]]]:
    """The lines of inline text with their styles; a line break of the author stays one."""
    lines: list[tuple[str, tuple[Mark, ...]]] = []
    parts: list[str] = []
    marks: list[Mark] = []
    length = 0
    open_styles: list[tuple[MarkStyle, str]] = []

    def add(text: str, *styles: MarkStyle) -> None:
        nonlocal length
        text = text.expandtabs(4)
        if text:
            marks.extend(
                Mark(length, length + len(text), style)
                for style in (*styles, *(style for style, _ in open_styles))
            )
            parts.append(text)
            length += len(text)

    for token in tokens:
        name = token.type.removesuffix("_open").removesuffix("_close")
        if token.type in ("softbreak", "hardbreak"):
            lines.append(("".join(parts), tuple(marks)))
            parts, marks, length = [], [], 0
        elif token.type == "code_inline":
            add(token.content, "code")
        elif token.type == "image":
            add(f"[{token.content or 'picture'}] ({token.attrGet('src')})", "link")
        elif token.nesting == 1 and name in _INLINE:
            open_styles.append((_INLINE[name], str(token.attrGet("href") or "")))
        elif token.nesting == -1 and open_styles:
            _, address = open_styles.pop()
            if address and address != "".join(parts)[-len(address) :]:
                add(f" ({address})", "mark")
        else:
            add(token.content)
    lines.append(("".join(parts), tuple(marks)))
    return lines
