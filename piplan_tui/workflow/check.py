"""What is wrong with a Python workflow, found without running it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from piplan_tui.plan.problem import Problem, Severity
from piplan_tui.plan.spelling import Spelling
from piplan_tui.workflow.awaits import Awaits
from piplan_tui.workflow.primitives import BUDGET, PRIMITIVES, CallOptions, unknown_attribute
from piplan_tui.workflow.schema_check import schema_problem

MAX_BYTES = 4 * 1024 * 1024
_OPTIONS = ("schema", *CallOptions.__annotations__)
_AWAITED = ("agent", "parallel", "pipeline", "workflow")
_CLOCK = (
    "which is different in every run, so that finished calls are not found again; use wf.now() or wf.args"
)
_CHANCE = "which is different in every run, so that finished calls are not found again; use wf.random"
_MACHINE = "that another machine or shell may not have, so that finished calls are not found again; pass it in wf.args"
_BREAKS_REPLAY = {
    "time.time": _CLOCK,
    "time.time_ns": _CLOCK,
    "datetime.datetime.now": _CLOCK,
    "datetime.datetime.utcnow": _CLOCK,
    "datetime.datetime.today": _CLOCK,
    "datetime.date.today": _CLOCK,
    "time.localtime": _CLOCK,
    "time.gmtime": _CLOCK,
    "time.ctime": _CLOCK,
    "os.urandom": _CHANCE,
    "os.getenv": _MACHINE,
    "os.getpid": _MACHINE,
    "os.getcwd": _MACHINE,
    "pathlib.Path.cwd": _MACHINE,
    "socket.gethostname": _MACHINE,
    "platform.node": _MACHINE,
    "uuid.uuid1": _CHANCE,
    "uuid.uuid4": _CHANCE,
}
_CHANCE_MODULES = ("random", "secrets")
# with a seed, which the caller gives, this one is the same in every run
_SEEDED = "random.Random"


@dataclass(slots=True)
class PythonScript:
    """What a Python script says of itself: its `meta`, and the phases that are written as texts, in order."""

    problems: list[Problem] = field(default_factory=list)
    meta: dict[str, Any] = field(default_factory=dict)
    description: str = ""
    phases: list[str] = field(default_factory=list)


def read_python(source: bytes, file: str) -> PythonScript:
    """Check a script's source; `file` is what its problems call it."""
    script = PythonScript()
    try:
        tree = ast.parse(source, file)
    except SyntaxError as error:
        line, column = error.lineno or 0, error.offset or 0
        script.problems.append(Problem(file, line, column if line else 0, f"this is no Python: {error.msg}"))
        return script
    except (ValueError, RecursionError, MemoryError) as error:
        script.problems.append(Problem(file, 0, 0, f"this is no Python: {error}"))
        return script
    script.description = (ast.get_docstring(tree) or "").split("\n\n", 1)[0].replace("\n", " ")
    reader = _Reader(script, file)
    reader.read(tree)
    script.problems.sort(key=lambda problem: (problem.line, problem.column))
    return script


class _Reader:
    def __init__(self, script: PythonScript, file: str) -> None:
        self._script = script
        self._file = file
        self._imported: dict[str, str] = {}
        self._names: set[str] = set()
        self._functions: dict[str, ast.FunctionDef | ast.AsyncFunctionDef] = {}

    def read(self, tree: ast.Module) -> None:
        self._main(tree)
        for node in ast.walk(tree):
            self._import(node)
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                self._functions[node.name] = node
        for node in ast.walk(tree):
            if isinstance(node, ast.Call):
                self._replay(node)
                self._call(node)
            elif isinstance(node, ast.Attribute):
                self._attribute(node)
            elif isinstance(node, ast.Name):
                self._of_the_machine(node)
        awaits = Awaits(
            tree,
            lambda node: self._primitive(node) in _AWAITED,
            lambda node: self._primitive(node) in ("log", "phase"),
        )
        for lost in awaits.lost(tree):
            name = self._primitive(lost)
            self._add(
                lost, f"this wf.{name}(…) is never awaited, so it does nothing; write await wf.{name}(…)"
            )
        self._script.phases.extend(self._phases(tree))

    def _add(self, node: ast.expr | ast.stmt, message: str, *, warning: bool = False) -> None:
        severity: Severity = "warning" if warning else "error"
        self._script.problems.append(Problem(self._file, node.lineno, node.col_offset + 1, message, severity))

    # -- main and what stands beside it --------------------------------------------------------

    def _main(self, tree: ast.Module) -> None:
        main: ast.FunctionDef | ast.AsyncFunctionDef | None = None
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name == "main":
                main = node
            if isinstance(node, ast.Assign) and any(
                isinstance(target, ast.Name) and target.id == "meta" for target in node.targets
            ):
                self._meta(node)
        if main is None:
            self._script.problems.append(
                Problem(self._file, 1, 1, "a workflow needs `async def main(wf):`, and this file has none")
            )
            return
        if isinstance(main, ast.FunctionDef):
            self._add(main, "main must be `async def main(wf):`, so that it can wait for its agents")
        parameters = [*main.args.posonlyargs, *main.args.args]
        if len(parameters) != 1:
            self._add(main, "main takes one parameter, the workflow: `async def main(wf):`")
        if parameters:
            self._names.add(parameters[0].arg)
        for found in ast.walk(tree):
            if isinstance(found, ast.arg) and found.annotation is not None:
                noted = found.annotation
                name = noted.attr if isinstance(noted, ast.Attribute) else getattr(noted, "id", "")
                if name == "Workflow" or getattr(noted, "value", None) == "Workflow":
                    self._names.add(found.arg)

    def _meta(self, node: ast.Assign) -> None:
        try:
            meta = ast.literal_eval(node.value)
        except (ValueError, TypeError, SyntaxError, RecursionError):
            meta = None
        if isinstance(meta, dict) and all(isinstance(key, str) for key in meta):
            self._script.meta = meta
        else:
            self._add(node, "meta must be a dict that is written out, such as {'name': …, 'phases': […]}")

    # -- clock and chance ----------------------------------------------------------------------

    def _import(self, node: ast.AST) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.split(".")[0]
                self._imported[alias.asname or top] = alias.name if alias.asname else top
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                self._imported[alias.asname or alias.name] = f"{node.module}.{alias.name}"

    def _replay(self, node: ast.Call) -> None:
        name = self._dotted(node.func)
        if name is None:
            return
        why = _BREAKS_REPLAY.get(name)
        if why is None and name.split(".")[0] in _CHANCE_MODULES and "." in name:
            seeded = name == _SEEDED and (node.args or node.keywords)
            why = None if seeded else _CHANCE
        if why is not None:
            self._add(node, f"{ast.unparse(node.func)}() gives a value {why}", warning=why is _MACHINE)

    def _dotted(self, node: ast.expr) -> str | None:
        """The full name of what is called, with imports followed: `dt.now` becomes `datetime.datetime.now`."""
        parts: list[str] = []
        while isinstance(node, ast.Attribute):
            parts.append(node.attr)
            node = node.value
        if not isinstance(node, ast.Name) or node.id not in self._imported:
            return None
        return ".".join([self._imported[node.id], *reversed(parts)])

    # -- the primitives ------------------------------------------------------------------------

    def _primitive(self, node: ast.expr) -> str:
        """`agent` for a call of `wf.agent`; empty for anything else."""
        if (
            isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and self._is_wf(node.func.value)
        ):
            return node.func.attr
        return ""

    def _is_wf(self, node: ast.expr) -> bool:
        return isinstance(node, ast.Name) and node.id in self._names

    def _of_the_machine(self, node: ast.expr) -> None:
        if self._dotted(node) == "os.environ":
            self._add(node, f"os.environ holds values {_MACHINE}", warning=True)

    def _attribute(self, node: ast.Attribute) -> None:
        self._of_the_machine(node)
        if self._is_wf(node.value) and not isinstance(node.ctx, ast.Load):
            self._add(node, f"wf.{node.attr} cannot be changed; use a name of your own")
            return
        if self._is_wf(node.value) and node.attr not in PRIMITIVES and not node.attr.startswith("__"):
            self._add(node, unknown_attribute(node.attr))
        owner = node.value
        of_budget = isinstance(owner, ast.Attribute) and owner.attr == "budget" and self._is_wf(owner.value)
        if of_budget and node.attr not in BUDGET and not node.attr.startswith("__"):
            meant = Spelling(BUDGET).nearest(node.attr)
            hint = f"did you mean {meant}?" if meant else "it has total, spent() and remaining()"
            self._add(node, f"wf.budget has no {node.attr}; {hint}")

    def _call(self, node: ast.Call) -> None:
        name = self._primitive(node)
        if name == "agent":
            if not node.args and not any(keyword.arg in ("prompt", None) for keyword in node.keywords):
                self._add(node, "wf.agent() needs a prompt")
            for keyword in node.keywords:
                if keyword.arg is not None and keyword.arg not in ("prompt", *_OPTIONS):
                    meant = Spelling(_OPTIONS).nearest(keyword.arg)
                    hint = f"did you mean {meant}?" if meant else f"it has {', '.join(_OPTIONS)}"
                    self._add(keyword.value, f"wf.agent() has no option {keyword.arg}; {hint}")
                elif keyword.arg == "schema":
                    self._schema(keyword.value)
        elif name == "parallel":
            for job in _items(node.args[0]) if node.args else ():
                if self._primitive(job) in _AWAITED:
                    self._add(
                        job,
                        f"parallel() wants functions that start the work: lambda: wf.{self._primitive(job)}(…)",
                        warning=True,
                    )
        elif name == "pipeline":
            stages = node.args[1:]
            if not stages and node.args and not isinstance(node.args[0], ast.Starred):
                self._add(
                    node,
                    "wf.pipeline() needs stages after its items: wf.pipeline(items, lambda item: wf.agent(…))",
                )
            for stage in node.args[1:-1]:
                self._stage(stage)

    def _schema(self, node: ast.expr) -> None:
        if not isinstance(node, ast.Dict):
            return
        try:
            schema = ast.literal_eval(node)
        except (ValueError, TypeError, SyntaxError, RecursionError):
            return  # it is made as the script runs
        if problem := schema_problem(schema):
            self._add(node, problem)

    def _stage(self, stage: ast.expr) -> None:
        # the last stage may do without a result; what an earlier one does not return, the next cannot use
        function = self._functions.get(stage.id) if isinstance(stage, ast.Name) else None
        if function is not None and not any(
            isinstance(node, ast.Return) and node.value is not None for node in _own(function)
        ):
            self._add(
                stage,
                f"the stage {function.name} returns nothing, so the next one gets only None; "
                "return what it needs",
            )

    def _phases(self, tree: ast.Module) -> Iterator[str]:
        found: dict[str, tuple[int, int]] = {}
        for node in ast.walk(tree):
            if not isinstance(node, ast.Call):
                continue
            name = self._primitive(node)
            titles = list(node.args[:1]) if name == "phase" else []
            if name in ("agent", "phase"):
                wanted = "title" if name == "phase" else "phase"
                titles += [keyword.value for keyword in node.keywords if keyword.arg == wanted]
            for title in titles:
                if isinstance(title, ast.Constant) and isinstance(title.value, str) and title.value.strip():
                    place = (title.lineno, title.col_offset)
                    found[title.value] = min(place, found.get(title.value, place))
        yield from sorted(found, key=lambda title: found[title])


def _items(node: ast.expr) -> list[ast.expr]:
    """What stands written out in a list, or is made for each of something."""
    if isinstance(node, ast.List | ast.Tuple):
        return node.elts
    return [node.elt] if isinstance(node, ast.ListComp | ast.GeneratorExp) else []


def _own(function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[ast.AST]:
    """The nodes of a function, without those of functions inside of it."""
    todo: list[ast.AST] = list(function.body)
    while todo:
        node = todo.pop()
        yield node
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda | ast.ClassDef):
            todo.extend(ast.iter_child_nodes(node))
