"""What a run would lack on this machine, said before it starts."""

from __future__ import annotations

import argparse

import anyio

from piplan_tui.clean import printable
from piplan_tui.cli.context import make_context
from piplan_tui.cli.output import say
from piplan_tui.cli.parser import UsageError
from piplan_tui.cli.runtime import make_runtime, run_options
from piplan_tui.config.settings import SettingsInvalid
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.before_start import Outlook, planned, scripted
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState


async def require_can_start(runtime: PlanRuntime, state: RunState) -> None:
    """Say what some steps lack.

    Raises:
        UsageError: no step could start.
    """
    found = await runtime.outlook(state)
    lines = [printable(said) for said in found.obstacles]
    if not found.can_start:
        raise UsageError(f"Cannot start: {'; '.join(lines)}.")
    if lines:
        say(f"piplan-tui: {line}" for line in lines)


def look_ahead(args: argparse.Namespace, plan: PlanSpec | None) -> Outlook:
    """What a run of the plan would lack with the settings of this command line; of a script when it is `None`."""
    try:
        context = make_context(args)
        runtime = make_runtime(context)
        options = run_options(context, "")
    except (UsageError, SettingsInvalid) as problem:
        return Outlook((str(problem).rstrip("."),), can_start=False)
    return anyio.run(runtime.outlook, planned(plan, options, "") if plan else scripted(options))
