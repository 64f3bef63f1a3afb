"""The wall clock is set back or forward while a run goes on: order, durations and time limits hold."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import anyio
import pytest

from piplan_tui.run import inbox
from piplan_tui.run.reduce import fold
from piplan_tui.run.state import RunState
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.views.header import header_lines
from piplan_tui.views.json_state import state_document
from piplan_tui.views.step_row import step_cells
from piplan_tui.views.summary import summary
from piplan_tui.views.timeline import bars
from tests.run.conftest import Bench
from tests.run.plans import plan

pytestmark = pytest.mark.anyio

HOUR = timedelta(hours=1)
JUMPS = [
    pytest.param(-HOUR, id="back an hour"),
    pytest.param(timedelta(days=1), id="forward a day"),
    pytest.param(timedelta(days=-400), id="back more than a year"),
]


class _Clock:
    def __init__(self) -> None:
        self.time = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        self.time += timedelta(milliseconds=10)
        return self.time


def _seconds(value: Any, key: str = "") -> Iterator[tuple[str, float]]:
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _seconds(inner, name)
    elif isinstance(value, list):
        for inner in value:
            yield from _seconds(inner, key)
    elif key.endswith("Seconds"):
        yield key, value


def _check(state: RunState, now: datetime) -> None:
    found = list(_seconds(state_document(state, now)))
    assert len(found) >= 5
    assert [(key, value) for key, value in found if value < 0] == []
    for bar in bars(state, now, grouped=False):
        for start, end in (*bar.working, *bar.waiting):
            assert 0 <= start <= end
    shown = [*summary(state, now)]
    shown += ["".join(span.text for span in line) for line in header_lines(state, now, 200)]
    for step in state.order:
        cells = step_cells(state, step, now, last_activity=now)
        shown += [cells.note, cells.elapsed]
    assert [line for line in shown if re.search(r"(^|\s)-\d", line)] == []


@pytest.mark.parametrize("jump", JUMPS)
async def test_a_clock_that_jumps_between_any_two_events(tmp_path: Path, jump: timedelta) -> None:
    clock = _Clock()
    bench = Bench(tmp_path, FileRuntimeStore(tmp_path / "store"))
    bench.now = clock.now
    bench.steps.hold("a", "c")
    bench.steps.ask("a", {"message": "Well?", "fields": [{"name": "go", "type": "boolean", "default": True}]})
    with anyio.fail_after(10):
        async with bench.runtime() as runtime:
            run = await runtime.create_run(plan({"a": [], "b": ["a"], "c": []}))
            await run.start()
            await bench.steps.started("a", "c")
            clock.time += jump
            _check(run.state, clock.now())
            while not run.state.asks:
                if bench.steps.running >= {"a", "c"}:
                    bench.steps.release("a")
                await anyio.lowlevel.checkpoint()
            clock.time += jump
            _check(run.state, clock.now())
        clock.time += jump
        bench.steps.release("c")
        async with bench.runtime() as runtime:
            again = await runtime.open_run(run.id)
            await again.start()
            (ask_id,) = again.state.asks
            _check(again.state, clock.now())
            clock.time += jump
            await again.answer(ask_id, {"go": True})
            assert (await again.wait()).status == "completed"
            _check(again.state, clock.now())
            events = [event async for event in bench.store.read(run.id)]
            assert [event.seq for event in events] == list(range(1, len(events) + 1))
            assert fold(events) == again.state
    assert bench.steps.attempts("b") == 1


@pytest.mark.parametrize(
    ("jump", "least", "most"),
    [
        pytest.param(-HOUR, 60, 60, id="back: not longer than the plan says"),
        pytest.param(timedelta(days=1), 0, 0, id="forward: the time is over"),
        pytest.param(timedelta(seconds=20), 39, 40, id="no jump: what is left"),
    ],
)
async def test_the_time_limit_of_a_question_over_a_resume(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jump: timedelta, least: float, most: float
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        await anyio.sleep_forever()

    monkeypatch.setattr(inbox, "anyio", SimpleNamespace(sleep=sleep))
    clock = _Clock()
    bench = Bench(tmp_path, FileRuntimeStore(tmp_path / "store"))
    bench.now = clock.now
    bench.steps.ask("a", {"message": "Well?"})
    with anyio.fail_after(10):
        async with bench.runtime() as runtime:
            limit = {"afterSeconds": 60, "then": "decline"}
            run = await runtime.create_run(plan({"a": []}, expires=limit))
            await run.start()
            assert (await run.wait()).status == "waiting_user"
            while not slept:
                await anyio.lowlevel.checkpoint()
        assert slept.pop() <= 60
        clock.time += jump
        async with bench.runtime() as runtime:
            await runtime.open_run(run.id)
            while not slept:
                await anyio.lowlevel.checkpoint()
    assert least <= slept[0] <= most
