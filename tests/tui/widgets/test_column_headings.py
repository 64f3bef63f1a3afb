"""The line over the tree, on the screen of a run."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.run import events as ev
from piplan_tui.run.model import SessionRef
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.column_headings import ColumnHeadings
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import deck, long_run, step

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def shown(
    run: RunDouble, size: tuple[int, int] = (80, 24), *, plain_list: bool = False
) -> AsyncIterator[tuple[Pilot[Any], RunScreen, ColumnHeadings]]:
    app = PiplanApp(None, run=run, now=run.now, plain_list=plain_list)  # type: ignore[arg-type]  # nothing here reaches the runtime
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert isinstance(app.screen, RunScreen)
        yield pilot, app.screen, app.screen.query_one(ColumnHeadings)


def words(line: ColumnHeadings) -> list[str]:
    return str(line.render()).split()


async def test_every_line_of_a_small_terminal_but_six_is_the_trees() -> None:
    async with shown(long_run(60, 3)) as (_, screen, line):
        assert words(line) == ["agent:", "pi", "sonnet-4-5", "tokens", "cost", "time"]
        assert line.region.y == 2
        assert screen.run_tree.region.y == 3
        assert screen.run_tree.size.height == 24 - 5


async def test_columns_that_drop_out_take_their_headings_along() -> None:
    async with shown(deck(asking=False), (200, 50)) as (pilot, _, line):
        assert words(line) == ["step", "agent", "tokens", "tools", "cost", "time"]
        for size, headings in (((120, 40), 3), ((60, 20), 3), ((50, 20), 2), ((40, 20), 1), ((30, 20), 0)):
            await pilot.resize_terminal(*size)
            await pilot.pause()
            assert (
                words(line)[3:]
                == (["tokens", "cost", "time"], ["tokens", "time"], ["time"], [])[3 - headings]
            )
        await pilot.resize_terminal(80, 24)
        await pilot.pause()
        await pilot.press("minus")
        assert words(line) == ["agent:", "pi", "sonnet-4-5"]
        await pilot.press("plus", "plus")
        assert words(line) == ["step", "agent", "tokens", "tools", "cost", "time"]


async def test_a_model_that_a_session_says_takes_the_place_of_none() -> None:
    run = RunDouble([step("one", "One"), step("two", "Two")])
    run.emit(ev.RunStarted())
    run.started("one", model="")
    run.started("two", model="")
    async with shown(run) as (_, screen, line):
        assert words(line)[:2] == ["agent:", "pi"]
        tree = screen.run_tree
        assert tree.columns.agent == 0
        for name, model in (("one", "openai/gpt-5"), ("two", "openai/gpt-5")):
            ref = SessionRef(agent="pi", session_id=name, model=model)
            run.emit(ev.SessionStarted(step_id=name, attempt=1, session=ref))
            tree.touch(name)
            tree.flush()
        assert tree.agents == ["pi gpt-5"]
        assert tree.columns.agent == 0
        line.bring_up_to_date()
        assert words(line)[:3] == ["agent:", "pi", "gpt-5"]


async def test_where_rows_are_sentences_there_are_no_columns_to_name() -> None:
    async with shown(deck(asking=False), plain_list=True) as (pilot, _, line):
        assert not line.display
        await pilot.press("f", "f", "f")
        assert line.display
        assert words(line) == ["filter:", "only", "failed", "·", "Esc", "clears"]
