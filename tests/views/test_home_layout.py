"""Lines of the list to begin with, at every width."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.plan.find import FoundPlan
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.home_layout import heading_line, home_widths, plan_line, run_line
from piplan_tui.views.home_rows import HomeRow, heading
from tests.tui.support.run_double import START
from tests.views.test_home_rows import info

LADDER = (30, 40, 50, 60, 80, 100, 120, 160, 200)
FOLDER = Path("/p")


def lines(width: int, *listed: RunInfo | FoundPlan) -> list[str]:
    """The rows of a list, under a heading over runs."""
    rows = [heading("Earlier runs", over_runs=True)]
    rows += [
        HomeRow("run", one.run_id, run=one) if isinstance(one, RunInfo) else HomeRow("plan", "p", plan=one)
        for one in listed
    ]
    widths = home_widths(rows, frozenset(), FOLDER)
    drawn = []
    for row in rows:
        if row.run is not None:
            spans = run_line(row.run, frozenset(), START, width, widths)
        elif row.plan is not None:
            spans = plan_line(row.plan, FOLDER, width, widths)
        else:
            spans = list(heading_line(row, width, widths))
        drawn.append("".join(span.text for span in spans))
    return drawn


@pytest.mark.parametrize("width", LADDER)
def test_a_run_fills_the_width_and_always_says_its_state_and_age(width: int) -> None:
    _, failed, asking = lines(width, info(), info("waiting_user", open_asks=2))
    assert cell_len(failed) == cell_len(asking) == width
    assert "failed" in failed
    assert "2h" in failed
    assert "? 2 to answer" in asking
    assert "Crea" in failed


def test_a_wide_line_has_it_all() -> None:
    named, said = lines(120, info())
    assert said.split() == [
        *("7f3a9c", "Create", "a", "product", "pitch", "deck"),
        *("failed", "[####------]", "4/10", "✗1", "$0.46", "2h"),
    ]
    assert named.split() == ["Earlier", "runs", "state", "done", "cost", "age"]


@pytest.mark.parametrize("width", LADDER)
def test_a_column_stands_under_its_name(width: int) -> None:
    named, said = lines(width, info())
    assert cell_len(named) == width
    assert named.index("age") + 3 == said.index("2h") + 2
    for name, below in (("done", "4/10"), ("cost", "$0.46")):
        assert (name in named) == (below in said)
        if name in named:
            assert named.index(name) + 4 == said.index(below) + len(below)
    if "state" in named:
        assert named.index("state") == said.index("failed")


def test_a_title_has_the_room_that_no_column_needs() -> None:
    title = "Add rate limits to the orders API, twice"
    whole = lines(80, info("completed", title=title, counts={"completed": 10}, cost_usd=None))[1]
    assert title in whole
    assert "✗" not in whole
    assert "[" not in whole, "the bar goes before a title is cut"
    cut = lines(80, info("completed", title=title * 2))[1]
    assert cut.index("…  completed") == cut.index("…"), "it is cut at the next column, not before"


def test_columns_go_one_at_a_time_and_never_the_state_or_the_age() -> None:
    run = info(title="Create a product pitch deck for the seed round in May")
    shown = []
    for width in range(110, 20, -1):
        said = lines(width, run)[1]
        parts = {"bar": "[##", "cost": "$0.46", "id": "7f3a9c", "failed": "✗1", "done": "4/10"}
        shown.append([name for name, text in parts.items() if text in said])
        assert "failed" in said
        assert said.endswith("2h")
    kept = [list(names) for index, names in enumerate(shown) if index == 0 or names != shown[index - 1]]
    order = ["bar", "cost", "id", "failed", "done"]
    assert kept == [order[dropped:] for dropped in range(6)]


def test_a_plan_has_its_title_beside_its_file_and_all_of_it_where_there_is_room() -> None:
    title = "Look at a question from several angles, then write"
    plan = FoundPlan(Path("/p/research.py"), title, 0, is_workflow=True)
    assert lines(80, plan)[1].split("  ")[:2] == ["research.py", title]
    long = FoundPlan(Path("/p/research.py"), title * 2, 0, is_workflow=True)
    cut = lines(80, long, FoundPlan(Path("/p/plan.json"), "Short", 3))[1]
    assert cut.endswith("…  workflow"), "there is no gap beside what is cut"
    deep = FoundPlan(Path("/p/examples/with/a/deep/path/of/folders/plan.json"), title, 1)
    assert "plan.json" in lines(60, deep)[1].replace("…", ""), "the end of a path says which file it is"


@given(st.text(max_size=80), st.integers(0, 200))
def test_any_title_fits_any_width(title: str, width: int) -> None:
    plan = FoundPlan(Path("/p/plan.json"), title, 3)
    _, run, found = lines(width, info(title=title), plan)
    assert cell_len(run) == cell_len(found) == width
