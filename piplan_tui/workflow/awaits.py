"""Finds calls of a Python script that nothing awaits, as far as its text shows it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from typing import Literal

_Use = Literal["awaited", "handed on", "lost"]

_TAKES_VALUES = frozenset(
    {"str", "repr", "len", "int", "float", "bool", "print", "sorted", "sum", "min", "max", "any", "all"}
)
"""Functions that look at a value at once, and await none."""
_OF_COROUTINES = frozenset({"send", "throw", "close", "__await__", "add_done_callback", "cancel", "result"})
_CONTAINERS = (ast.List, ast.Tuple, ast.Set, ast.Dict, ast.Starred, ast.IfExp, ast.NamedExpr, ast.keyword)
_FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)

IsWork = Callable[[ast.expr], bool]


class Awaits:
    """`is_work` says of an expression whether it is a call that has to be awaited."""

    def __init__(self, tree: ast.Module, is_work: IsWork, is_log: IsWork) -> None:
        self._is_work = is_work
        self._is_log = is_log
        self._parents = {child: node for node in ast.walk(tree) for child in ast.iter_child_nodes(node)}

    def lost(self, tree: ast.Module) -> Iterator[ast.expr]:
        """Calls whose result is used, or thrown away, without being awaited."""
        for node in ast.walk(tree):
            if isinstance(node, ast.expr) and self._is_work(node) and self._use(node) == "lost":
                yield node

    def _use(self, node: ast.expr) -> _Use:
        """What becomes of a value that is not awaited yet. What cannot be told is handed on."""
        child: ast.AST = node
        while True:
            parent = self._parents.get(child)
            match parent:
                case ast.Await() | ast.Lambda() | ast.Yield() | ast.YieldFrom():
                    return "awaited"
                case ast.Return():
                    return self._returned(parent)
                case ast.Expr() | ast.FormattedValue() | ast.BinOp() | ast.UnaryOp() | ast.Compare():
                    return "lost"
                case ast.BoolOp() | ast.If() | ast.While() | ast.Assert():
                    return "lost"
                case ast.Attribute(attr=name):
                    return "handed on" if name in _OF_COROUTINES else "lost"
                case ast.Subscript(value=value) if value is child:
                    return "lost"
                case ast.For(iter=source) | ast.comprehension(iter=source) if source is child:
                    return "lost"
                case ast.Call(func=function) if function is not child:
                    return self._given_to(parent)
                case ast.IfExp(test=test) if test is child:
                    return "lost"
                case ast.Assign(targets=[ast.Name(id=name)]):
                    return self._kept_as(name, parent) if parent.value is node else "handed on"
                case _ if isinstance(parent, _CONTAINERS):
                    child = parent
                case _:
                    return "handed on"

    def _returned(self, statement: ast.Return) -> _Use:
        """`main` gives its result to the run, which awaits nothing; another function may be awaited twice."""
        function = self._function_of(statement)
        return (
            "lost" if isinstance(function, ast.AsyncFunctionDef) and function.name == "main" else "handed on"
        )

    def _given_to(self, call: ast.Call) -> _Use:
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        return "lost" if name in _TAKES_VALUES or self._is_log(call) else "handed on"

    def _kept_as(self, name: str, statement: ast.Assign) -> _Use:
        function = self._function_of(statement)
        if function is None:
            return "handed on"
        names = [node for node in ast.walk(function) if isinstance(node, ast.Name) and node.id == name]
        if sum(isinstance(node.ctx, ast.Store) for node in names) != 1:
            return "handed on"  # another value may stand in the same name
        uses = {self._use(node) for node in names if isinstance(node.ctx, ast.Load)}
        return "lost" if uses <= {"lost"} else "handed on"

    def _function_of(self, node: ast.AST) -> ast.AST | None:
        while (parent := self._parents.get(node)) is not None and not isinstance(parent, _FUNCTIONS):
            node = parent
        return parent
