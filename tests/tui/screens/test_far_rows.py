"""What stays in sight of a long tree, and how much room its columns take."""

from __future__ import annotations

import pytest

from piplan_tui.run import events as ev
from piplan_tui.tui.row_layout import columns_for
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.why_line import WhyLine
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on, step

pytestmark = pytest.mark.anyio


def batches() -> RunDouble:
    steps = [step(f"{batch}{n:02}", f"Part {n}", f"Batch {batch}") for batch in "ab" for n in range(30)]
    run = RunDouble(steps)
    run.emit(ev.RunStarted())
    run.started("a00")
    run.started("b20", model="anthropic/claude-opus-4-1")
    return run


def screen_of(app: object) -> RunScreen:
    screen = getattr(app, "screen", None)
    assert isinstance(screen, RunScreen)
    return screen


async def test_the_phase_of_the_first_row_in_sight_is_named_over_it() -> None:
    async with app_on(batches()).run_test(size=(80, 24)) as pilot:
        tree = screen_of(pilot.app).run_tree
        tree.select_step("b10")
        await pilot.pause()
        first = tree.render_line(0).text
        assert "2 Batch b" in first or "1 Batch a" in first
        tree.select_step("b29")
        await pilot.pause()
        assert "2 Batch b" in tree.render_line(0).text
        assert tree.scroll_offset.y > 32, "its own row is above the screen"
        for _ in range(40):
            await pilot.press("k")
            y = tree.cursor - tree.scroll_offset.y
            assert 0 <= y < tree.size.height
            assert tree.selected is not None
            name = tree.selected.step.id if tree.selected.step else tree.selected.phase.title
            assert name in tree.render_line(y).text, "the row of the cursor is never covered"


async def test_running_steps_out_of_sight_are_counted() -> None:
    async with app_on(batches()).run_test(size=(120, 24)) as pilot:
        screen = screen_of(pilot.app)
        screen.run_tree.select_step("b29")
        await pilot.pause()
        assert screen.run_tree.running_out_of_sight == "↑ 1 running above"
        screen.run_tree.select_step("a00")
        await pilot.pause()
        assert screen.run_tree.running_out_of_sight == "↓ 1 running below"
        screen.show_selected()
        assert "↓ 1 running below" in screen.query(WhyLine).first().corner


def test_agents_have_the_room_that_the_longest_needs() -> None:
    assert columns_for(200, 10, flat=False, longest_agent=30).agent == 31
    assert columns_for(110, 10, flat=False, longest_agent=60).agent == 27, "a quarter of the width at most"
    assert columns_for(110, 10, flat=False, longest_agent=3).agent == 6, "its heading is whole"
    assert columns_for(80, 10, flat=False, longest_agent=30, one_agent=True).agent == 0
    assert columns_for(80, 10, flat=False, longest_agent=30, one_agent=True, detail=2).agent == 12
    assert columns_for(80, 10, flat=False, longest_agent=30).agent == 12
    assert columns_for(200, 10, flat=False, longest_agent=30, one_agent=True).agent == 31


async def test_the_cursor_has_a_sign_of_its_own_in_ascii() -> None:
    run = batches()
    app = app_on(run)
    app.ascii_only = True
    async with app.run_test(size=(80, 24)) as pilot:
        tree = screen_of(pilot.app).run_tree
        tree.select_step("a05")
        await pilot.pause()
        line = tree.render_line(tree.cursor - tree.scroll_offset.y).text
        assert line.strip().startswith("@")
        assert ">" not in line
