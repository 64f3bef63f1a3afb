"""The text of a script as a syntax tree, with places as people count them."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import NamedTuple

import tree_sitter_javascript
from tree_sitter import Language, Node, Parser

MAX_CHARACTERS = 500_000


@lru_cache(maxsize=1)
def _language() -> Language:
    return Language(tree_sitter_javascript.language())


class Step(NamedTuple):
    """One edge of a walk through the tree: `node` is entered, or left again."""

    entering: bool
    node: Node


class Source:
    """A script's text and its tree."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.data = text.encode("utf-8", "replace")
        self.root = Parser(_language()).parse(self.data).root_node
        self._steps: list[Step] = []
        self._lines = self.data.split(b"\n")

    def place(self, node: Node) -> tuple[int, int]:
        """Line and column of the node's first character, both from 1, in characters."""
        return self.place_at(node.start_point.row, node.start_point.column)

    def place_at(self, row: int, byte_column: int) -> tuple[int, int]:
        """Line and column, both from 1, of a row from 0 and an offset in bytes."""
        line = self._lines[row] if row < len(self._lines) else b""
        return row + 1, len(line[:byte_column].decode("utf-8", "replace")) + 1

    def line_length(self, line: int) -> int:
        """How many characters the line has that counts from 1; 0 when there is none."""
        return len(self._lines[line - 1].decode("utf-8", "replace")) if 0 < line <= len(self._lines) else 0

    def text_of(self, node: Node) -> str:
        """The source text of a node."""
        return self.data[node.start_byte : node.end_byte].decode("utf-8", "replace")

    def first_error(self) -> Node | None:
        """The first place that the grammar cannot read, or `None`."""
        if not self.root.has_error:
            return None
        return next(
            (step.node for step in self.walk() if step.node.is_error or step.node.is_missing), self.root
        )

    def walk(self) -> list[Step]:
        """Every node, entered and left, in the order of the text. Not recursive: scripts may nest deeply."""
        if not self._steps:
            self._steps = list(self._walked())
        return self._steps

    def _walked(self) -> Iterator[Step]:
        cursor = self.root.walk()
        while True:
            node = cursor.node
            assert node is not None
            yield Step(True, node)
            if cursor.goto_first_child():
                continue
            yield Step(False, node)
            while not cursor.goto_next_sibling():
                if not cursor.goto_parent():
                    return
                node = cursor.node
                assert node is not None
                yield Step(False, node)


def misread_await(source: Source, node: Node) -> Node | None:
    """The word `await` at the start of `await (x).y` and the like, which the grammar takes for a call of a function of
    that name; `node` is the outermost of the calls and members in which it begins. Otherwise `None`."""
    while node.type in {"call_expression", "member_expression", "subscript_expression"}:
        inner = node.child_by_field_name("function") or node.child_by_field_name("object")
        if inner is None:
            return None
        node = inner
    return node if node.type == "identifier" and source.text_of(node) == "await" else None


def string_value(source: Source, node: Node) -> str | None:
    """What a string literal says, or a template without substitutions; `None` for any other node."""
    if node.type not in {"string", "template_string"}:
        return None
    said: list[str] = []
    for part in node.named_children:
        if part.type == "string_fragment":
            said.append(source.text_of(part))
        elif part.type == "escape_sequence":
            said.append(_unescaped(source.text_of(part)))
        elif part.type != "comment":
            return None
    text = "".join(said)
    # a surrogate pair is written as two escapes and means one character
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "b": "\b", "f": "\f", "v": "\v", "0": "\0"}


def _unescaped(escape: str) -> str:
    body = escape[1:]
    if body[0] in "xu":
        digits = body[1:].strip("{}")
        try:
            return chr(int(digits, 16))
        except (ValueError, OverflowError):
            return "\ufffd"
    if body in {"\n", "\r\n", "\r", "\u2028", "\u2029"}:
        return ""
    return _ESCAPES.get(body, body)
