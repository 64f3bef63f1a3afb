"""A provider that refuses for a while: nothing fails, and everything goes on by itself."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from piplan_tui.agents.protocol import AgentFailure, Recovered, Retrying, TextDelta
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run.model import StepDone, StepJob
from piplan_tui.run.quota import QuotaPolicy, is_limit, named_wait
from piplan_tui.run.reduce import fold
from piplan_tui.run.run import Run
from piplan_tui.run.step_runner import StepPort
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.views.step_row import step_note
from tests.run.conftest import Bench
from tests.run.plans import graphs, plan
from tests.run.steps import Steps, completed

pytestmark = pytest.mark.anyio

START = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SAID = "the provider of scripted/m limits the rate of requests: 429 rate limited"


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.time = START
        self.set_by = timedelta()
        self.slept: list[float] = []

    def now(self) -> datetime:
        return self.time

    def seconds(self) -> float:
        """Time that nobody can set."""
        return (self.time - self.set_by - START).total_seconds()

    def set(self, by: timedelta) -> None:
        """Set the time of day to another."""
        self.time += by
        self.set_by += by

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await anyio.lowlevel.checkpoint()
        self.time += timedelta(seconds=seconds)

    def after(self, minutes: float) -> datetime:
        return START + timedelta(minutes=minutes)


class Refusing(Steps):
    """Steps whose provider refuses while `refuses(agent)` says so; each takes one second of the clock."""

    def __init__(self, clock: Clock, refuses: Callable[[str], bool], message: str = SAID) -> None:
        super().__init__()
        self.clock = clock
        self.refuses = refuses
        self.message = message
        self.refused = 0

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        step_id = str(job.given.step["id"])
        assert step_id not in self.running
        self.jobs.append(job)
        self.running.add(step_id)
        self.most_running = max(self.most_running, len(self.running))
        try:
            await anyio.lowlevel.checkpoint()
            if self.refuses(job.agent):
                self.refused += 1
                raise AgentFailure("rate_limit", self.message, retryable=True)
            port.said(TextDelta("at work"))
            await anyio.lowlevel.checkpoint()
            self.clock.time += timedelta(seconds=1)
            return completed(job)
        finally:
            self.running.discard(step_id)


def use(bench: Bench, refuses: Callable[[Clock, str], bool], **policy: Any) -> tuple[Clock, Refusing]:
    clock = Clock()
    steps = Refusing(clock, lambda agent: refuses(clock, agent))
    bench.steps = steps
    bench.now = clock.now
    bench.quota = QuotaPolicy(sleep=clock.sleep, clock=clock.seconds, **policy)
    return clock, steps


def of(events: list[ev.RuntimeEvent], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


async def settled(run: Run, events: list[ev.RuntimeEvent]) -> Any:
    run.subscribe(events.append)
    await run.start()
    with anyio.fail_after(30):
        return await run.wait()


async def test_300_steps_wait_for_a_provider_that_refuses_for_ten_minutes(bench: Bench) -> None:
    _, steps = use(bench, lambda clock, agent: clock.time < clock.after(10))
    events: list[ev.RuntimeEvent] = []
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({f"s{number}": [] for number in range(300)}))
        state = await settled(run, events)
    assert state.status == "completed"
    assert of(events, ev.StepFailed) == []
    assert state.limits == {}
    limited = of(events, ev.ProviderLimited)
    assert [event.provider for event in limited] == ["scripted"] * len(limited)
    assert (limited[0].until, limited[0].reason) == (START + timedelta(seconds=20), SAID)
    pauses = [(event.until - event.at).total_seconds() for event in limited]
    assert pauses == [20, 40, 80, 160, 320], "each pause is longer"
    # all that ran at once met the wall, and after that a single step a pause
    assert steps.refused == 3 + len(limited) - 1
    assert len(of(events, ev.ProviderRecovered)) == 1
    assert steps.most_running == 3
    stored = [event async for event in bench.store.read(run.id)]
    assert fold(stored) == state


async def test_after_the_limit_of_waiting_the_run_is_paused_once_and_can_be_resumed(bench: Bench) -> None:
    closed = True
    clock, steps = use(bench, lambda clock, agent: closed, give_up_seconds=3600.0, longest_seconds=600.0)
    events: list[ev.RuntimeEvent] = []
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({f"s{number}": [] for number in range(20)}))
        state = await settled(run, events)
        assert state.status == "paused"
        assert state.reason.startswith(
            "scripted has been at its provider's limit for 1.0 h; resume to try again"
        )
        assert clock.time >= START + timedelta(hours=1)
        assert len(of(events, ev.RunPaused)) == 1
        assert state.counts == {"pending": 0, "queued": 20, "running": 0}
        refused = steps.refused
        await run.resume()
        with anyio.fail_after(30):
            await run.wait()
        assert run.state.status == "paused", "it waits as long again, then says so again"
        assert steps.refused > refused
        closed = False
        await run.resume()
        with anyio.fail_after(30):
            state = await run.wait()
    assert state.status == "completed"
    assert of(events, ev.StepFailed) == []


@pytest.mark.parametrize(
    "jump",
    [
        pytest.param(timedelta(days=-1), id="back a day"),
        pytest.param(timedelta(days=3), id="forward three days"),
    ],
)
async def test_a_clock_that_is_set_makes_no_pause_longer_or_shorter(bench: Bench, jump: timedelta) -> None:
    clock, _ = use(bench, lambda clock, agent: clock.seconds() < 600)
    sleep = clock.sleep

    async def sleep_while_it_is_set(seconds: float) -> None:
        await sleep(seconds / 2)
        clock.set(by=jump)
        await sleep(seconds / 2)

    bench.quota = QuotaPolicy(sleep=sleep_while_it_is_set, clock=clock.seconds)
    events: list[ev.RuntimeEvent] = []
    tried: list[float] = []
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({f"s{number}": [] for number in range(9)}))
        run.subscribe(lambda event: tried.append(clock.seconds()) if event.type == "step.started" else None)
        state = await settled(run, events)
    assert (state.status, state.limits) == ("completed", {})
    assert of(events, ev.RunPaused) == [], "it does not give up for a day that did not pass"
    starts = [moment for moment in sorted(set(tried)) if moment <= 620]
    assert starts == pytest.approx([0, 20, 60, 140, 300, 620], abs=0.01)


@pytest.mark.parametrize("jump", [timedelta(days=-30), timedelta(days=30)], ids=["back", "forward"])
async def test_a_run_that_is_taken_up_after_its_clock_was_set_waits_no_longer_than_was_said(
    bench: Bench, jump: timedelta
) -> None:
    clock, _ = use(bench, lambda clock, agent: clock.seconds() < 10)
    limited = anyio.Event()
    bench.quota = QuotaPolicy(sleep=lambda seconds: anyio.sleep_forever(), clock=clock.seconds)
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({f"s{number}": [] for number in range(8)}))
        run.subscribe(lambda event: limited.set() if event.type == "provider.limited" else None)
        await run.start()
        with anyio.fail_after(10):
            await limited.wait()
    clock.set(by=jump)
    bench.quota = QuotaPolicy(sleep=clock.sleep, clock=clock.seconds)
    clock.slept.clear()
    async with bench.runtime() as runtime:
        state = await settled(await runtime.open_run(run.id), [])
    assert state.status == "completed"
    assert sum(clock.slept) <= 60 + 0.01


async def test_a_time_that_the_provider_names_is_waited_for(bench: Bench) -> None:
    clock, steps = use(bench, lambda clock, agent: clock.time < clock.after(55))
    steps.message = "429: usage limit reached, try again in 55 minutes"
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": []}))
        state = await settled(run, [])
    assert state.status == "completed"
    assert clock.slept == [55 * 60]


async def test_a_queued_row_says_until_when(bench: Bench) -> None:
    clock, _ = use(bench, lambda clock, agent: clock.time < clock.after(1), first_seconds=90.0)
    notes: list[str] = []
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": [], "c": [], "d": []}))

        def look(event: ev.RuntimeEvent) -> None:
            if isinstance(event, ev.ProviderLimited):
                notes.append(step_note(run.state, run.state.steps["d"], clock.time).text)

        run.subscribe(look)
        await settled(run, [])
    until = (START + timedelta(seconds=90)).astimezone()
    assert notes == [f"rate limit until {until:%H:%M}"]


async def test_steps_of_another_provider_go_on_meanwhile(bench: Bench) -> None:
    bench.options = routed(bench, {"by": {"role": {"writer": {"agent": "other"}}}})
    use(bench, lambda clock, agent: agent == "scripted" and clock.time < clock.after(1))
    document = plan({"a": [], "b": [], "c": [], "d": [], "e": []}).to_json()
    for step in document["steps"][2:]:
        step["role"] = "writer"
    events: list[ev.RuntimeEvent] = []
    async with bench.runtime() as runtime:
        run = await runtime.create_run(PlanSpec.model_validate(document))
        state = await settled(run, events)
    assert state.status == "completed"
    recovered = of(events, ev.ProviderRecovered)[0].seq
    before = {event.step_id for event in of(events, ev.StepCompleted) if event.seq < recovered}
    assert before == {"c", "d", "e"}


async def test_a_limited_or_missing_agent_gives_way_to_the_next(bench: Bench) -> None:
    bench.options = routed(bench, {"fallback": ["scripted", "gone", {"agent": "second", "model": "m2"}]})

    class Absent(Refusing):
        async def execute(self, job: StepJob, port: StepPort) -> StepDone:
            if job.agent == "gone":
                self.jobs.append(job)
                raise AgentFailure("missing", "gone was not found")
            return await super().execute(job, port)

    clock = Clock()
    bench.steps = steps = Absent(clock, lambda agent: agent == "scripted")
    bench.now = clock.now
    bench.quota = QuotaPolicy(sleep=lambda seconds: anyio.sleep_forever())
    events: list[ev.RuntimeEvent] = []
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({f"s{number}": [] for number in range(10)}))
        state = await settled(run, events)
    assert state.status == "completed"
    assert list(state.limits) == ["scripted"], "nobody waited for the limited one"
    assert {step.attempt.agent for step in state.order if step.attempt} == {"second"}
    assert {step.attempt.model for step in state.order if step.attempt} == {"m2"}
    assert sum(job.agent == "gone" for job in steps.jobs) <= 3
    reasons = {event.kind for event in of(events, ev.StepInterrupted)}
    assert reasons == {"rate_limit", "missing"}


async def test_an_agent_that_is_missing_without_another_one_fails_the_step(bench: Bench) -> None:
    bench.steps.outcomes["a"].append(AgentFailure("missing", "pi was not found on PATH"))
    async with bench.runtime() as runtime:
        state = await runtime.run_plan(plan({"a": []}))
    assert state.status == "failed"
    assert state.steps["a"].attempt is not None
    assert state.steps["a"].attempt.error_kind == "missing"


async def test_several_sessions_that_retry_by_themselves_stop_new_starts(bench: Bench) -> None:
    clock = Clock()

    class Retried(Steps):
        async def execute(self, job: StepJob, port: StepPort) -> StepDone:
            if job.given.step["id"] in ("a", "b"):
                port.said(Retrying(1, 3, 30.0, "529 overloaded"))
                done = await super().execute(job, port)
                port.said(Recovered(True))
                return done
            return await super().execute(job, port)

    bench.steps = steps = Retried()
    bench.now = clock.now
    bench.quota = QuotaPolicy(sleep=lambda seconds: anyio.sleep_forever())
    steps.hold("a", "b")
    events: list[ev.RuntimeEvent] = []
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": [], "c": ["d"], "d": []}, mode="parallel"))
        run.subscribe(events.append)
        await run.start()
        await steps.started("a", "b", "d")
        await anyio.wait_all_tasks_blocked()
        assert [event.until for event in of(events, ev.ProviderLimited)] == [START + timedelta(seconds=30)]
        assert (run.state.steps["c"].status, steps.attempts("c")) == ("queued", 0)
        steps.release("a")
        with anyio.fail_after(10):
            await steps.started("c")
            steps.release("b")
            state = await run.wait()
    assert (state.status, state.limits) == ("completed", {})


async def test_a_run_that_was_left_while_limited_tries_with_one_step_when_it_is_taken_up(
    bench: Bench,
) -> None:
    clock = Clock()
    limited = anyio.Event()
    bench.steps = first = Refusing(clock, lambda agent: True)
    bench.now = clock.now
    bench.quota = QuotaPolicy(sleep=lambda seconds: anyio.sleep_forever())
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({f"s{number}": [] for number in range(8)}))
        run.subscribe(lambda event: limited.set() if event.type == "provider.limited" else None)
        await run.start()
        with anyio.fail_after(10):
            await limited.wait()
    assert run.state.status == "paused"
    assert list(run.state.limits) == ["scripted"]

    bench.steps = second = Refusing(clock, lambda agent: False)
    events: list[ev.RuntimeEvent] = []
    async with bench.runtime() as runtime:
        state = await settled(await runtime.open_run(run.id), events)
    assert (state.status, state.limits) == ("completed", {})
    recovered = of(events, ev.ProviderRecovered)[0].seq
    assert len([event for event in of(events, ev.StepStarted) if event.seq < recovered]) == 1
    assert len(second.jobs) == 8
    assert {job.reason for job in second.jobs} <= {"start", "continue"}
    assert len(first.jobs) <= 3


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    edges=graphs(),
    windows=st.lists(st.tuples(st.integers(0, 7200), st.integers(1, 3600)), max_size=4),
    slots=st.integers(1, 4),
)
def test_no_step_fails_by_quota_alone(
    tmp_path_factory: pytest.TempPathFactory,
    edges: dict[str, list[str]],
    windows: list[tuple[int, int]],
    slots: int,
) -> None:
    async def scenario() -> None:
        bench = Bench(tmp_path_factory.getbasetemp(), MemoryRuntimeStore())
        bench.options = replaced(bench, max_concurrency=slots)

        def refuses(clock: Clock, agent: str) -> bool:
            passed = (clock.time - START).total_seconds()
            return any(begin <= passed < begin + length for begin, length in windows)

        use(bench, refuses)
        events: list[ev.RuntimeEvent] = []
        async with bench.runtime() as runtime:
            run = await runtime.create_run(plan(edges))
            state = await settled(run, events)
        assert state.status == "completed"
        assert of(events, ev.StepFailed) == []
        assert state.limits == {}
        assert fold([event async for event in bench.store.read(run.id)]) == state

    anyio.run(scenario)


def routed(bench: Bench, rules: Mapping[str, Any]) -> Any:
    return replaced(bench, steps=rules)


def replaced(bench: Bench, **changes: Any) -> Any:
    return replace(bench.options, **changes)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("Rate limit reached. Please try again in 6m0s.", 360),
        ("please try again in 1.5s", 1.5),
        ("retry after 30 seconds", 30),
        ("Retry-After: 12", 12),
        ("resets in 2 hours 5 min", 7500),
        ("try again in 20ms", 0.02),
        ("try again in 3 days", 3 * 86_400),
        (f"Claude AI usage limit reached|{int(START.timestamp()) + 90}", 90),
        ("429 too many requests", 0),
        ("try again in the morning", 0),
    ],
)
def test_the_time_in_a_message(text: str, seconds: float) -> None:
    assert named_wait(text, START) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("kind", "message", "expected"),
    [
        ("rate_limit", "slow down", True),
        ("provider", "the provider failed the request: 529 overloaded", True),
        ("provider", "the provider failed the request: 500 internal error", False),
        ("died", "pi ended: 429", False),
        ("auth", "quota of keys", False),
    ],
)
def test_what_is_a_limit(kind: Any, message: str, expected: bool) -> None:
    assert is_limit(AgentFailure(kind, message)) is expected


async def test_runs_of_one_process_share_what_they_know(bench: Bench) -> None:
    """One run is refused; the other waits without a refusal of its own, and both go on by themselves."""
    _, steps = use(bench, lambda clock, _: clock.time < START + timedelta(seconds=50))
    bench.options = replace(bench.options, max_concurrency=1)
    async with bench.runtime() as runtime:
        first = await runtime.create_run(plan({"a": []}))
        second = await runtime.create_run(plan({"b": [], "c": []}))
        seen: list[ev.RuntimeEvent] = []
        second.subscribe(seen.append)
        await first.start()
        await second.start()
        with anyio.fail_after(20):
            states = [await first.wait(), await second.wait()]
    assert [state.status for state in states] == ["completed", "completed"]
    assert of(seen, ev.ProviderLimited)
    assert of(seen, ev.ProviderRecovered)
    assert steps.refused <= 4, "one step of one run tries after each pause"
    assert all(not state.limits for state in states)
