"""`piplan-tui check PLAN…`"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from piplan_tui.clean import clean_text, printable
from piplan_tui.cli.output import put, put_json, say
from piplan_tui.plan.load import LoadedPlan, load_plan, load_plan_text
from piplan_tui.plan.problem import errors
from piplan_tui.views.formatting import counted
from piplan_tui.workflow.load import LoadedWorkflow, is_workflow, load_workflow

if TYPE_CHECKING:
    from piplan_tui.run.before_start import Outlook


def read_plan(name: str) -> LoadedPlan:
    """Read and check a plan file, or stdin when it is named `-`; nothing is raised for a bad one."""
    if name == "-":
        return load_plan_text(sys.stdin.buffer.read(), "<stdin>")
    return load_plan(Path(name))


def _read(name: str) -> LoadedPlan | LoadedWorkflow:
    return load_workflow(Path(name)) if is_workflow(Path(name)) else read_plan(name)


def _can_run(loaded: LoadedPlan | LoadedWorkflow) -> bool:
    return loaded.spec is not None if isinstance(loaded, LoadedPlan) else not errors(loaded.problems)


def check(args: argparse.Namespace) -> int:
    """Report every problem of every plan and script: 0 when all can be run, 2 otherwise.

    What agents and folders they would lack here is said too; a plan may be checked where it is not run.
    """
    found = {name: _read(name) for name in dict.fromkeys(args.plans)}
    bad = [name for name, loaded in found.items() if not _can_run(loaded)]
    lacks = {name: _look_ahead(args, loaded) for name, loaded in found.items() if name not in bad}
    if getattr(args, "json", False):
        put_json(_document(found, lacks))
        return 2 if bad else 0
    for name, loaded in found.items():
        if loaded.problems:
            put(map(str, loaded.problems))
        elif isinstance(loaded, LoadedPlan) and loaded.spec is not None:
            steps = len(loaded.spec.steps)
            say(f"{name}: {counted(steps, 'step')}, no problems")
        else:
            say(f"{name}: no problems")
        if (here := lacks.get(name)) is not None and here.obstacles:
            before = "" if here.can_start else "cannot start here yet: "
            say(f"{name}: {before}{printable(said)}" for said in here.obstacles)
    total = sum(len(errors(loaded.problems)) for loaded in found.values())
    if bad:
        say(f"{counted(total, 'error')}: {', '.join(bad)} cannot be run")
    return 2 if bad else 0


def _look_ahead(args: argparse.Namespace, loaded: LoadedPlan | LoadedWorkflow) -> Outlook:
    # only here: a plan with problems is told of without what runs plans
    from piplan_tui.cli.before_start import look_ahead

    return look_ahead(args, loaded.spec if isinstance(loaded, LoadedPlan) else None)


def _document(found: dict[str, LoadedPlan | LoadedWorkflow], lacks: dict[str, Outlook]) -> str:
    from piplan_tui.views.terminal_json import dumps

    plans: list[dict[str, Any]] = [
        {
            "file": name,
            "valid": _can_run(loaded),
            "planId": _plan_id(loaded),
            "steps": len(loaded.spec.steps) if isinstance(loaded, LoadedPlan) and loaded.spec else None,
            "problems": [
                {
                    "line": problem.line,
                    "column": problem.column,
                    "severity": problem.severity,
                    "message": problem.message,
                }
                for problem in loaded.problems
            ],
            "obstacles": [clean_text(said) for said in lacks[name].obstacles] if name in lacks else [],
        }
        for name, loaded in found.items()
    ]
    return dumps({"version": 1, "plans": plans})


def _plan_id(loaded: LoadedPlan | LoadedWorkflow) -> str | None:
    if isinstance(loaded, LoadedWorkflow):
        return loaded.plan_id
    return loaded.spec.id if loaded.spec else None
