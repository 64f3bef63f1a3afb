"""Which names a script declares, and where they hold."""

from __future__ import annotations

from collections.abc import Iterator

from tree_sitter import Node

from piplan_tui.workflow.js.source import Source

_FUNCTIONS = {
    "program",
    "function_declaration",
    "function_expression",
    "arrow_function",
    "generator_function",
    "generator_function_declaration",
    "method_definition",
    "class_static_block",
}
_BLOCKS = _FUNCTIONS | {
    "statement_block",
    "for_statement",
    "for_in_statement",
    "catch_clause",
    "switch_body",
    "class",
}
_DECLARED_FUNCTIONS = {"function_declaration", "generator_function_declaration", "class_declaration"}


class Scopes:
    """A stack of the scopes around the node that a walk is at."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._names: dict[int, set[str]] = {}
        self._stack: list[Node] = []
        self._collect()

    def enter(self, node: Node) -> None:
        """The walk enters `node`."""
        if node.type in _BLOCKS:
            self._stack.append(node)

    def leave(self, node: Node) -> None:
        """The walk leaves `node`."""
        if node.type in _BLOCKS:
            self._stack.pop()

    def declares(self, name: str) -> bool:
        """Whether the script itself gives this name a meaning here."""
        return any(name in self._names.get(scope.id, ()) for scope in self._stack)

    def _collect(self) -> None:
        for step in self._source.walk():
            node = step.node
            if not step.entering:
                self.leave(node)
                continue
            # a declared function's name belongs to the scope around it
            if node.type in _DECLARED_FUNCTIONS:
                self._declare(node.child_by_field_name("name"), self._stack[-1])
            self.enter(node)
            self._names_of(node)
        self._stack.clear()

    def _names_of(self, node: Node) -> None:
        block = self._stack[-1] if self._stack else node
        match node.type:
            case "lexical_declaration" | "using_declaration":
                self._declare_all(node, block)
            case "variable_declaration":
                self._declare_all(node, self._function())
            case "formal_parameters":
                for parameter in node.named_children:
                    self._declare(parameter, self._function())
            case "arrow_function":
                self._declare(node.child_by_field_name("parameter"), node)
            case "function_expression" | "generator_function" | "class":
                self._declare(node.child_by_field_name("name"), node)
            case "catch_clause":
                self._declare(node.child_by_field_name("parameter"), node)
            case "for_in_statement":
                kind = node.child_by_field_name("kind")
                if kind is not None:
                    scope = self._function() if kind.type == "var" else node
                    self._declare(node.child_by_field_name("left"), scope)
            case "import_clause" | "namespace_import" | "import_specifier":
                for child in node.named_children:
                    self._declare(child, self._stack[0])
            case _:
                pass

    def _function(self) -> Node:
        return next(scope for scope in reversed(self._stack) if scope.type in _FUNCTIONS)

    def _declare_all(self, node: Node, scope: Node) -> None:
        for declarator in node.named_children:
            if declarator.type == "variable_declarator":
                self._declare(declarator.child_by_field_name("name"), scope)

    def _declare(self, pattern: Node | None, scope: Node) -> None:
        if pattern is not None:
            names = self._names.setdefault(scope.id, set())
            names.update(self._source.text_of(node) for node in bound_names(pattern))


def bound_names(pattern: Node) -> Iterator[Node]:
    """The identifiers that a pattern binds; what stands as a default value binds nothing."""
    todo = [pattern]
    while todo:
        node = todo.pop()
        match node.type:
            case "identifier" | "shorthand_property_identifier_pattern":
                yield node
            case "assignment_pattern" | "object_assignment_pattern":
                left = node.child_by_field_name("left")
                if left is not None:
                    todo.append(left)
            case "pair_pattern":
                value = node.child_by_field_name("value")
                if value is not None:
                    todo.append(value)
            case "object_pattern" | "array_pattern" | "rest_pattern":
                todo.extend(node.named_children)
            case _:
                pass
