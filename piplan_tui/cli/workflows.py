"""Scripts given in place of a plan: `piplan-tui workflow.py`, `piplan-tui run workflow.js`."""

from __future__ import annotations

import json
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


async def create_workflow_run(runtime: PlanRuntime, context: Context, name: str, options: RunOptions) -> Run:
    """A run of the script `name`, not started, with `--args`; `--reuse RUN` takes over what did not change.

    Raises:
        PlanInvalid: the script has errors.
        UsageError: `--args` is no JSON.
        StoreError
    """
    loaded = (await anyio.to_thread.run_sync(load_workflow, Path(name))).require()
    if loaded.problems:
        say(map(str, loaded.problems))
    reuse: str | None = context.given("reuse")
    return await runtime.create_workflow_run(
        loaded,
        options=options,
        args=_arguments(context.given("args")),
        reuse_from=await context.find_run(reuse) if reuse is not None else None,
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
