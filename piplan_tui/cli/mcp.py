"""`piplan-tui mcp`: the tools for models, over MCP on stdin and stdout."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from dataclasses import replace
from pathlib import Path

import piplan_tui
from piplan_tui.agents.process import RUN_MARK
from piplan_tui.cli.context import make_context
from piplan_tui.cli.dispatch import COMPLETED
from piplan_tui.cli.parser import UsageError
from piplan_tui.cli.runtime import make_runtime, run_options
from piplan_tui.config.settings import OnAsk


def install_command() -> str:
    """What installs the SDK beside this program, as this program itself was installed."""
    root = Path(piplan_tui.__file__).resolve().parent.parent
    pip = shlex.join([sys.executable, "-m", "pip", "install"])
    if (root / "pyproject.toml").is_file():  # a clone
        return f"{pip} --editable {shlex.quote(f'{root}[mcp]')}"
    return f"{pip} 'piplan-tui[mcp]'"


async def mcp(args: argparse.Namespace) -> int:
    """Serve one client until it closes stdin."""
    if os.environ.get(RUN_MARK):
        raise UsageError("piplan-tui mcp was started by a step of a run, and runs do not start runs.")
    try:
        from piplan_tui.model_tools.mcp_server import ToolServer, serve_stdio
    except ModuleNotFoundError as error:
        raise UsageError(
            f"piplan-tui mcp needs the MCP SDK ({error.name} is missing): {install_command()}"
        ) from None
    context = make_context(args)
    # nobody sits at this process: a question that the client cannot show must not hold the model up for ever
    on_ask: OnAsk = context.settings.on_ask if context.given("on_ask") else "fail"
    async with make_runtime(context) as runtime:
        await serve_stdio(
            ToolServer(
                runtime,
                replace(run_options(context, ""), run_id=None),
                languages=("javascript", "python") if context.given("allow_python") else ("javascript",),
                on_ask=on_ask,
                run_dir=context.run_dir,
            )
        )
    return COMPLETED
