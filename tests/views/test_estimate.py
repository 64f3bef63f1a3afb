"""The estimate: only with a basis, never much work, and never the user's own time."""

from __future__ import annotations

from typing import Any

import pytest

from piplan_tui.run import events as ev
from piplan_tui.views.critical_path import StepTimes
from piplan_tui.views.estimate import Estimate, estimate_text
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import AUDIENCE, step

SECONDS = 60


def chain_and_more(*, slots: int = 4) -> RunDouble:
    """Three steps done in a minute each; a chain of two, and four on their own, are to come."""
    done = [step(f"done-{n}", f"Done {n}") for n in range(3)]
    chain = [step("first", "First", after=("done-0",)), step("second", "Second", after=("first",))]
    alone = [step(f"alone-{n}", f"Alone {n}", after=("done-1",)) for n in range(4)]
    run = RunDouble([*done, *chain, *alone], max_concurrency=slots)
    run.emit(ev.RunStarted())
    for n in range(3):
        run.started(f"done-{n}")
    run.later(SECONDS)
    return run


def with_basis(*, slots: int = 4) -> RunDouble:
    run = chain_and_more(slots=slots)
    for n in range(3):
        run.completed(f"done-{n}")
    return run


def test_without_three_completed_steps_there_is_no_basis() -> None:
    run = chain_and_more()
    run.completed("done-0")
    run.completed("done-1")
    assert Estimate().left(run.state, run.now()) is None
    run.completed("done-2")
    assert Estimate().left(run.state, run.now()) is not None


@pytest.mark.parametrize(("slots", "seconds"), [(100, 2 * SECONDS), (2, 3 * SECONDS), (1, 6 * SECONDS)])
def test_it_is_the_longer_of_the_chain_and_of_all_work_in_the_slots(slots: int, seconds: float) -> None:
    run = with_basis(slots=slots)
    assert Estimate().left(run.state, run.now()) == pytest.approx(seconds)


def test_steps_that_need_nobody_have_an_estimate_too() -> None:
    run = RunDouble([step(f"s{n}", f"Step {n}") for n in range(12)], max_concurrency=3)
    run.emit(ev.RunStarted())
    for n in range(3):
        run.started(f"s{n}")
    run.later(SECONDS)
    for n in range(3):
        run.completed(f"s{n}")
    assert Estimate().left(run.state, run.now()) == pytest.approx(9 * SECONDS / 3)


def test_it_counts_down_while_something_runs_and_is_worked_out_anew_rarely(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = with_basis(slots=2)
    run.started("first")
    worked_out = 0
    read = StepTimes.read

    def counted(*given: Any) -> None:
        nonlocal worked_out
        worked_out += 1
        read(*given)

    monkeypatch.setattr(StepTimes, "read", counted)
    asked = Estimate()
    begin = asked.left(run.state, run.now())
    assert begin is not None
    for n in range(40):
        run.tool("first", "read", f"file {n}", call_id=f"c{n}")
        run.later(0.1)
        assert asked.left(run.state, run.now()) == pytest.approx(begin - (n + 1) * 0.1)
    assert worked_out == 1
    run.later(2)
    asked.left(run.state, run.now())
    assert worked_out == 2


def test_a_step_that_runs_again_takes_what_it_took_when_it_was_completed() -> None:
    run = with_basis(slots=4)
    run.started("first")
    run.later(10 * SECONDS)
    run.completed("first")
    run.emit(ev.StepRetried(step_id="first"))
    assert Estimate().left(run.state, run.now()) == pytest.approx(10 * SECONDS + SECONDS)


def test_time_of_the_user_is_not_counted() -> None:
    run = with_basis()
    run.started("first")
    run.asks("first", AUDIENCE)
    asked = Estimate()
    before = asked.left(run.state, run.now())
    run.later(3_000)
    assert asked.left(run.state, run.now()) == before


def test_a_paused_or_ended_run_has_none() -> None:
    run = with_basis()
    run.emit(ev.RunPaused(by="user"))
    assert Estimate().left(run.state, run.now()) is None
    run.emit(ev.RunCancelled())
    assert Estimate().left(run.state, run.now()) is None


def test_another_state_begins_anew() -> None:
    one, other = with_basis(slots=1), with_basis(slots=100)
    asked = Estimate()
    assert asked.left(one.state, one.now()) == pytest.approx(6 * SECONDS)
    assert asked.left(other.state, other.now()) == pytest.approx(2 * SECONDS)


@pytest.mark.parametrize(
    ("seconds", "asks", "text"),
    [
        (0, 0, "~10s"),
        (34, 0, "~40s"),
        (340, 0, "~6m"),
        (340, 2, "~6m after answer"),
        (3_599, 0, "~60m"),
        (4_800, 0, "~1h20m"),
        (50_000, 0, "~13h"),
    ],
)
def test_it_is_told_roughly(seconds: float, asks: int, text: str) -> None:
    assert estimate_text(seconds, asks=asks) == text
