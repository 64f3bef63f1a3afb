"""Scripts given in place of a plan: `piplan-tui workflow.py`, `piplan-tui run workflow.js`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio.to_thread

from piplan_tui.clean import printable
from piplan_tui.cli.context import Context
from piplan_tui.cli.output import say
from piplan_tui.cli.parser import UsageError
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.workflow.load import load_workflow


async def create_workflow_run(
    runtime: PlanRuntime,
    context: Context,
    name: str,
    options: RunOptions,
    tell: Callable[[str], None] = say,
) -> Run:
    """A run of the script `name`, not started, with `--args`; `--reuse RUN` takes over what did not change, its
    arguments included where none are given. What the user is to know of it is told in sentences.

    Raises:
        PlanInvalid: the script has errors.
        UsageError: `--args` is no JSON, or `--reuse` names the run of a plan.
        StoreError
    """
    loaded = (await anyio.to_thread.run_sync(load_workflow, Path(name))).require()
    for problem in loaded.problems:
        tell(str(problem))
    reuse: str | None = context.given("reuse")
    args = _arguments(context.given("args"))
    if reuse is not None:
        reuse = await context.find_run(reuse)
        earlier = (await context.look_at(reuse))[0].workflow
        if earlier is None:
            raise UsageError(f"Run {reuse} is the run of a plan; --reuse takes the run of a workflow.")
        if context.given("args") is None and earlier.args is not None:
            args = earlier.args
            tell(f"the arguments are those of run {reuse}; --args gives others")
    return await runtime.create_workflow_run(
        loaded,
        options=options,
        args=args,
        reuse_from=reuse,
    )


def _arguments(text: str | None) -> Any:
    if text is None:
        return None
    try:
        return json.loads(text)
    except ValueError as error:
        raise UsageError(
            f'--args takes JSON, such as \'{{"topic": "bees"}}\'; {printable(text)}: {error}.'
        ) from None
