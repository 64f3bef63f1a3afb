"""The header at every width."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.run import events as ev
from piplan_tui.views.header import Chip, fit_chips, header_lines
from piplan_tui.views.line import Span
from piplan_tui.views.step_row import step_note
from piplan_tui.views.why import why
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import deck, step

LADDER = (30, 40, 50, 60, 80, 100, 120, 160, 200)


def lines(run: RunDouble, width: int) -> tuple[str, str]:
    first, second = header_lines(run.state, run.now(), width)
    return "".join(span.text for span in first), "".join(span.text for span in second)


@pytest.mark.parametrize("width", LADDER)
def test_every_rung_is_exactly_as_wide_as_the_screen(width: int) -> None:
    for line in lines(deck(), width):
        assert cell_len(line) == width


@pytest.mark.parametrize("width", LADDER)
def test_failures_questions_and_the_state_are_always_there(width: int) -> None:
    first, second = lines(deck(), width)
    assert "RUNNING" in first
    assert "✗1" in second
    assert "?1" in second


def test_chips_drop_one_at_a_time() -> None:
    run = deck()
    known = ("slots 2/4", "20.7k tok", "$0.27 of $5.00", "[", "2/10", "⊝4")
    seen = [sum(chip in lines(run, width)[1] for chip in known) for width in range(120, 29, -1)]
    assert seen[0] == len(known)
    assert all(before - after <= 1 for before, after in pairwise(seen))


@pytest.mark.parametrize("width", LADDER)
def test_the_estimate_is_the_first_to_drop_and_takes_nothing_else_away(width: int) -> None:
    run = deck()
    known = ("slots 2/4", "20.7k tok", "$0.27 of $5.00", "2/10", "⊝4", "✗1", "?1")
    without = lines(run, width)[1]
    _, spans = header_lines(run.state, run.now(), width, left=340.0)
    with_it = "".join(span.text for span in spans)
    assert cell_len(with_it) == width
    assert [chip in with_it for chip in known] == [chip in without for chip in known]
    assert ("~6m after answer" in with_it) is (width >= 100)


def test_80_columns() -> None:
    first, second = lines(deck(), 80)
    assert first.startswith(" deck-plan · Create a product pitch deck  plan.json")
    assert first.endswith("run 7f3a  RUNNING 5:54 ")
    assert second.endswith(" 2/10  slots 2/4  20.7k tok  $0.27 of $5.00 ")


def test_an_ended_run_says_why() -> None:
    run = RunDouble([step("a", "A")])
    run.emit(ev.RunStarted())
    run.started("a")
    run.failed("a", "no such model")
    run.emit(ev.RunFailed(reason="a: no such model", failed_steps=["a"]))
    first, second = lines(run, 100)
    assert "FAILED" in first
    assert second.rstrip().endswith("a: no such model")


def test_a_limited_provider_is_named_with_the_time_at_which_it_goes_on() -> None:
    run = RunDouble([step("a", "A"), step("b", "B")])
    run.emit(ev.RunStarted())
    until = run.now() + timedelta(minutes=3)
    run.emit(ev.ProviderLimited(provider="pi", until=until, reason="429 slow down\x1b[31m"))
    said = f"rate limit until {until.astimezone():%H:%M}"
    assert lines(run, 120)[1].rstrip().endswith(f"pi: {said}")
    step_b = run.state.steps["b"]
    assert step_note(run.state, step_b, run.now()).text == said
    told = "".join(span.text for span in why(run.state, step_b, run.now()).spans)
    assert told == f"b waits: {said} · pi: 429 slow down"
    run.later(200)
    assert "one step tries" in lines(run, 120)[1]
    run.emit(ev.ProviderRecovered(provider="pi"))
    assert "rate limit" not in lines(run, 120)[1]
    assert step_note(run.state, step_b, run.now(), queue_position=2).text == "queue 2nd"


def test_the_bar_is_full_only_at_the_end() -> None:
    run = RunDouble([step(f"s{n}", "S") for n in range(1_000)], max_concurrency=1_000)
    run.emit(ev.RunStarted())
    for n in range(999):
        run.started(f"s{n}")
        run.completed(f"s{n}")
    assert "-]" in lines(run, 120)[1]


texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Mn", "Me")), max_size=30)


@given(
    st.lists(
        st.builds(
            lambda t, r, g: Chip((Span(t),), r, least=6, grow=g), texts, st.integers(0, 99), st.booleans()
        )
    ),
    st.integers(0, 120),
)
def test_any_chips_fit_any_width(chips: list[Chip], width: int) -> None:
    assert sum(cell_len(span.text) for span in fit_chips(chips, width)) == width
