"""What the text tabs of a step say."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator

import pytest

from piplan_tui.run import events as ev
from piplan_tui.tui.step_detail import answers_lines, attempts_lines, context_lines
from piplan_tui.views.line import Span
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import step


@pytest.fixture
def in_tokyo(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    with monkeypatch.context() as there:
        there.setenv("TZ", "Asia/Tokyo")
        time.tzset()
        yield
    time.tzset()


def text(spans: Iterable[Span]) -> str:
    return "".join(span.text for span in spans)


def answered() -> RunDouble:
    run = RunDouble([step("a", "Ask")])
    run.emit(ev.RunStarted())
    run.started("a")
    ask_id = run.asks("a", {"message": "Name?"})
    run.emit(ev.AskAnswered(step_id="a", attempt=1, ask_id=ask_id, action="accept"))
    return run


@pytest.mark.usefixtures("in_tokyo")
def test_every_tab_tells_the_same_time_of_day() -> None:
    run = answered()
    state = run.state.steps["a"]
    assert "you answered (23:02)" in text(answers_lines(state))
    tries = text(attempts_lines(state, run.now()))
    assert "2026-03-02 23:02:00  " in tries
    assert "\n23:02:00 answered by you" in tries


@pytest.mark.parametrize(("count", "said"), [(1, "a result 1 time"), (2, "a result 2 times")])
def test_repeated_prompts_are_counted(count: int, said: str) -> None:
    run = answered()
    attempt = run.state.steps["a"].attempts[0]
    attempt.reprompts = count
    assert (
        text(attempts_lines(run.state.steps["a"], run.now()))
        .partition("asked again for ")[2]
        .startswith(said)
    )


def test_what_is_left_out_is_counted() -> None:
    needed = [step(f"s{n:02}", f"Step {n}") for n in range(25)]
    run = RunDouble([*needed, step("last", "Last", after=tuple(one["id"] for one in needed))])
    said = text(context_lines(run.state, run.state.steps["last"]))
    assert "s19" in said
    assert "s20" not in said
    assert "… 5 more" in said
