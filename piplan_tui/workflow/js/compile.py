"""A script turned into what the engine runs, and places in it turned back.

The engine has no hook at an `await`, so that code after one would not know to which item and stage it belongs. The
compiled text therefore remembers the place before each `await` and goes back to it afterwards:

    await E                 hooks.resume(hooks.here(), await hooks.wait(E, site))
    f(x);                   hooks.loose(f(x), site);      a promise that nobody awaits is noticed
    for await (…) body      the place is set again at the start of each round and after the last
    yield E                 hooks.back(hooks.here(), yield E)      in generators

Nothing is moved to another line; within a line, `CompiledScript.place` undoes what was inserted.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from dataclasses import dataclass, field

from tree_sitter import Node

from piplan_tui.workflow.js.source import Source, misread_await

# The engine gives every text the same file name; the script's lines start here, above all lines of the prelude.
FIRST_LINE = 10_001

RESERVED = "__wf_"
_HOOKS = ("here", "wait", "resume", "back", "loose")
_PARAMETERS = ",".join(f"{name}:{RESERVED}{name}" for name in _HOOKS)
_OPEN = f"(function({{{_PARAMETERS}}}){{return async function({RESERVED}given){{"
_CLOSE = "\n}})"
_DEFAULT = f"const {RESERVED}d ="  # as long as "export default"
_CLOSE_DEFAULT = f"\nreturn typeof {RESERVED}d==='function'?{RESERVED}d({RESERVED}given):{RESERVED}d;}}}})"


@dataclass(slots=True)
class CompiledScript:
    """What the engine runs. `sites[n]` is the place of the await or loose call that the hooks call `n`."""

    code: str
    sites: list[tuple[int, int]]
    _source: Source
    # per line: where in the compiled line something was inserted, and how many characters up to there in all
    _inserted: dict[int, list[tuple[int, int]]] = field(default_factory=dict)

    def place(self, line: int, column: int) -> tuple[int, int]:
        """Line and column in the script of a place in `code` that the engine named; (0, 0) if not in the script."""
        line -= FIRST_LINE - 1
        length = self._source.line_length(line)
        if line < 1 or (length == 0 and line > self._source.text.count("\n") + 1):
            return 0, 0
        edits = self._inserted.get(line, [])
        found = bisect_right(edits, (column - 1, 1 << 60)) - 1
        shift = edits[found][1] if found >= 0 else 0
        return line, max(1, min(column - shift, length + 1))


def wrapped(source: Source, strict: bool) -> str:
    """The script as it is, in the frame that it is run in: for finding syntax errors, all on their own lines."""
    writer = _Writer(source)
    for step in source.walk():
        if step.entering:
            writer.export(step.node)
        else:
            writer.leave(step.node)
    writer.copy_to(len(source.data))
    return frame_start(strict) + writer.text() + _CLOSE


def frame_start(strict: bool) -> str:
    """What stands before the script's first character, on the script's first line."""
    return "\n" * (FIRST_LINE - 1) + _OPEN + ('"use strict";' if strict else "")


def is_module(source: Source) -> bool:
    """Whether the script is written as a module, whose code is strict."""
    return any(node.type == "export_statement" for node in source.root.named_children)


def compile_script(source: Source) -> CompiledScript:
    """The script with its hooks. Only for a source without syntax errors."""
    writer = _Writer(source)
    writer.insert(frame_start(is_module(source)).lstrip("\n"))
    for step in source.walk():
        if step.entering:
            writer.export(step.node)
            writer.enter(step.node)
        else:
            writer.leave(step.node)
    writer.copy_to(len(source.data))
    end = _CLOSE_DEFAULT if writer.has_default else _CLOSE
    code = "\n" * (FIRST_LINE - 1) + writer.text() + end
    return CompiledScript(code, writer.sites, source, dict(writer.inserted))


class _Writer:
    def __init__(self, source: Source) -> None:
        self.sites: list[tuple[int, int]] = []
        self.inserted: defaultdict[int, list[tuple[int, int]]] = defaultdict(list)
        self.has_default = False
        self._source = source
        self._out: list[str] = []
        self._at = 0
        self._line = 1
        self._column = 0  # characters written on this line
        self._shift = 0  # of which inserted
        self._before: dict[int, str] = {}  # by the node's id: what to write when it is entered
        self._after: dict[int, str] = {}
        self._loops = 0

    def text(self) -> str:
        return "".join(self._out)

    def copy_to(self, offset: int) -> None:
        """The source up to this byte, as it is."""
        if offset <= self._at:
            return
        piece = self._source.data[self._at : offset].decode("utf-8", "replace")
        self._out.append(piece)
        self._at = offset
        breaks = piece.count("\n")
        if breaks:
            self._line += breaks
            self._shift = 0
            self._column = len(piece) - piece.rindex("\n") - 1
        else:
            self._column += len(piece)

    def insert(self, text: str) -> None:
        self._out.append(text)
        self._column += len(text)
        self._shift += len(text)
        self.inserted[self._line].append((self._column, self._shift))

    def export(self, node: Node) -> None:
        """`export` has no meaning in a function: it goes, and a default export becomes a value to be called."""
        if node.type != "export_statement":
            return
        tokens = {child.type: child for child in node.children}
        last = tokens.get("default") or tokens["export"]
        self.copy_to(node.start_byte)
        gone = self._source.data[node.start_byte : last.end_byte].decode("utf-8", "replace")
        written = ""
        if "default" in tokens:
            self.has_default = True
            written = _DEFAULT
            value = node.child_by_field_name("declaration") or node.child_by_field_name("value")
            if value is not None:
                self._after[value.id] = self._after.get(value.id, "") + ";"
        # as many characters and lines as before, so that no place moves
        self._out.append(written + "".join("\n" if char == "\n" else " " for char in gone[len(written) :]))
        self._at = last.end_byte
        self._line += gone.count("\n")
        self._column += len(gone)

    def enter(self, node: Node) -> None:
        before = self._before.pop(node.id, "")
        match node.type:
            case "await_expression":
                before += f"{RESERVED}resume({RESERVED}here(),"
                operand = next((child for child in node.named_children if child.type != "comment"), None)
                if operand is not None:
                    self._around(operand, f"{RESERVED}wait(", f",{self._site(node)})")
                    self._around(node, "", ")")
            case "yield_expression":
                before += f"{RESERVED}back({RESERVED}here(),"
                self._around(node, "", ")")
            case "expression_statement":
                value = node.named_children[0] if node.named_children else None
                if value is not None and value.type == "call_expression":
                    self._around(value, f"{RESERVED}loose(", f",{self._site(value)})")
            case "call_expression" | "member_expression" | "subscript_expression":
                word = misread_await(self._source, node)
                if word is not None and word.id not in self._after:
                    before += f"{RESERVED}resume({RESERVED}here(),"
                    self._after[word.id] = f" {RESERVED}wait("
                    self._around(node, "", f",{self._site(node)}))")
            case "labeled_statement" | "for_in_statement":
                before += self._loop(node)
            case _:
                pass
        if before:
            self.copy_to(node.start_byte)
            self.insert(before)

    def leave(self, node: Node) -> None:
        after = self._after.pop(node.id, "")
        if after:
            self.copy_to(node.end_byte)
            self.insert(after)

    def _around(self, node: Node, before: str, after: str) -> None:
        self._before[node.id] = self._before.get(node.id, "") + before
        self._after[node.id] = after + self._after.get(node.id, "")

    def _site(self, node: Node) -> int:
        self.sites.append(self._source.place(node))
        return len(self.sites) - 1

    def _loop(self, node: Node) -> str:
        """A `for await`, with its labels: returns what to write before it, and arranges the rest."""
        loop: Node | None = node
        while loop is not None and loop.type == "labeled_statement":
            loop = loop.child_by_field_name("body")
        if loop is None or loop.type != "for_in_statement" or loop.id in self._after:
            return ""
        if not any(child.type == "await" for child in loop.children):
            return ""
        self._loops += 1
        kept = f"{RESERVED}k{self._loops}"
        again = f"{RESERVED}back({kept});"
        self._after.setdefault(loop.id, "")
        self._after[node.id] = f"{again}}}" + self._after.get(node.id, "")
        body = loop.child_by_field_name("body")
        if body is not None:
            self._around(body, "{" + again, "}")
        return f"{{const {kept}={RESERVED}here();"
