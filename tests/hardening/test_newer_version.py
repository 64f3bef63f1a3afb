"""A run that a newer version wrote to, and one that two owners want."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from piplan_tui.run import events as ev
from piplan_tui.run.clock import utc_now
from piplan_tui.run.reduce import fold
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunOwned
from tests.run.conftest import Bench
from tests.run.plans import plan

pytestmark = pytest.mark.anyio


async def test_a_run_with_an_event_of_a_newer_version_goes_on_and_keeps_it(tmp_path: Path) -> None:
    bench = Bench(tmp_path, FileRuntimeStore(tmp_path / "store"))
    bench.steps.hold("a")
    with anyio.fail_after(10):
        async with bench.runtime() as runtime:
            run = await runtime.create_run(plan({"a": [], "b": ["a"]}))
            await run.start()
            await bench.steps.started("a")
        stored = await bench.store.open_run(run.id)
        seq, at = stored[-1].seq + 1, utc_now()
        raw = {"type": "step.dreamed", "seq": seq, "at": at.isoformat(), "runId": run.id, "of": ["sheep"]}
        dreamed = ev.UnknownEvent(seq=seq, at=at, run_id=run.id, raw=raw)
        await bench.store.append(run.id, [dreamed], durable=True)
        await bench.store.close_run(run.id)
        bench.steps.release("a")
        async with bench.runtime() as runtime:
            again = await runtime.open_run(run.id)
            await again.start()
            assert (await again.wait()).status == "completed"
            events = [event async for event in bench.store.read(run.id)]
        assert [event.seq for event in events] == list(range(1, len(events) + 1))
        kept = events[seq - 1]
        assert isinstance(kept, ev.UnknownEvent)
        assert kept.raw == raw
        assert fold(events) == again.state


async def test_a_second_runtime_cannot_take_a_run_that_goes_on(tmp_path: Path) -> None:
    first = Bench(tmp_path, FileRuntimeStore(tmp_path / "store"))
    second = Bench(tmp_path, FileRuntimeStore(tmp_path / "store"))
    first.steps.hold("a")
    with anyio.fail_after(10):
        async with first.runtime() as runtime, second.runtime() as other:
            run = await runtime.create_run(plan({"a": []}))
            await run.start()
            await first.steps.started("a")
            with pytest.raises(RunOwned, match=f"run {run.id} belongs to "):
                await other.open_run(run.id)
            first.steps.release("a")
            assert (await run.wait()).status == "completed"
    assert second.steps.jobs == []
