"""What can be said against a script before it runs."""

from __future__ import annotations

import difflib
import re

from tree_sitter import Node

from piplan_tui.plan.problem import PlanInvalid, Problem
from piplan_tui.workflow.js.call_check import CallCheck
from piplan_tui.workflow.js.compile import RESERVED
from piplan_tui.workflow.js.meta import read_meta
from piplan_tui.workflow.js.scope import Scopes, bound_names
from piplan_tui.workflow.js.source import MAX_CHARACTERS, Source, string_value
from piplan_tui.workflow.js.syntax import syntax_problem

PRIMITIVES = ("agent", "parallel", "pipeline", "phase", "log", "args", "budget", "workflow")
# the engine's own globals, less those that are taken away
_STANDARD = """
    AggregateError Array ArrayBuffer AsyncDisposableStack BigInt BigInt64Array BigUint64Array Boolean DataView Date
    DisposableStack Error EvalError Float16Array Float32Array Float64Array Function Infinity Int16Array Int32Array
    Int8Array InternalError Iterator JSON Map Math NaN Number Object Promise Proxy RangeError ReferenceError Reflect
    RegExp Set String SuppressedError Symbol SyntaxError TypeError URIError Uint16Array Uint32Array Uint8Array
    Uint8ClampedArray WeakMap WeakSet decodeURI decodeURIComponent encodeURI encodeURIComponent escape eval globalThis
    isFinite isNaN parseFloat parseInt undefined unescape
"""
_WEB = """
    DOMException TextDecoder TextEncoder URL URLSearchParams atob btoa clearInterval clearTimeout console crypto
    queueMicrotask setInterval setTimeout structuredClone
"""
_GLOBALS = {*PRIMITIVES, *_WEB.split(), *_STANDARD.split()}
_STARTS_WORK = {"agent", "parallel", "pipeline", "workflow"}

_SAME = "a resumed run could not reuse what is finished"
_FORBIDDEN_MEMBERS = {
    ("Date", "now"): f"Date.now() gives another value in each run, so that {_SAME}: pass the time in args",
    ("Math", "random"): (
        f"Math.random() gives another value in each run, so that {_SAME}: vary by an index, or pass a seed in args"
    ),
    ("performance", "now"): (
        f"performance.now() gives another value in each run, so that {_SAME}: pass the time in args"
    ),
    ("crypto", "randomUUID"): (
        f"crypto.randomUUID() gives another value in each run, so that {_SAME}: number things by an index"
    ),
    ("crypto", "getRandomValues"): (
        f"crypto.getRandomValues() gives another value in each run, so that {_SAME}: pass a seed in args"
    ),
}
_NO_DATE = (
    f"new Date() without a value gives another time in each run, so that {_SAME}: pass the time in args"
)
_NO_LOADER = "a workflow script cannot load other code: there is no {what}"
_NO_CODE = "a workflow script cannot make code from text: there is no {what}"
_ELSEWHERE = {
    "fetch": "a workflow script has no network: let an agent fetch it",
    "XMLHttpRequest": "a workflow script has no network: let an agent fetch it",
    "process": "a workflow script does not see the machine: pass what it needs in args",
    "Buffer": "there is no Buffer in a workflow script: use TextEncoder, btoa or atob",
    "setImmediate": "there is no setImmediate in a workflow script: use queueMicrotask or setTimeout",
}


def check_source(text: str, file: str) -> list[Problem]:
    """Every problem of a script, in the order of the text; with a syntax error, that alone."""
    if len(text) > MAX_CHARACTERS:
        return [
            Problem(file, 0, 0, f"the script has {len(text)} characters, at most {MAX_CHARACTERS} are run")
        ]
    if "\0" in text:
        line = text[: text.index("\0")].count("\n") + 1
        return [Problem(file, line, 1, "the script has a NUL character in it: it is no text file")]
    source = Source(text)
    syntax = syntax_problem(source, file)
    if syntax is not None:
        # to the engine an import is no more than a syntax error, because a script is no module to it
        return _module_problems(source, file) or [syntax]
    try:
        read_meta(source, file)
        problems: list[Problem] = []
    except PlanInvalid as error:
        problems = list(error.problems)
    checker = _Checker(source, file)
    return sorted(
        dict.fromkeys([*problems, *checker.problems()]), key=lambda problem: (problem.line, problem.column)
    )


def _module_problems(source: Source, file: str) -> list[Problem]:
    if source.first_error() is not None:
        return []
    checker = _Checker(source, file)
    for step in source.walk():
        if step.entering:
            checker.look_for_modules(step.node)
    return checker.found


class _Checker:
    def __init__(self, source: Source, file: str) -> None:
        self._source = source
        self._file = file
        self._scopes = Scopes(source)
        self.found: list[Problem] = []
        self._assigned, self._asked_for = self._loosely_known()
        self._calls = CallCheck(source, self._say, self._called)

    def problems(self) -> list[Problem]:
        for step in self._source.walk():
            if step.entering:
                self._scopes.enter(step.node)
                self._look_at(step.node)
            else:
                self._scopes.leave(step.node)
        return self.found

    def _loosely_known(self) -> tuple[set[str], set[str]]:
        """Names that come to be by assignment, and names that the script asks about with `typeof`."""
        assigned: set[str] = set()
        asked: set[str] = set()
        for step in self._source.walk():
            node = step.node
            if step.entering and node.type == "assignment_expression":
                left = node.child_by_field_name("left")
                if left is not None:
                    assigned.update(self._source.text_of(name) for name in bound_names(left))
            elif step.entering and node.type == "unary_expression":
                match = re.fullmatch(r"typeof\s+([\w$]+)", self._source.text_of(node))
                if match:
                    asked.add(match[1])
        return assigned, asked

    def _say(self, node: Node, message: str, *, warning: bool = False) -> None:
        line, column = self._source.place(node)
        self.found.append(Problem(self._file, line, column, message, "warning" if warning else "error"))

    def _look_at(self, node: Node) -> None:
        match node.type:
            case "identifier":
                self._reserved(node)
            case "member_expression" | "subscript_expression":
                self._member(node)
            case "variable_declarator":
                self._destructured(node)
            case "new_expression":
                self._new(node)
            case "call_expression":
                self._call(node)
            case "import_statement":
                self._say(node, _NO_LOADER.format(what="import"))
            case "export_statement":
                if (
                    node.child_by_field_name("declaration") is None
                    and node.child_by_field_name("value") is None
                ):
                    self._say(node, "a workflow script exports only `meta` and a default function")
            case "meta_property":
                if self._source.text_of(node).startswith("import"):
                    self._say(node, _NO_LOADER.format(what="import.meta"))
            case "assignment_expression" | "augmented_assignment_expression":
                self._written(node.child_by_field_name("left"))
            case "update_expression":
                self._written(node.child_by_field_name("argument"))
            case "expression_statement":
                self._never_awaited(node)
            case _:
                self.look_for_modules(node)

    def look_for_modules(self, node: Node) -> None:
        match node.type:
            case "import_statement":
                self._say(node, _NO_LOADER.format(what="import"))
            case "export_statement":
                if (
                    node.child_by_field_name("declaration") is None
                    and node.child_by_field_name("value") is None
                ):
                    self._say(node, "a workflow script exports only `meta` and a default function")
            case "meta_property":
                if self._source.text_of(node).startswith("import"):
                    self._say(node, _NO_LOADER.format(what="import.meta"))
            case _:
                pass

    def _reserved(self, node: Node) -> None:
        name = self._source.text_of(node)
        if name.startswith(RESERVED):
            self._say(node, f"names that begin with {RESERVED} are kept for the program: use another name")

    def _global(self, node: Node | None) -> str | None:
        """The global that an expression names: `x`, `globalThis.x`, `globalThis["x"]`, or one in parentheses."""
        while node is not None and node.type == "parenthesized_expression" and node.named_children:
            node = node.named_children[-1]
        if node is None:
            return None
        if node.type == "identifier":
            name = self._source.text_of(node)
            return None if self._scopes.declares(name) else name
        if self._global(_object_of(node)) == "globalThis":
            return self._property(node)
        return None

    def _property(self, node: Node) -> str | None:
        if node.type == "member_expression":
            named = node.child_by_field_name("property")
            return self._source.text_of(named) if named is not None else None
        index = node.child_by_field_name("index")
        return string_value(self._source, index) if index is not None else None

    def _member(self, node: Node) -> None:
        owner = self._global(_object_of(node))
        said = _FORBIDDEN_MEMBERS.get((owner or "", self._property(node) or ""))
        if said is None and owner is not None and owner not in self._assigned | self._asked_for:
            said = _ELSEWHERE.get(owner)
        if said is not None:
            self._say(node, said)

    def _destructured(self, node: Node) -> None:
        pattern, value = node.child_by_field_name("name"), node.child_by_field_name("value")
        if pattern is None or pattern.type != "object_pattern":
            return
        owner = self._global(value)
        for part in pattern.named_children:
            key = part.child_by_field_name("key") or part.child_by_field_name("left") or part
            said = _FORBIDDEN_MEMBERS.get((owner or "", self._source.text_of(key)))
            if said is not None:
                self._say(part, said)

    def _new(self, node: Node) -> None:
        name = self._global(node.child_by_field_name("constructor"))
        given = node.child_by_field_name("arguments")
        if name == "Date" and (given is None or not _arguments(given)):
            self._say(node, _NO_DATE)
        elif name == "Function":
            self._say(node, _NO_CODE.format(what="Function()"))
        elif name in _ELSEWHERE:
            self._say(node, _ELSEWHERE[name])

    def _call(self, node: Node) -> None:
        callee = node.child_by_field_name("function")
        if callee is None:
            return
        if callee.type == "import":
            self._say(node, _NO_LOADER.format(what="import()"))
            return
        name = self._global(callee)
        if name is None:
            return
        if name == "Date":
            self._say(node, _NO_DATE.replace("new Date() without a value", "Date()"))
        elif name == "require":
            self._say(node, _NO_LOADER.format(what="require()"))
        elif name in {"eval", "Function"}:
            self._say(node, _NO_CODE.format(what=f"{name}()"))
        elif name in _STARTS_WORK:
            self._calls.look_at(name, node)
        elif callee.type == "identifier":
            self._unknown(callee, name)

    def _called(self, node: Node) -> str | None:
        """Which primitive that does work a node calls."""
        callee = node.child_by_field_name("function") if node.type == "call_expression" else None
        name = self._global(callee)
        return name if name in _STARTS_WORK else None

    def _unknown(self, node: Node, name: str) -> None:
        if name == "await" or name in _GLOBALS or name in self._assigned or name in self._asked_for:
            return
        if name in _ELSEWHERE:
            self._say(node, _ELSEWHERE[name])
            return
        near = difflib.get_close_matches(name, PRIMITIVES, n=1)
        hint = f": did you mean {near[0]}()?" if near else f"; the primitives are {', '.join(PRIMITIVES)}"
        self._say(node, f"there is no {name}() in a workflow script{hint}")

    def _written(self, target: Node | None) -> None:
        if target is None:
            return
        if target.type in {"member_expression", "subscript_expression"}:
            owner = self._owner(target)
            if owner is not None:
                self._say(target, f"`{owner}` is a global of the workflow and cannot be changed")
            return
        for node in bound_names(target):
            name = self._source.text_of(node)
            if name in _GLOBALS and not self._scopes.declares(name):
                self._say(
                    node, f"`{name}` is a global of the workflow and cannot be changed: use another name"
                )

    def _owner(self, target: Node) -> str | None:
        """The global of ours that an assignment to a member changes; `args` is the script's own copy."""
        node: Node | None = target
        while node is not None:
            name = self._global(node)
            if name in _GLOBALS and name not in {"args", "globalThis"}:
                return name
            node = _object_of(node)
        return None

    def _never_awaited(self, node: Node) -> None:
        call = node.named_children[0] if node.named_children else None
        if call is None or call.type != "call_expression":
            return
        name = self._global(call.child_by_field_name("function"))
        if name in _STARTS_WORK:
            self._say(call, f"nothing awaits this {name}(): write `await {name}(…)`", warning=True)


def _object_of(node: Node) -> Node | None:
    if node.type in {"member_expression", "subscript_expression"}:
        return node.child_by_field_name("object")
    return None


def _arguments(node: Node) -> list[Node]:
    return [child for child in node.named_children if child.type != "comment"]
