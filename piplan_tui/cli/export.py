"""`piplan-tui export`: a run as a plan, a plan as a workflow, on stdout."""

from __future__ import annotations

import argparse
from pathlib import Path

import anyio
import anyio.to_thread

from piplan_tui.clean import printable
from piplan_tui.cli.check import read_plan
from piplan_tui.cli.context import Context, make_context
from piplan_tui.cli.dispatch import COMPLETED
from piplan_tui.cli.output import put_json
from piplan_tui.cli.parser import UsageError
from piplan_tui.export.as_plan import NothingToExport, as_plan
from piplan_tui.export.as_workflow import as_workflow
from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.workflow.load import is_workflow


async def export(args: argparse.Namespace) -> int:
    """Print what was asked for; nothing is started or changed."""
    context = make_context(args)
    wanted = context.given("as_")
    if args.what == "-" or await anyio.Path(args.what).is_file():
        text = await anyio.to_thread.run_sync(_of_file, args.what, wanted or "workflow")
    else:
        text = await _of_run(context, wanted or "plan")
    put_json(text.rstrip("\n"))
    return COMPLETED


def _of_file(name: str, wanted: str) -> str:
    if is_workflow(Path(name)):
        raise UsageError(
            f"{printable(name)} is a script, which becomes a plan by being run: piplan-tui run, then export last."
        )
    loaded = read_plan(name)
    if loaded.spec is None:
        raise PlanInvalid(loaded.problems)
    return _text(loaded.spec, wanted)


async def _of_run(context: Context, wanted: str) -> str:
    run_id = await context.find_run(context.args.what)
    state, _ = await context.look_at(run_id)
    if state.workflow is not None and wanted == "workflow":
        _, source = await context.store.source(run_id)
        return source.decode("utf-8", "replace")
    try:
        return _text(as_plan(state), wanted)
    except NothingToExport as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None


def _text(plan: PlanSpec, wanted: str) -> str:
    return as_workflow(plan) if wanted == "workflow" else plan.dumps()
