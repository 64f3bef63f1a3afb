"""Lines of the list to begin with, at every width."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.plan.find import FoundPlan
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.home_rows import HomeRow, home_rows, matches, plan_line, run_line
from tests.tui.support.run_double import START

LADDER = (30, 40, 50, 60, 80, 100, 120, 160, 200)


def info(status: str = "failed", **more: object) -> RunInfo:
    facts: dict[str, object] = {
        "run_id": "7f3a9c",
        "plan_id": "deck",
        "title": "Create a product pitch deck",
        "status": status,
        "created_at": START,
        "updated_at": START - timedelta(hours=2),
        "steps": 10,
        "counts": {"completed": 4, "failed": 1},
        "cost_usd": 0.46,
    }
    return RunInfo(**{**facts, **more})  # type: ignore[arg-type]  # one dict of differently typed values


def line(run: RunInfo, width: int) -> str:
    return "".join(span.text for span in run_line(run, frozenset(), START, width))


@pytest.mark.parametrize("width", LADDER)
def test_a_run_fills_the_width_and_always_says_its_state_and_age(width: int) -> None:
    said = line(info(), width)
    assert cell_len(said) == width
    assert "failed" in said
    assert "2h" in said
    asks = line(info("waiting_user", open_asks=2), width)
    assert "? 2 to" in asks


def test_a_wide_line_has_it_all() -> None:
    said = line(info(), 120)
    assert said.split() == [
        *("7f3a9c", "Create", "a", "product", "pitch", "deck"),
        *("failed", "[####------]", "4/10", "✗1", "$0.46", "2h", "ago"),
    ]


@given(st.text(max_size=80), st.integers(0, 200))
def test_any_title_fits_any_width(title: str, width: int) -> None:
    assert cell_len(line(info(title=title), width)) == width
    plan = FoundPlan(Path("/p/plan.json"), title, 3)
    assert sum(cell_len(span.text) for span in plan_line(plan, Path("/p"), width)) == width


def test_an_ended_run_needs_nobody_even_with_a_question_left() -> None:
    runs = [info("cancelled", open_asks=1)]
    assert [row.spans[0].text for row in home_rows(runs, [], frozenset(), folder="here") if row.spans] == [
        "Runs"
    ]


def test_a_filter_takes_every_word_anywhere_in_the_row() -> None:
    row = HomeRow("run", "run:7f3a9c", run=info("running"))
    assert matches(row, ["7f3", "deck"], frozenset())
    assert matches(row, ["interrupted"], frozenset())
    assert not matches(row, ["interrupted"], frozenset({"7f3a9c"}))
    plan = HomeRow("plan", "p", plan=FoundPlan(Path("/p/x.py"), "Research", 0, is_workflow=True))
    assert matches(plan, ["workflow", "resea"], frozenset())
    assert not matches(HomeRow("text", ""), ["x"], frozenset())
