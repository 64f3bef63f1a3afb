"""A runtime on files, whose steps the demo agent plays without waiting."""

from __future__ import annotations

from pathlib import Path

from piplan_tui.agents.demo import DemoAgent
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.store.file import FileRuntimeStore


async def nothing_to_sweep(token: str) -> int:
    return 0


def runtime_in(folder: Path) -> PlanRuntime:
    """Works in `folder`, and stores in `folder/store`."""
    return PlanRuntime(
        store=FileRuntimeStore(folder / "store"),
        make_agent=lambda name: DemoAgent(pace=0),
        sweep=nothing_to_sweep,
        options=RunOptions(workspace=folder, agent="demo"),
    )
