"""The pace of the demo agent is kept with the run, like what else a run was started with."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from piplan_tui.agents.demo import DemoAgent
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.options import RunChanges, RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.store.file import FileRuntimeStore

pytestmark = pytest.mark.anyio

PLAN = PlanSpec.model_validate(
    {
        "id": "p",
        "title": "A plan",
        "steps": [
            {"id": "a", "title": "a", "goal": "Fail.", "demo": {"fail": "no luck"}},
        ],
    }
)


class Paced:
    """A runtime whose demo agents have a pace of 1, in a process of its own as far as the run knows."""

    def __init__(self, folder: Path) -> None:
        self.slept: set[float] = set()

        async def sleep(seconds: float) -> None:
            self.slept.add(seconds)
            await anyio.lowlevel.checkpoint()

        async def no_processes(token: str) -> int:
            return 0

        self.runtime = PlanRuntime(
            store=FileRuntimeStore(folder / "store"),
            make_agent=lambda name: DemoAgent(pace=1, sleep=sleep),
            sweep=no_processes,
            options=RunOptions(workspace=folder, agent="demo", demo_pace=0),
        )


async def test_a_retry_in_another_process_keeps_it_unless_told_otherwise(tmp_path: Path) -> None:
    first = Paced(tmp_path)
    async with first.runtime as runtime:
        run = await runtime.create_run(PLAN)
        await run.start()
        assert (await run.wait()).status == "failed"
    assert first.slept == {0.0}

    again = Paced(tmp_path)
    async with again.runtime as runtime:
        taken = await runtime.open_run(run.id)
        await taken.retry(["a"])
        await taken.start()
        await taken.wait()
    assert again.slept == {0.0}

    faster = Paced(tmp_path)
    async with faster.runtime as runtime:
        taken = await runtime.open_run(run.id, changes=RunChanges(demo_pace=0.5))
        await taken.retry(["a"])
        await taken.start()
        await taken.wait()
        assert taken.state.settings["demoPace"] == 0.5
    assert max(faster.slept) > 0
