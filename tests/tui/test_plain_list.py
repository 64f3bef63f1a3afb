"""The terminal view in lines of words."""

from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.plain_list import sentence_line
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.run_header import RunHeader
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.tui.screens.test_run_snapshots import SnapCompare, still
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import deck


def spoken_app(run: RunDouble) -> PiplanApp:
    return PiplanApp(None, run=run, now=run.now, plain_list=True)  # type: ignore[arg-type]  # nothing here reaches the runtime


def lines(pilot: Pilot[Any]) -> list[str]:
    tree = pilot.app.screen.query_one(RunTree)
    return [tree.render_line(y).text.rstrip() for y in range(min(tree.size.height, len(tree.rows)))]


@pytest.mark.anyio
async def test_rows_and_header_are_sentences() -> None:
    run = deck()
    app = spoken_app(run)
    async with app.run_test(size=(140, 40)) as pilot:
        await still(pilot)
        assert app.animation_level == "none"
        assert not app.screen.query(DetailPane), "nothing stands beside the rows"
        assert "  step interviews, failed, 429 rate limit, titled Read the interviews" in lines(pilot)
        assert "  phase 1 Scope, 1 of 1 completed, folded" in lines(pilot)
        header = str(app.screen.query_one(RunHeader).render())
        assert header.lstrip().startswith(
            "deck-plan, running, 2 of 10 completed, 1 question, 1 failed, 21,000"
        )
        await pilot.press("j")
        marked = [line for line in lines(pilot) if line.startswith("> ")]
        assert len(marked) == 1


@pytest.mark.anyio
async def test_a_clock_changes_no_line_within_ten_seconds() -> None:
    run = deck(asking=False)
    run.later(-run.now().second % 10)
    app = spoken_app(run)
    async with app.run_test(size=(140, 40)) as pilot:
        await still(pilot)
        header = app.screen.query_one(RunHeader)
        seen = lines(pilot), str(header.render())
        run.later(9)
        assert (lines(pilot), str(header.render())) == seen
        run.later(51)
        assert (lines(pilot), str(header.render())) != seen


@pytest.mark.parametrize("width", [1, 2, 5, 30, 80])
def test_a_sentence_fills_its_line(width: int) -> None:
    spans = sentence_line(
        "step a, running, working for 4 minutes, titled Collect all prices", width, cursor=True
    )
    assert sum(len(span.text) for span in spans) == width


def test_at_80x24(snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert snap_compare(spoken_app(deck()), terminal_size=(80, 24), run_before=still)


@pytest.mark.anyio
async def test_no_bar_stands_beside_rows_that_scroll() -> None:
    app = spoken_app(deck())
    async with app.run_test(size=(80, 16)) as pilot:
        await still(pilot)
        tree = app.screen.query_one(RunTree)
        assert tree.max_scroll_y > 0
        assert tree.scrollable_content_region.width == 80
