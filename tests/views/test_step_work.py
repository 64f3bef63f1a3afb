from __future__ import annotations

import pytest

from piplan_tui.run import events as ev
from piplan_tui.run.events import PlanEntry
from piplan_tui.views.step_work import MAX_ROWS, WorkRow, has_work, work_keys, work_row
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import step


def running() -> RunDouble:
    run = RunDouble([step("a", "A")])
    run.emit(ev.RunStarted())
    run.started("a")
    return run


def planned(run: RunDouble, *entries: tuple[str, str]) -> None:
    plan = [PlanEntry(text=text, status=status) for text, status in entries]  # type: ignore[arg-type]  # the literals are states
    run.emit(ev.SessionPlanned(step_id="a", attempt=1, entries=plan))


def rows_of(run: RunDouble, limit: int = MAX_ROWS) -> list[WorkRow]:
    step, now = run.state.steps["a"], run.now()
    rows = (work_row(step, key, now, limit=limit) for key in work_keys(step, limit=limit))
    return [row for row in rows if row is not None]


def lines(run: RunDouble, limit: int = 12) -> list[str]:
    rows = rows_of(run, limit)
    return ["".join(span.text for span in row.spans) + f" {row.elapsed}".rstrip() for row in rows]


def test_open_tools_come_first_then_the_to_do_list() -> None:
    run = running()
    assert lines(run) == []
    assert not has_work(run.state.steps["a"])
    run.tool("a", "bash", "npm test\n[/]\x1b[31m", call_id="1")
    run.later(5)
    run.tool("a", "read", "brief.md", call_id="2")
    run.later(60)
    planned(run, ("look", "completed"), ("write", "in_progress"), ("check", "pending"))
    assert lines(run) == [
        "bash npm test [/] 1:05",
        "read brief.md 1:00",
        "[x] look",
        "[>] write",
        "[ ] check",
    ]


def test_a_tool_that_ended_and_a_step_that_ended_leave_nothing() -> None:
    run = running()
    run.tool("a", "bash", "x", ended=True)
    assert lines(run) == []
    planned(run, ("look", "pending"))
    assert has_work(run.state.steps["a"])
    run.completed("a")
    assert lines(run) == []
    assert not has_work(run.state.steps["a"])


@pytest.mark.parametrize("done", [0, 10, 29])
def test_of_a_long_list_what_is_being_done_is_seen(done: int) -> None:
    run = running()
    run.tool("a", "bash", "x")
    planned(run, *((f"entry {n}", "completed" if n < done else "pending") for n in range(30)))
    shown = lines(run, limit=6)
    assert len(shown) == 6
    assert f"[ ] entry {done}" in shown
    assert shown[-1] == "… 26 more"


def test_every_row_has_a_name_of_its_own() -> None:
    run = running()
    for number in range(30):
        run.tool("a", "bash", "same", call_id=str(number))
    rows = rows_of(run)
    assert len({row.key for row in rows}) == len(rows) == 12
