"""The bundled plan with the demo agent, in a folder of its own."""

from __future__ import annotations

import tempfile
from dataclasses import replace
from pathlib import Path

from piplan_tui.cli.context import Context
from piplan_tui.cli.runtime import run_options
from piplan_tui.resources import examples_dir
from piplan_tui.run.options import RunOptions

AGENT = "demo"


def demo_options(context: Context) -> tuple[Path, RunOptions]:
    """The plan, and how it is run. Makes the folder that it works in.

    Raises:
        UsageError: the workspace that was named is no folder.
        OSError: the folder cannot be made.
    """
    plan = examples_dir() / "demo.json"
    options = run_options(context, str(plan))
    # what the config file says of agents is for work, not for a demonstration
    options = replace(
        options,
        agent=context.given("agent") or AGENT,
        model=context.given("model") or "",
        provider=context.given("provider") or "",
        tools=context.given("tools"),
        steps={},
    )
    if context.given("workspace") is None:
        options = replace(options, workspace=_workspace(context))
    return plan, options


def _workspace(context: Context) -> Path:
    """Where the handoff files go: not into the folder in which somebody happens to try it."""
    if context.files is not None:
        folder = context.files.root / "demo"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder
    return Path(tempfile.mkdtemp(prefix="piplan-demo-"))
