"""A run in sentences."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest

from piplan_tui.run import events as ev
from piplan_tui.run.state import StepStatus
from piplan_tui.views.formatting import GLYPHS, SPINNER
from piplan_tui.views.spoken import (
    calm,
    header_sentences,
    phase_sentence,
    said_clock,
    said_duration,
    said_money,
    said_tokens,
    step_sentence,
)
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import DECK, deck, step


def said(run: RunDouble, step_id: str, position: int = 0) -> str:
    found = run.state.steps[step_id]
    return step_sentence(
        run.state, found, run.now(), queue_position=position, last_activity=run.last_activity(step_id)
    )


def every_state() -> dict[StepStatus, str]:
    """A sentence for each state, from runs that real events brought there."""
    run = deck()
    found = {
        run.state.steps[name].status: said(run, name) for name in ("scope", "topic-choice", "interviews")
    }
    found["blocked"] = said(run, "synthesize")
    run.tool("pricing", "bash", "npm test")
    found["running"] = said(run, "pricing")
    run.emit(
        ev.SessionRetrying(
            step_id="pricing", attempt=1, retry=2, max_retries=3, delay_seconds=60, error="429 rate limit"
        )
    )
    found["retrying"] = said(run, "pricing")
    run.emit(ev.StepRetried(step_id="interviews", attempt=1))
    found["queued"] = said(run, "interviews", 2)
    found["pending"] = said(run, "survey")
    run.state.steps["competitors"].status = "paused"
    found["paused"] = said(run, "competitors")
    run.state.steps["competitors"].status = "cancelled"
    found["cancelled"] = said(run, "competitors")
    run.state.steps["competitors"].status = "skipped"
    found["skipped"] = said(run, "competitors")
    run.state.steps["competitors"].status = "reused"
    run.state.steps["competitors"].reused_from = "a1b2/competitors"
    found["reused"] = said(run, "competitors")
    return found


def test_every_state_is_said_in_words() -> None:
    assert every_state() == {
        "completed": "step scope, completed in 38 seconds, 2,100 tokens, 0.02 dollars, titled Agree on the scope",
        "waiting_user": "step topic-choice, waiting for you 3 minutes, asks: Which audience should the deck target?,"
        " titled Choose the topic",
        "failed": "step interviews, failed, 429 rate limit, titled Read the interviews",
        "blocked": "step synthesize, blocked by interviews, which failed, titled Write the deck",
        "running": "step pricing, running, warning: silent for 4 minutes, uses bash npm test, for 5 minutes,"
        " titled Collect prices",
        "retrying": "step pricing, retrying, 429 rate limit, try 2 of 3 in 1 minute, titled Collect prices",
        "queued": "step interviews, queued, 2nd in the queue, titled Read the interviews",
        "pending": "step survey, pending, waits for topic-choice and interviews, titled Summarise the survey",
        "paused": "step competitors, paused, titled Compare competitors",
        "cancelled": "step competitors, cancelled, titled Compare competitors",
        "skipped": "step competitors, skipped, the run goes on without it, titled Compare competitors",
        "reused": "step competitors, reused from a1b2/competitors, titled Compare competitors",
    }


@pytest.mark.parametrize("status", get_args(StepStatus))
def test_no_state_is_a_sign(status: StepStatus) -> None:
    sentence = every_state()[status]
    assert sentence.isascii()
    assert not set(sentence) & ({*GLYPHS.values(), *SPINNER} - {"-", "?"})


def test_phases() -> None:
    run = deck()
    phases = run.state.phases
    assert (
        phase_sentence(run.state, phases["Scope"], folded=True) == "phase 1 Scope, 1 of 1 completed, folded"
    )
    assert phase_sentence(run.state, phases["Research"]) == (
        "phase 2 Research, 1 of 6 completed, 1 asks you, 1 failed, 2 running, 1 blocked"
    )
    run.emit(ev.StepRetried(step_id="interviews", attempt=1))
    assert phase_sentence(run.state, phases["Verify"], waits_for=("Scope", "Research")) == (
        "phase 3 Verify, 0 of 2 completed, waits for phase 2 Research"
    )


def test_before_the_start() -> None:
    run = RunDouble(DECK)
    assert said(run, "scope") == "step scope, can start at once, titled Agree on the scope"
    assert (
        said(run, "check-numbers") == "step check-numbers, after survey and pricing, titled Check the numbers"
    )
    assert phase_sentence(run.state, run.state.phases["Scope"]) == "phase 1 Scope, 1 step"
    assert header_sentences(run.state, run.now(), 200)[0].startswith(
        "deck-plan, not started, 0 of 10 completed, "
    )


def test_the_header() -> None:
    run = deck()
    assert header_sentences(run.state, run.now(), 78, left=360) == (
        "deck-plan, running, 2 of 10 completed, 1 question, 1 failed, 21,000 tokens",
        "0.27 dollars, about 6 minutes left after your answer, for 5 minutes, Create a product pitch deck, run 7f3a",
    )


def test_an_estimate_is_told_in_tens_of_seconds() -> None:
    run = deck()
    told = {header_sentences(run.state, run.now(), 78, left=left) for left in (16, 18, 22)}
    assert len(told) == 1
    assert "about 20 seconds left" in told.pop()[1]


def test_many_dependencies_are_counted() -> None:
    names = tuple(f"s{n}" for n in range(5))
    run = RunDouble([*(step(name, name) for name in names), step("last", "last", after=names)])
    run.emit(ev.RunStarted())
    assert said(run, "last") == "step last, pending, waits for s0, s1, s2 and 2 more"


def test_a_question_cannot_break_the_line_or_write_to_the_terminal() -> None:
    run = RunDouble([step("a", "a")])
    run.emit(ev.RunStarted())
    run.started("a")
    run.asks("a", {"message": "Which?\n\x1b[31mred\x07"})
    assert "\n" not in said(run, "a")
    assert said(run, "a").isprintable()


def test_a_clock_moves_every_ten_seconds() -> None:
    run = deck()
    start = calm(run.now())
    moments = {calm(start + timedelta(seconds=n, microseconds=7)) for n in range(30)}
    assert moments == {start, start + timedelta(seconds=10), start + timedelta(seconds=20)}


def test_a_clock_is_not_told_before_it_can_move() -> None:
    assert [said_clock(n) for n in (-3, 0, 9.9, 10, 47, 61)] == (
        ["", "", "", "10 seconds", "40 seconds", "1 minute"]
    )
    run = RunDouble([step("a", "a")])
    run.emit(ev.RunStarted())
    run.started("a")
    assert said(run, "a") == "step a, running, working"
    run.asks("a", {"message": "Which?"})
    assert said(run, "a") == "step a, waiting for you, asks: Which?"


def test_numbers_in_words() -> None:
    assert [said_duration(n) for n in (-1, 1, 59, 60, 3_599, 3_660, 7_200, 90_000, 172_800)] == [
        "0 seconds",
        "1 second",
        "59 seconds",
        "1 minute",
        "59 minutes",
        "1 hour 1 minute",
        "2 hours",
        "1 day 1 hour",
        "2 days",
    ]
    assert [said_tokens(n) for n in (0, 1, 812, 9_999, 26_912, 1_234_567)] == (
        ["0 tokens", "1 token", "812 tokens", "9,999 tokens", "27,000 tokens", "1,200,000 tokens"]
    )
    assert [said_money(n) for n in (0, 0.0042, 0.36, 1_204)] == (
        ["0.00 dollars", "0.0042 dollars", "0.36 dollars", "1,204 dollars"]
    )
