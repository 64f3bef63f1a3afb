"""What rows say."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.agents.acp.failures import died, not_logged_in
from piplan_tui.agents.failures import provider_failure
from piplan_tui.agents.pi.failures import no_model, not_found
from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.run import events as ev
from piplan_tui.run.state import StepState
from piplan_tui.views.formatting import agent_label, ordinal, short_duration
from piplan_tui.views.line import as_sentence, one_line
from piplan_tui.views.phase_row import phase_cells, phase_dependencies, phase_status
from piplan_tui.views.questions import ask_order, question
from piplan_tui.views.step_row import queue_positions, step_cells, step_note
from piplan_tui.views.why import why
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import DECK, deck, step


def note(run: RunDouble, step_id: str) -> str:
    found = run.state.steps[step_id]
    return step_note(run.state, found, run.now(), last_activity=run.last_activity(step_id)).text


def why_text(run: RunDouble, step_id: str) -> str:
    return "".join(span.text for span in why(run.state, run.state.steps[step_id], run.now()).spans)


def test_a_row_that_does_not_run_says_why() -> None:
    run = deck()
    assert note(run, "topic-choice") == "NEEDS YOU 3m: Which audience should the deck target?"
    assert note(run, "interviews") == "429 rate limit"
    assert note(run, "survey") == "blocked by interviews"
    assert note(run, "synthesize") == "blocked by interviews", "the root, not the step between"
    run.emit(ev.StepRetried(step_id="interviews", attempt=1))
    assert note(run, "survey") == "waits: topic-choice, interviews"
    assert note(run, "check-numbers") == "waits: survey, pricing"


def test_a_running_row_says_what_it_does_and_when_it_went_silent() -> None:
    run = deck(asking=False)
    assert note(run, "topic-choice") == "working"
    run.tool("topic-choice", "bash", "npm test")
    assert note(run, "topic-choice") == "bash npm test"
    run.silent_since["topic-choice"] = run.clock
    run.later(179)
    assert note(run, "topic-choice") == "bash npm test"
    run.later(11)
    assert note(run, "topic-choice") == "! silent 3m10s (bash)"
    run.later(600)
    assert note(run, "topic-choice").startswith("!!! silent 13m10s")


def test_a_provider_retry_counts_down() -> None:
    run = deck(asking=False)
    run.emit(
        ev.SessionRetrying(
            step_id="pricing", attempt=1, retry=2, max_retries=3, delay_seconds=60, error="429 rate limit"
        )
    )
    run.later(12)
    assert note(run, "pricing") == "429 rate limit, try 2 of 3 in 0:48"


def test_queued_rows_know_their_place() -> None:
    run = RunDouble([step(f"s{n}", f"Step {n}") for n in range(4)])
    run.emit(ev.RunStarted())
    run.started("s0")
    assert queue_positions(run.state) == {"s1": 1, "s2": 2, "s3": 3}
    queued = run.state.steps["s3"]
    assert step_note(run.state, queued, run.now(), queue_position=3).text == "queue 3rd"
    run.emit(ev.RunPaused())
    assert step_note(run.state, queued, run.now(), queue_position=3).text == "the run is paused"
    assert "paused" in why_text(run, "s3")


def test_before_the_start_a_row_says_its_dependencies_in_words() -> None:
    run = RunDouble(DECK)
    assert note(run, "scope") == "can start at once · Agree on the scope"
    assert note(run, "check-numbers") == "after survey, pricing · Check the numbers"


def test_unknown_is_not_zero() -> None:
    run = RunDouble([step("a", "A")])
    run.emit(ev.RunStarted())
    cells = step_cells(run.state, run.state.steps["a"], run.now())
    assert (cells.tokens, cells.money, cells.tools, cells.elapsed) == ("", "", "", "")
    run.started("a")
    run.later(5)
    running = step_cells(run.state, run.state.steps["a"], run.now())
    assert (running.tokens, running.money, running.elapsed) == ("", "", "0:05")
    run.completed("a")
    done = step_cells(run.state, run.state.steps["a"], run.later(60).now())
    assert (done.tokens, done.money, done.elapsed) == ("?", "?", "0:05")


def test_a_second_try_counts_what_the_first_one_cost() -> None:
    run = deck(asking=False)
    run.emit(ev.StepRetried(step_id="interviews", attempt=1))
    run.started("interviews")
    run.used("interviews", 1_000, 0.01)
    run.failed("interviews", "timeout")
    cells = step_cells(run.state, run.state.steps["interviews"], run.now())
    assert (cells.tokens, cells.money, cells.note) == ("7.0k", "$0.10", "timeout, 2 attempts")


@pytest.mark.parametrize(
    ("failure", "short"),
    [
        (provider_failure("429 Too Many Requests", "gpt-5"), "…429 Too Many Requests"),
        (
            provider_failure('401 {"type":"error","error":{"message":"invalid x-api-key"}}'),
            "…401 invalid x-api-key",
        ),
        (provider_failure("overloaded: try later"), "…overloaded: try later"),
        (
            died("codex", 1, "Error: no space left on device", during="a turn"),
            "…Error: no space left on device",
        ),
        (died("codex", 1, "", during="a turn"), "codex ended a turn (exit code 1)"),
        (not_found("pi"), "pi was not found on PATH…"),
        (no_model(), "pi has no model that it can use…"),
        (not_logged_in("codex", "run codex login", (), "codex"), "codex is not logged in…"),
        (AgentFailure("hung", "pi did not answer"), "pi did not answer"),
        (AgentFailure("provider", "no room: 3 GB wanted"), "no room: 3 GB wanted"),
        (AgentFailure("result", "the tests fail: 3 of 40"), "the tests fail: 3 of 40"),
    ],
)
def test_a_failure_in_short_keeps_its_reason(failure: AgentFailure, short: str) -> None:
    run = deck(asking=False)
    run.emit(ev.StepFailed(step_id="pricing", attempt=1, error=failure.message, kind=failure.kind))
    step_ = run.state.steps["pricing"]
    cells = step_cells(run.state, step_, run.now())
    assert cells.note == failure.message
    assert cells.short_note == short
    run.emit(ev.StepRetried(step_id="pricing", attempt=1))
    run.started("pricing")
    run.emit(ev.StepFailed(step_id="pricing", attempt=2, error=failure.message, kind=failure.kind))
    assert step_cells(run.state, step_, run.now()).short_note == f"{short}, 2 attempts"


def test_of_a_title_that_says_no_more_than_the_id_the_end_is_kept() -> None:
    run = RunDouble(
        [
            step("review-src", "Review src/server.py"),
            step("review-src-2", "Review src/client.py"),
            step("map-code", "Map the request path"),
        ]
    )
    run.emit(ev.RunStarted())
    for found in run.state.order:
        run.started(found.id)
        run.completed(found.id)
    shorts = [step_cells(run.state, found, run.now()).short_note for found in run.state.order]
    assert shorts == ["Review src/server.py", "Review src/client.py", ""]


def test_phases() -> None:
    run = deck()
    phases = run.state.phases
    assert [phase_status(phase) for phase in phases.values()] == [
        "completed",
        "running",
        "blocked",
        "blocked",
    ]
    cells = phase_cells(run.state, phases["Research"])
    assert [span.text for span in cells.progress] == ["1/6", "?1", "✗1", "⊝1"]
    assert phase_dependencies(run.state)["Verify"] == ("Research",)
    run.emit(ev.StepRetried(step_id="interviews", attempt=1))
    assert (
        phase_cells(run.state, phases["Verify"], waits_for=("Scope", "Research")).note == "waits: 2 Research"
    )


def test_why_names_what_is_needed_and_the_keys_that_help() -> None:
    run = deck()
    assert why_text(run, "survey") == "survey is blocked by interviews (failed: 429 rate limit)"
    run.emit(ev.StepRetried(step_id="interviews", attempt=1))
    answer = why(run.state, run.state.steps["survey"], run.now())
    assert "".join(s.text for s in answer.spans) == (
        "survey needs topic-choice (waits for you 3m12s) and interviews (queued)"
    )
    assert answer.hints == (("run.next_ask", "go to it"),)


def test_every_state_has_an_answer() -> None:
    run = deck()
    for found in run.state.order:
        assert why_text(run, found.id).startswith(found.id)


def test_asks_by_urgency_then_what_they_free_then_age() -> None:
    run = RunDouble([step("a", "A"), step("b", "B"), step("c", "C"), step("d", "D", after=("b",))])
    run.emit(ev.RunStarted())
    for name in "abc":
        run.started(name)
    run.asks("a", {"message": "first"})
    run.asks("b", {"message": "frees d"})
    run.asks("c", {"message": "urgent", "urgency": "high"})
    assert [ask.step_id for ask in ask_order(run.state)] == ["c", "b", "a"]


@pytest.mark.parametrize(
    ("request_", "shown"),
    [
        ({"title": "Audience", "message": "Which?"}, "Audience"),
        ({"message": "Which\nof these?"}, "Which of these?"),
        ({"questions": [{"question": "Which?"}]}, "Which?"),
        ("Which?", "Which?"),
        ({"fields": []}, "an answer"),
        (None, "an answer"),
        ({"message": "\x1b]0;owned\x07Which?"}, "Which?"),
    ],
)
def test_the_question_of_any_shape(request_: object, shown: str) -> None:
    run = RunDouble([step("a", "A")])
    run.started("a")
    run.asks("a", request_)
    assert question(run.state.asks["ask-a"]) == shown


@pytest.mark.parametrize(
    ("agent", "model", "label"),
    [
        ("pi", "anthropic/claude-sonnet-4-5-20250929", "pi sonnet-4-5"),
        ("acp:codex", "", "codex"),
        ("command:./run.sh", "", "command"),
        ("demo", "demo", "demo"),
        ("pi", "gpt-5", "pi gpt-5"),
    ],
)
def test_agent_labels(agent: str, model: str, label: str) -> None:
    assert agent_label(agent, model) == label


def test_ordinals_and_durations() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 112)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "112th"]
    )
    assert [short_duration(n) for n in (-1, 0, 59, 60, 3_599, 3_600, 86_400)] == (
        ["0s", "0s", "59s", "1m", "59m", "1h", "1d"]
    )


@given(st.text())
def test_foreign_text_is_one_harmless_line(text: str) -> None:
    line = one_line(text)
    assert "\n" not in line
    assert not any(ord(char) < 32 or 127 <= ord(char) < 160 for char in line)


@given(st.text(), st.text())
def test_a_step_of_any_name_has_a_row(title: str, error: str) -> None:
    run = RunDouble([{"id": "a", "title": title, "goal": "g", "dependsOn": []}])
    run.emit(ev.RunStarted())
    run.started("a")
    run.failed("a", error)
    found: StepState = run.state.steps["a"]
    cells = step_cells(run.state, found, run.now() + timedelta(days=3))
    assert "\x1b" not in cells.note + cells.name


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("there is no run", "There is no run"),
        ("the run is paused", "The run is paused"),
        ("d3c1b456 is cancelled", "d3c1b456 is cancelled"),
        ("survey has not been tried yet", "survey has not been tried yet"),
        ("check-numbers is running; stop it first", "check-numbers is running; stop it first"),
        ("", ""),
    ],
)
def test_a_sentence_changes_no_id(text: str, sentence: str) -> None:
    assert as_sentence(text) == sentence
