"""Which rows the list to begin with has."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from piplan_tui.plan.find import FoundPlan
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.home_rows import HomeRow, home_rows, matches
from tests.tui.support.run_double import START


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
