"""What a model asks for with a tool, read from arguments that may be anything."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from piplan_tui.clean import printable
from piplan_tui.model_tools.description import RUN_PLAN, RUN_WORKFLOW
from piplan_tui.plan.load import load_plan_text
from piplan_tui.plan.problem import Problem, errors
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.workflow.load import Language, LoadedWorkflow, read_workflow

_SUFFIX: dict[Language, str] = {"javascript": ".js", "python": ".py"}
_MAX_TITLE = 80


class BadToolCall(Exception):
    """The call cannot be carried out. `str()` is one sentence that says what would be right."""


@dataclass(frozen=True)
class WorkflowCall:
    """A script that is ready to run, and its arguments."""

    loaded: LoadedWorkflow
    args: Any


@dataclass(frozen=True)
class PlanCall:
    """A plan that is ready to run."""

    plan: PlanSpec


def read_call(
    name: str, arguments: Mapping[str, Any], *, languages: Sequence[str], folder: Path
) -> WorkflowCall | PlanCall:
    """Check a call of the tool `name`. `folder` is where workflows that a script names are looked for.

    Raises:
        BadToolCall
    """
    if name == RUN_WORKFLOW:
        return _workflow(arguments, languages, folder)
    if name == RUN_PLAN:
        return _plan(arguments.get("plan"))
    raise BadToolCall(f"There is no tool {printable(name[:60])}; there are {RUN_WORKFLOW} and {RUN_PLAN}.")


def _workflow(arguments: Mapping[str, Any], languages: Sequence[str], folder: Path) -> WorkflowCall:
    script, task = arguments.get("script"), arguments.get("task") or ""
    language = arguments.get("language") or languages[0]
    if not isinstance(script, str) or not script.strip():
        raise BadToolCall("script must be the text of the script, and not empty.")
    if not isinstance(task, str):
        raise BadToolCall("task must be a text of a few words.")
    if language not in languages:
        raise BadToolCall(f"language must be {' or '.join(languages)}, not {printable(str(language)[:40])}.")
    kind: Language = "python" if language == "python" else "javascript"
    loaded = read_workflow(script.encode("utf-8", "replace"), f"script{_SUFFIX[kind]}", kind, folder=folder)
    _require(loaded.problems)
    title = printable(" ".join(task.split()))[:_MAX_TITLE]
    if title and not loaded.meta.get("name"):
        loaded = replace(loaded, name=title)
    return WorkflowCall(loaded, arguments["args"] if arguments.get("args") is not None else task or None)


def _plan(plan: Any) -> PlanCall:
    # models often pass an object as its text
    text = plan if isinstance(plan, str) else json.dumps(plan, ensure_ascii=False, indent=2)
    if not isinstance(plan, str | dict):
        raise BadToolCall("plan must be an object with id, title and steps.")
    loaded = load_plan_text(text.encode("utf-8", "replace"), "plan.json")
    _require(loaded.problems)
    if loaded.spec is None:
        raise BadToolCall("plan must be an object with id, title and steps.")
    return PlanCall(loaded.spec)


def _require(problems: Sequence[Problem]) -> None:
    found = errors(problems)
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        raise BadToolCall(f"{found[0]}{more}")
