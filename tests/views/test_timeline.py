"""Bars add up to the time that passed; the critical path is the longest chain."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.run import events as ev
from piplan_tui.views.critical_path import StepTimes, critical_path, critical_path_spans
from piplan_tui.views.timeline import (
    StepBars,
    bar_line,
    bars,
    grouped_when_short,
    phase_bar,
    scale,
    scale_line,
    step_bar,
)
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import AUDIENCE, deck, step


def answered(run: RunDouble, step_id: str) -> None:
    run.emit(ev.AskAnswered(step_id=step_id, attempt=1, ask_id=f"ask-{step_id}", action="accept"))


def asked_twice() -> RunDouble:
    run = RunDouble([step("a", "A", "One"), step("b", "B", "One"), step("c", "C", "Two", ("a",))])
    run.emit(ev.RunStarted())
    run.started("a")
    run.later(10).asks("a", AUDIENCE)
    run.later(30)
    answered(run, "a")
    run.emit(ev.StepResumed(step_id="a", attempt=1))
    run.later(5).asks("a", AUDIENCE)
    return run.later(15)


def test_waiting_is_apart_from_working() -> None:
    run = asked_twice()
    bar = step_bar(run.state, run.state.steps["a"], run.now())
    assert bar.working == ((0, 10), (40, 45))
    assert bar.waiting == ((10, 40), (45, 60)), "one that is over, and the one that is open"
    assert bar.took == 60


def test_a_failed_attempt_is_marked_where_it_ended_and_the_next_has_its_own_bar() -> None:
    run = RunDouble([step("a", "A")])
    run.emit(ev.RunStarted())
    run.started("a")
    run.later(20).failed("a")
    run.emit(ev.StepRetried(step_id="a", attempt=1))
    run.later(10).started("a")
    run.later(10)
    bar = step_bar(run.state, run.state.steps["a"], run.now())
    assert bar.working == ((0, 20), (30, 40))
    assert bar.failures == (20,)
    line = bar_line(bar, scale(run.state, run.now(), 60, [bar]))
    assert "✗" in "".join(span.text for span in line if span.role == "failed")


def test_a_phase_waits_only_where_none_of_its_steps_works() -> None:
    run = asked_twice()
    run.started("b")
    run.later(10).completed("b")
    run.later(10)
    bar = phase_bar(run.state, "One", run.now())
    assert bar.working == ((0, 10), (40, 45), (60, 70))
    assert bar.waiting == ((10, 40), (45, 60), (70, 80))
    assert bar.steps == 2


def test_phases_stand_for_steps_when_rows_are_short() -> None:
    run = deck()
    assert not grouped_when_short(run.state, 10)
    assert grouped_when_short(run.state, 9)
    assert [bar.name for bar in bars(run.state, run.now(), grouped=True)] == [
        "Scope",
        "Research",
        "Verify",
        "Synthesize",
    ]
    assert not grouped_when_short(RunDouble([step(f"s{n}", "S") for n in range(20)]).state, 5), "one phase"


@given(st.lists(st.tuples(st.floats(0, 4_000), st.floats(0, 4_000)), max_size=6), st.integers(20, 250))
def test_bars_add_up_and_lines_are_as_wide_as_said(waits: list[tuple[float, float]], width: int) -> None:
    run = RunDouble([step("a", "日本語 " * 8)])
    run.emit(ev.RunStarted())
    run.started("a")
    for worked, waited in waits:
        run.later(worked).asks("a", AUDIENCE)
        run.later(waited)
        answered(run, "a")
        run.emit(ev.StepResumed(step_id="a", attempt=1))
    bar = step_bar(run.state, run.state.steps["a"], run.now())
    total = sum(worked + waited for worked, waited in waits)
    assert sum(end - start for start, end in bar.working + bar.waiting) == pytest.approx(total, abs=0.01)
    on = scale(run.state, run.now(), width, [bar])
    wanted = on.name_width + on.cells + 12
    assert sum(cell_len(span.text) for span in bar_line(bar, on)) == wanted
    assert sum(cell_len(span.text) for span in scale_line(on)) == wanted


def test_the_scale_has_round_marks_and_says_where_now_is() -> None:
    run = deck()
    line = "".join(span.text for span in scale_line(scale(run.state, run.now(), 80, [])))
    assert line.split() == ["0", "1m", "2m", "3m", "4m", "5m", "now"] or line.split()[0] == "0"
    assert line.rstrip().endswith("now")
    run.emit(ev.RunCancelled())
    assert "now" not in "".join(s.text for s in scale_line(scale(run.state, run.now(), 80, [])))


def test_the_critical_path_counts_the_users_minutes_apart() -> None:
    run = asked_twice()
    run.started("b")
    run.later(20).completed("b")
    path = critical_path(run.state, run.now())
    assert [found.id for found in path.steps] == ["a", "c"]
    assert path.waited == 30 + 35
    assert path.worked == 15
    assert path.left == 5 + 20, "steps take as long as the one that is done: 20 seconds"
    said = "\n".join("".join(span.text for span in line) for line in critical_path_spans(path, 80))
    assert said == "Critical path a > c\nworked 15s · waited for you 1m05s · about 25s of it left"


def test_without_a_step_that_is_done_nothing_is_guessed() -> None:
    run = asked_twice()
    path = critical_path(run.state, run.now())
    assert path.left is None
    assert path.steps[0].id == "a"


def test_a_run_that_ended_has_nothing_left() -> None:
    run = RunDouble([step("b", "B", after=("a",)), step("a", "A")])
    run.emit(ev.RunStarted())
    for name in ("a", "b"):
        run.started(name)
        run.later(10).completed(name)
    run.emit(ev.RunCompleted())
    path = critical_path(run.state, run.later(100).now())
    assert ([found.id for found in path.steps], path.worked, path.left) == (["a", "b"], 20, None)


@given(
    st.lists(st.lists(st.integers(0, 5), max_size=2, unique=True), min_size=1, max_size=6),
    st.lists(
        st.tuples(st.sampled_from(["start", "ask", "complete", "fail"]), st.integers(0, 5)), max_size=24
    ),
)
def test_what_is_remembered_changes_no_path(needs: list[list[int]], happened: list[tuple[str, int]]) -> None:
    steps = [step(f"s{n}", "S", after=tuple(f"s{m}" for m in on if m < n)) for n, on in enumerate(needs)]
    run = RunDouble(steps)
    run.emit(ev.RunStarted())
    asked_often = StepTimes()
    for what, place in happened:
        if place >= len(steps):
            continue
        name, status = f"s{place}", run.state.order[place].status
        if what == "start" and status in ("queued", "failed", "completed"):
            run.started(name)  # of a step that was done: tried again
        elif what == "ask" and status == "running":
            run.asks(name, AUDIENCE)
        elif what == "complete" and status == "running":
            run.completed(name)
        elif what == "fail" and status == "running":
            run.failed(name, "no")
        run.later(7)
        asked_often.read(run.state, run.now())
        once = StepTimes()
        once.read(run.state, run.now())
        assert asked_often.critical_path() == once.critical_path()
        assert asked_often.work_left == once.work_left


def test_a_long_chain_keeps_its_end_and_says_that_it_is_cut() -> None:
    run = RunDouble([step(f"step-{n:02}", "S", after=(f"step-{n - 1:02}",) if n else ()) for n in range(20)])
    lines = critical_path_spans(critical_path(run.state, run.now()), 60)
    text = "".join(span.text for span in lines[0])
    assert text.startswith("Critical path … > ")
    assert text.endswith("step-19")
    assert len(text) <= 60


def test_bars_that_are_kept_are_those_that_would_be_made_anew() -> None:
    run = RunDouble([step("a", "A", "One"), step("b", "B", "One"), step("c", "C", "Two", ("a",))])
    kept = StepBars()
    happens: list[Callable[[], object]] = [
        lambda: run.emit(ev.RunStarted()),
        lambda: run.started("a"),
        lambda: run.later(10).asks("a", AUDIENCE),
        lambda: run.later(5).started("b"),
        lambda: answered(run, "a"),
        lambda: run.emit(ev.StepResumed(step_id="a", attempt=1)),
        lambda: run.later(5).completed("a"),
        lambda: run.failed("b"),
        lambda: run.emit(ev.StepRetried(step_id="b", attempt=1)),
        lambda: run.later(5).started("b"),
        lambda: run.started("c"),
        lambda: run.later(5).completed("b"),
        lambda: run.completed("c"),
    ]
    for happen in happens:
        happen()
        run.later(3)
        for grouped in (True, False):
            for critical in (frozenset[str](), frozenset({"a", "c"})):
                anew = bars(run.state, run.now(), grouped=grouped, critical=critical)
                assert bars(run.state, run.now(), grouped=grouped, critical=critical, steps=kept) == anew
    assert kept.bar(run.state, run.state.steps["b"], run.now()) is kept.bar(
        run.state, run.state.steps["b"], run.now()
    )
