from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.run import events as ev
from piplan_tui.run.model import Usage
from piplan_tui.run.reduce import fold, reduce
from piplan_tui.run.state import BROKEN, SATISFIED, RunState
from tests.run.plans import graphs, plan_document

T0 = ev.EPOCH


def begun(edges: dict[str, list[str]], **fields: Any) -> RunState:
    state = RunState()
    emit(
        state,
        ev.RunCreated(
            run_id="r",
            title="Plan",
            plan_id="p",
            workspace="/w",
            mode="parallel",
            max_concurrency=2,
            agent="demo",
        ),
    )
    emit(state, ev.PlanCreated(plan=plan_document(edges, **fields)))
    emit(state, ev.RunStarted())
    return state


def emit(state: RunState, event: ev.RuntimeEvent, *, after: float = 1.0) -> None:
    event.seq = state.seq + 1
    event.at = state.at + timedelta(seconds=after)
    reduce(state, event)


def statuses(state: RunState) -> dict[str, str]:
    return {step.id: step.status for step in state.order}


def expected_resting(state: RunState) -> dict[str, str]:
    """Where the steps that have not started must stand, worked out anew from their dependencies."""
    result: dict[str, str] = {}

    def resting(step_id: str) -> str:
        step = state.steps[step_id]
        if step.status not in ("pending", "queued", "blocked"):
            return step.status
        if step_id not in result:
            needed = [resting(dependency) for dependency in step.depends_on]
            if any(status in BROKEN for status in needed):
                result[step_id] = "blocked"
            else:
                result[step_id] = "queued" if all(status in SATISFIED for status in needed) else "pending"
        return result[step_id]

    return {step.id: resting(step.id) for step in state.order}


@given(graphs(), st.data())
def test_dependents_follow_their_dependencies_whatever_happens(
    edges: dict[str, list[str]], data: st.DataObject
) -> None:
    state = begun(edges)
    for _ in range(data.draw(st.integers(0, 25))):
        step = state.steps[data.draw(st.sampled_from(sorted(edges)))]
        kind = data.draw(
            st.sampled_from(
                [
                    ev.StepStarted,
                    ev.StepCompleted,
                    ev.StepFailed,
                    ev.StepCancelled,
                    ev.StepSkipped,
                    ev.StepRetried,
                ]
            )
        )
        number = step.attempt.number if step.attempt else 0
        if kind is ev.StepStarted:
            if step.status != "queued":
                continue
            number += 1
        more = {"error": "no"} if kind is ev.StepFailed else {}
        emit(state, kind(step_id=step.id, attempt=number, **more))
        assert statuses(state) == expected_resting(state)
        for status, count in state.counts.items():
            assert count == sum(1 for other in state.order if other.status == status)
        ready = [other.index for other in state.order if other.status == "queued"]
        first = state.first_ready()
        assert (first.index if first else None) == (min(ready) if ready else None)
        for other in state.order:
            blocker = state.blocker(other)
            assert (blocker is not None) == (other.status == "blocked")
            assert blocker is None or blocker.status in ("failed", "cancelled")


def test_unknown_events_and_unknown_steps_change_only_the_sequence() -> None:
    state = begun({"a": []})
    before = statuses(state)
    emit(state, ev.UnknownEvent(raw={"type": "later"}))
    emit(state, ev.StepCompleted(step_id="nowhere", attempt=1))
    assert statuses(state) == before
    assert state.seq == 5


def test_usage_is_added_up_by_step_phase_and_run_and_unknown_is_not_zero() -> None:
    state = begun({"a": [], "b": []})
    for step_id in ("a", "b"):
        emit(state, ev.StepStarted(step_id=step_id, attempt=1))
    assert state.usage.tokens is None
    emit(state, ev.SessionUsage(step_id="a", attempt=1, usage=Usage(input=100, output=10, cost_usd=0.5)))
    emit(state, ev.SessionUsage(step_id="a", attempt=1, usage=Usage(input=150, output=30, cost_usd=0.75)))
    emit(state, ev.SessionUsage(step_id="b", attempt=1, usage=Usage(input=1, output=1)))
    assert state.usage == Usage(input=151, output=31, cost_usd=0.75)
    assert state.phases[""].usage == state.usage
    attempt = state.steps["b"].attempt
    assert attempt is not None
    assert attempt.usage is not None
    assert attempt.usage.cost_usd is None


def test_waiting_for_the_user_frees_the_slot_and_is_counted_apart() -> None:
    state = begun({"a": []})
    emit(state, ev.StepStarted(step_id="a", attempt=1))
    emit(state, ev.StepWaitingUser(step_id="a", attempt=1, ask_id="q", request={"message": "Who?"}), after=10)
    emit(state, ev.RunWaitingUser(ask_ids=["q"]), after=0)
    assert (state.status, state.slots_used) == ("waiting_user", 0)
    answered = ev.AskAnswered(step_id="a", attempt=1, ask_id="q", action="accept", values={"who": "seed"})
    emit(state, answered, after=60)
    step = state.steps["a"]
    assert (step.status, step.continues, state.asks) == ("queued", True, {})
    emit(state, ev.StepResumed(step_id="a", attempt=1))
    emit(state, ev.StepCompleted(step_id="a", attempt=1), after=5)
    attempt = step.attempt
    assert attempt is not None
    assert len(step.attempts) == 1
    assert attempt.waiting_seconds(state.at) == 60
    assert attempt.elapsed_seconds(state.at) == 76
    assert attempt.answers[0].values == {"who": "seed"}
    assert state.blocked_by_user_seconds == 61


def test_the_clock_of_a_run_stands_while_nothing_is_meant_to_move() -> None:
    state = begun({"a": []})
    emit(state, ev.StepStarted(step_id="a", attempt=1), after=10)
    emit(state, ev.RunPaused(by="user"), after=10)
    assert state.elapsed_seconds(state.at + timedelta(seconds=500)) == 20
    emit(state, ev.RunResumed(), after=500)
    emit(state, ev.StepFailed(step_id="a", attempt=1, error="no"), after=10)
    emit(state, ev.RunFailed(reason="a failed"), after=0)
    assert state.elapsed_seconds(state.at + timedelta(seconds=500)) == 30
    emit(state, ev.RunReopened(), after=1_000)
    assert state.elapsed_seconds(state.at + timedelta(seconds=5)) == 35
    assert state.span_seconds(state.at) == 30 + 500 + 1_000


def test_a_run_whose_process_went_away_went_on_until_its_last_sign_of_life() -> None:
    state = begun({"a": []})
    emit(state, ev.StepStarted(step_id="a", attempt=1), after=10)
    emit(state, ev.Logged(message="still here"), after=10)
    state.at += timedelta(hours=8)
    # what recovery finds the next morning
    alive_until = state.at - timedelta(hours=8)
    emit(state, ev.RunInterrupted(alive_until=alive_until))
    emit(state, ev.StepInterrupted(step_id="a", attempt=1, alive_until=alive_until))
    assert state.elapsed_seconds(state.at) == 20
    attempt = state.steps["a"].attempts[0]
    assert attempt.elapsed_seconds(state.at) == 10


def test_a_retry_is_a_new_attempt_and_the_old_one_stays_readable() -> None:
    state = begun({"a": [], "b": ["a"]})
    emit(state, ev.StepStarted(step_id="a", attempt=1))
    emit(state, ev.StepFailed(step_id="a", attempt=1, error="no network", kind="provider"))
    assert statuses(state) == {"a": "failed", "b": "blocked"}
    emit(state, ev.StepRetried(step_id="a", attempt=1, goal="try harder"))
    assert statuses(state) == {"a": "queued", "b": "pending"}
    emit(state, ev.StepStarted(step_id="a", attempt=2))
    attempts = state.steps["a"].attempts
    assert [(attempt.number, attempt.status) for attempt in attempts] == [(1, "failed"), (2, "running")]
    assert attempts[0].error == "no network"
    assert state.steps["a"].current_goal == "try harder"


def test_an_edited_step_has_another_goal_and_stands_where_it_stood() -> None:
    state = begun({"a": [], "b": ["a"]})
    before = statuses(state)
    emit(state, ev.StepEdited(step_id="b", goal="shorter"))
    emit(state, ev.StepEdited(step_id="nobody", goal="shorter"))
    assert statuses(state) == before
    assert state.steps["b"].current_goal == "shorter"
    assert state.steps["a"].goal_override is None


def test_a_provider_retry_keeps_the_slot_and_ends_with_the_recovery() -> None:
    state = begun({"a": []})
    emit(state, ev.StepStarted(step_id="a", attempt=1))
    retrying = ev.SessionRetrying(
        step_id="a", attempt=1, retry=2, max_retries=3, delay_seconds=48, error="429 rate limit"
    )
    emit(state, retrying)
    step = state.steps["a"]
    assert (step.status, state.slots_used) == ("retrying", 1)
    emit(state, ev.SessionRecovered(step_id="a", attempt=1, ok=True))
    assert (step.status, state.slots_used) == ("running", 1)
    assert step.attempt is not None
    assert step.attempt.provider_retry is None


@pytest.mark.parametrize("count", [1, 200])
def test_an_event_touches_only_the_direct_dependents(count: int) -> None:
    class Counted(list[Any]):
        looked = 0

        def __iter__(self) -> Any:
            Counted.looked += 1
            return super().__iter__()

    edges = {"a": [], "b": ["a"], **{f"x{number}": [] for number in range(count)}}
    state = begun(edges)
    emit(state, ev.StepStarted(step_id="a", attempt=1))
    state.dependents = [Counted(entry) for entry in state.dependents]
    state.order = Counted(state.order)
    emit(state, ev.StepCompleted(step_id="a", attempt=1))
    assert state.steps["b"].status == "queued"
    assert Counted.looked == 1


def test_every_prefix_of_a_fold_is_the_state_at_that_time() -> None:
    live = RunState()
    stored: list[bytes] = []
    seen: list[dict[str, str]] = []
    events = [
        ev.RunCreated(
            run_id="r", title="t", plan_id="p", workspace="/w", mode="serial", max_concurrency=1, agent="demo"
        ),
        ev.PlanCreated(plan=plan_document({"a": [], "b": ["a"]})),
        ev.RunStarted(),
        ev.StepStarted(step_id="a", attempt=1),
        ev.StepCompleted(step_id="a", attempt=1, summary="done"),
    ]
    for event in events:
        emit(live, event)
        stored.append(ev.encode_event(event))
        seen.append(statuses(live))
    for length in range(1, len(stored) + 1):
        again = fold(map(ev.decode_event, stored[:length]))
        assert statuses(again) == seen[length - 1]
    assert fold(map(ev.decode_event, stored)) == live
