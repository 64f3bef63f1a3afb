from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

import pytest

from piplan_tui.run.clock import utc_now
from piplan_tui.run.options import RunOptions
from piplan_tui.run.quota import QuotaPolicy
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RuntimeStore
from tests.run.steps import Steps


class Bench:
    """A runtime over scripted steps: the real driver, journal, reducer and store without any process."""

    def __init__(self, workspace: Path, store: RuntimeStore) -> None:
        self.steps = Steps()
        self.store = store
        self.options = RunOptions(workspace=workspace, agent="scripted", max_concurrency=3)
        self.swept: list[str] = []
        self.now: Callable[[], datetime] = utc_now
        self.quota: QuotaPolicy | None = None

    async def _sweep(self, run_id: str) -> int:
        self.swept.append(run_id)
        return 0

    @asynccontextmanager
    async def runtime(self) -> AsyncIterator[PlanRuntime]:
        def no_agent(name: str) -> object:
            raise AssertionError(f"no agent is needed, {name} was asked for")

        async with PlanRuntime(
            store=self.store,
            make_agent=no_agent,  # type: ignore[arg-type]  # never called: the executor is scripted
            sweep=self._sweep,
            options=self.options,
            executor=lambda run: self.steps,
            now=self.now,
            quota=self.quota,
        ) as runtime:
            yield runtime


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return Bench(tmp_path, MemoryRuntimeStore())
