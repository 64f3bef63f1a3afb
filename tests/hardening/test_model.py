"""The run against a small model of its rules: random starts, outcomes, answers, stops, retries and crashes."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from piplan_tui.agents.protocol import AgentFailure, AskRaised, AskReply
from piplan_tui.run import events as ev
from piplan_tui.run.model import SessionRef, StepDone, StepJob, StepResult
from piplan_tui.run.options import RunOptions
from piplan_tui.run.reduce import fold
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.step_runner import StepPort
from piplan_tui.store.memory import MemoryRuntimeStore
from tests.hardening.size import sized
from tests.run.plans import graphs, plan
from tests.run.steps import completed

T = TypeVar("T")
RUN_ID = "model"
SATISFIED = {"completed", "skipped"}
BROKEN = {"failed", "blocked", "cancelled"}
TERMINAL = SATISFIED | BROKEN


# -- what the real run is given in place of agents -------------------------------------------------


class _Session:
    ref = SessionRef(agent="scripted")

    def __init__(self, answered: asyncio.Event) -> None:
        self._answered = answered

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        self._answered.set()


class Attempt:
    """One execution of a step, which stands still until the test says what happens next."""

    def __init__(self, job: StepJob, port: StepPort) -> None:
        self.job = job
        self.port = port
        self.outcome: asyncio.Future[StepResult | Exception] = asyncio.get_running_loop().create_future()
        self.answered = asyncio.Event()

    async def run(self) -> StepDone:
        self.port.opened(_Session(self.answered))  # type: ignore[arg-type]  # only `answer` is used
        outcome = await self.outcome
        if isinstance(outcome, Exception):
            raise outcome
        return completed(self.job) if outcome.status == "completed" else StepDone(result=outcome)


class Executor:
    def __init__(self) -> None:
        self.attempts: dict[str, Attempt] = {}
        self.answers: dict[str, list[dict[str, Any]]] = {}

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        step_id = str(job.given.step["id"])
        assert step_id not in self.attempts, f"{step_id} runs twice at once"
        self.attempts[step_id] = Attempt(job, port)
        self.answers[step_id] = [each.values for each in job.given.user_input]
        try:
            return await self.attempts[step_id].run()
        finally:
            del self.attempts[step_id]


# -- the model -------------------------------------------------------------------------------------


@dataclass
class Step:
    """`own` is what happened to the step itself; where one that has not started stands follows from others."""

    needs: list[str]
    own: str = "idle"  # idle, running, waiting, live, completed, failed, cancelled, skipped
    attempts: int = 0
    answered: bool = False  # goes on with the same attempt when it starts
    answered_live: bool = False  # its session stands still with the answer ready
    answers: int = 0


class Model:
    def __init__(self, edges: dict[str, list[str]], slots: int) -> None:
        self.steps = {name: Step(needs) for name, needs in edges.items()}
        self.slots = slots
        self.status = "pending"
        self.started = False

    def stands(self, name: str) -> str:
        step = self.steps[name]
        if step.own != "idle":
            return {"live": "waiting_user", "waiting": "waiting_user"}.get(step.own, step.own)
        needs = [self.stands(needed) for needed in step.needs]
        if any(state in BROKEN for state in needs):
            return "blocked"
        return "queued" if all(state in SATISFIED for state in needs) else "pending"

    def all(self, *states: str) -> list[str]:
        return [name for name in self.steps if self.stands(name) in states]

    @property
    def ended(self) -> bool:
        return self.status in ("completed", "failed", "cancelled")

    def settle(self) -> None:
        """Start what may start, in the order of the plan; then say where the run stands."""
        if not self.started or self.ended:
            return
        while self.status in ("running", "waiting_user") and len(self.all("running")) < self.slots:
            ready = self.all("queued")
            if not ready:
                break
            step = self.steps[ready[0]]
            if not step.answered:
                step.attempts += 1
            step.own, step.answered, step.answered_live = "running", False, False
            self.status = "running"
        if self.all("running"):
            return
        if not self.all("pending", "queued", "waiting_user"):
            self.finish()
        elif self.all("waiting_user") and not self.all("queued") and self.status == "running":
            self.status = "waiting_user"

    def finish(self) -> None:
        self.status = (
            "failed" if self.all("failed") else "cancelled" if self.all("cancelled") else "completed"
        )

    def end_if_over(self) -> None:
        """A run that was taken up and does not move ends when nothing of it is left; one never begun begins."""
        left = self.all("pending", "queued", "running", "waiting_user")
        if not self.started and self.status != "pending" and not self.ended and not left:
            self.finish()

    def owner_gone(self, in_order: bool) -> None:
        for step in self.steps.values():
            if step.own == "running" or (in_order and (step.own == "live" or step.answered_live)):
                step.own, step.answered = "idle", False
            elif step.own == "live":
                step.own = "waiting"  # the question stays, the session that stood still is gone
            step.answered_live = False
        self.started = False


# -- both together ---------------------------------------------------------------------------------


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store = MemoryRuntimeStore()
        self.asked = 0
        self.drafts: dict[str, dict[str, Any]] = {}

    # -- the run, in an event loop that only turns when a rule lets it

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        async def and_settle() -> T:
            try:
                return await work
            finally:
                await self._quiet()

        return self.runner.run(and_settle())

    async def _quiet(self) -> None:
        unchanged, seq = 0, -1
        while unchanged < 12:
            await asyncio.sleep(0)
            unchanged = unchanged + 1 if self.run.state.seq == seq else 0
            seq = self.run.state.seq

    async def _host(self, opened: asyncio.Event) -> None:
        async def nothing_to_sweep(token: str) -> int:
            return 0

        def no_agent(name: str) -> Any:
            raise AssertionError(name)

        async with PlanRuntime(
            store=self.store,
            make_agent=no_agent,
            sweep=nothing_to_sweep,
            options=RunOptions(
                workspace=Path("/w"), agent="scripted", max_concurrency=self.slots, run_id=RUN_ID
            ),
            executor=lambda run: self.executor,
        ) as runtime:
            exists = bool(await self.store.list_runs())
            self.run = await (runtime.open_run(RUN_ID) if exists else runtime.create_run(self.plan))
            self.run.subscribe(self._watch)
            opened.set()
            await self.leave_now.wait()

    async def _open(self) -> None:
        self.executor = Executor()
        self.leave_now = asyncio.Event()
        opened = asyncio.Event()
        self.host = asyncio.create_task(self._host(opened))
        waiting = asyncio.create_task(opened.wait())
        await asyncio.wait([waiting, self.host], return_when=asyncio.FIRST_COMPLETED)
        if self.host.done():
            self.host.result()

    def _watch(self, event: ev.RuntimeEvent) -> None:
        state = self.run.state
        if isinstance(event, ev.StepStarted | ev.StepResumed):
            for needed in self.edges[event.step_id]:
                assert state.steps[needed].status in SATISFIED
        assert state.slots_used <= self.slots

    @initialize(edges=graphs(max_steps=7), slots=st.integers(1, 3))
    def begin(self, edges: dict[str, list[str]], slots: int) -> None:
        self.edges, self.slots = edges, slots
        self.plan = plan(edges)
        self.model = Model(edges, slots)
        self.do(self._open())

    def _pick(self, data: st.DataObject, *states: str) -> str:
        return data.draw(st.sampled_from(self.model.all(*states)))

    def _can(self, *states: str) -> bool:
        return bool(self.model.all(*states))

    # -- rules

    @precondition(lambda self: not self.model.started)
    @rule()
    def start(self) -> None:
        self.do(self.run.start())
        if not self.model.ended:
            self.model.started = True
            self.model.status = "running"
        self.model.settle()

    @precondition(lambda self: self._can("running"))
    @rule(
        data=st.data(), how=st.sampled_from(["completed", "completed", "failed", "waiting", "live", "error"])
    )
    def step_says(self, data: st.DataObject, how: str) -> None:
        name = self._pick(data, "running")
        attempt, step = self.executor.attempts[name], self.model.steps[name]

        async def say() -> None:
            if how == "live":
                self.asked += 1
                attempt.port.said(AskRaised(f"agent-{self.asked}", {"message": "?"}))
                return
            outcome: StepResult | Exception = AgentFailure("provider", "no")
            if how != "error":
                status: Any = {"waiting": "waiting_user"}.get(how, how)
                outcome = StepResult(status=status, input_request={"message": "?"}, summary=how)
            attempt.outcome.set_result(outcome)

        self.do(say())
        step.own = {"error": "failed"}.get(how, how)
        self.model.settle()

    @precondition(lambda self: self._can("waiting_user"))
    @rule(data=st.data(), action=st.sampled_from(["accept", "decline"]))
    def answer(self, data: st.DataObject, action: Any) -> None:
        name = self._pick(data, "waiting_user")
        step = self.model.steps[name]
        (ask_id,) = self.run.state.steps[name].asks
        self.do(self.run.answer(ask_id, {"answer": "yes"} if action == "accept" else {}, action=action))
        step.answered = True
        step.answered_live = name in self.executor.attempts
        step.own = "idle"
        step.answers += 1
        self.drafts.pop(ask_id, None)
        self.model.settle()

    @precondition(lambda self: self._can("waiting_user"))
    @rule(data=st.data(), text=st.text(max_size=5))
    def draft(self, data: st.DataObject, text: str) -> None:
        (ask_id,) = self.run.state.steps[self._pick(data, "waiting_user")].asks
        self.do(self.run.save_draft(ask_id, {"answer": text}))
        self.drafts[ask_id] = {"answer": text}

    @rule()
    def pause(self) -> None:
        allowed = self.model.status in ("running", "waiting_user")
        self._refused_unless(allowed, self.run.pause())
        if allowed:
            self.model.status = "paused"
        self.model.settle()

    @rule()
    def resume(self) -> None:
        if not self.model.started:
            self.start()
            return
        self._refused_unless(not self.model.ended, self.run.resume())
        if self.model.status == "paused":
            self.model.status = "running"
        self.model.settle()

    @rule()
    def cancel(self) -> None:
        result = self.do(self.run.cancel())
        assert result.cancelled == (not self.model.ended)
        if not self.model.ended:
            for name in self.model.all("pending", "queued", "running", "waiting_user"):
                step = self.model.steps[name]
                step.own, step.answered, step.answered_live = "cancelled", False, False
            self.model.status = "cancelled"

    @rule(data=st.data())
    def cancel_step(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.edges)))
        allowed = self.model.stands(name) not in TERMINAL
        self._refused_unless(allowed, self.run.cancel_step(name))
        if allowed:
            step = self.model.steps[name]
            step.own, step.answered, step.answered_live = "cancelled", False, False
            self.model.end_if_over()
        self.model.settle()

    @rule(data=st.data())
    def skip(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(sorted(self.edges)))
        step = self.model.steps[name]
        allowed = (
            self.model.stands(name) not in SATISFIED
            and step.own not in ("running", "live")
            and not step.answered_live
        )
        self._refused_unless(allowed, self.run.skip(name))
        if allowed:
            step.own, step.answered = "skipped", False
            self._reopen()
            self.model.end_if_over()
        self.model.settle()

    @rule(data=st.data(), downstream=st.booleans(), named=st.booleans())
    def retry(self, data: st.DataObject, downstream: bool, named: bool) -> None:
        names = [data.draw(st.sampled_from(sorted(self.edges)))] if named else []
        chosen = names or self.model.all("failed", "cancelled")
        again = set(chosen)
        if downstream:
            after = self._after(again)
            again |= {name for name in after if self.model.stands(name) in TERMINAL - {"blocked"}}
        states = {self.model.stands(name) for name in again}
        held = any(name in self.executor.attempts for name in again)
        allowed = bool(again) and not states & {"running", "blocked", "pending", "queued"} and not held
        self._refused_unless(allowed, self.run.retry(names, with_downstream=downstream))
        if allowed:
            for name in again:
                step = self.model.steps[name]
                step.own, step.answered = "idle", False
            self._reopen()
        self.model.settle()

    @rule(data=st.data())
    def crash(self, data: st.DataObject) -> None:
        """The owner is gone, and with it any part of what it had not made durable; the run is opened again."""
        journal = self.run._journal
        self.do(journal.flush())
        stored = self.store._runs[RUN_ID].events
        kept = data.draw(st.integers(journal.durable_seq, len(stored)))
        drafts = self.store._runs[RUN_ID].drafts
        events = list(stored[:kept])
        # what was there before the crash is the state of before, but for what nobody was told of
        self._abandon()
        after = fold(events)
        self._end_host()
        run = self.store._runs[RUN_ID]
        run.events, run.drafts, run.open = events, drafts, False
        self._forget(after)
        self.do(self._open())
        self._recovered(after)

    @rule()
    def leave_and_come_back(self) -> None:
        self._end_host()
        running = self.model.status == "running" and self.model.started
        self.model.owner_gone(in_order=True)
        if running or (self.model.status == "waiting_user" and not self._can("waiting_user")):
            self.model.status = "paused"
        elif self.model.status == "running":
            self.model.status = "interrupted"
        after = fold(self.store._runs[RUN_ID].events)
        self.do(self._open())
        self._recovered(after)

    # -- parts of rules

    def _refused_unless(self, allowed: bool, work: Coroutine[Any, Any, Any]) -> None:
        if allowed:
            self.do(work)
        else:
            before = self.run.state.seq
            with pytest.raises(ControlRefused):
                self.do(work)
            assert self.run.state.seq == before, "what was refused changed something"

    def _after(self, names: set[str]) -> set[str]:
        after: set[str] = set()
        while more := {n for n, needs in self.edges.items() if set(needs) & (names | after)} - after:
            after |= more
        return after

    def _reopen(self) -> None:
        if self.model.ended:
            self.model.status = "running"

    def _abandon(self) -> None:
        """Nothing that the dying owner does from here on reaches the store that is opened again."""
        self.store._runs[RUN_ID].events = list(self.store._runs[RUN_ID].events)

    def _end_host(self) -> None:
        async def end() -> None:
            self.leave_now.set()
            await self.host

        self.runner.run(end())

    def _forget(self, after: Any) -> None:
        """What was not durable may be gone: starts and finishes of the run that nothing depends on yet."""
        self.model.owner_gone(in_order=False)
        for name, step in self.model.steps.items():
            number = len(after.steps[name].attempts)
            assert step.attempts - number in (0, 1), f"attempts of {name} are gone"
            step.attempts = number
            step.answered = after.steps[name].continues
        nothing_asked = after.status == "waiting_user" and not after.asks
        if after.status == "running" or after.slots_used or nothing_asked:
            self.model.status = "interrupted"
        elif not self.model.ended or after.ended:
            self.model.status = after.status

    def _recovered(self, before: Any) -> None:
        """Nothing that was completed is anything else now; what waited waits with the same question."""
        for name, step in before.steps.items():
            now = self.run.state.steps[name]
            if step.status in TERMINAL:
                assert now.status == step.status
            if step.status == "waiting_user":
                assert (now.status, now.asks) == ("waiting_user", step.asks)

    # -- what always holds

    @invariant()
    def the_run_is_where_the_model_is(self) -> None:
        state, model = self.run.state, self.model
        assert {name: step.status for name, step in state.steps.items()} == {
            name: model.stands(name) for name in model.steps
        }
        assert state.status == model.status
        assert {name: len(step.attempts) for name, step in state.steps.items()} == {
            name: step.attempts for name, step in model.steps.items()
        }
        assert set(self.executor.attempts) >= set(model.all("running"))
        if model.ended:
            assert not state.asks
            assert not self.executor.attempts
            assert all(step.status in TERMINAL for step in state.order)

    @invariant()
    def no_answer_and_no_draft_is_lost(self) -> None:
        for name, step in self.run.state.steps.items():
            assert sum(len(attempt.answers) for attempt in step.attempts) == self.model.steps[name].answers
        for name in self.model.all("running"):
            given = self.executor.attempts[name].job.given
            if not self.executor.attempts[name].answered.is_set():
                assert len(given.user_input) == self.model.steps[name].answers
        drafts = self.store._runs[RUN_ID].drafts
        for ask_id in self.run.state.asks:
            if ask_id in self.drafts:
                assert ask_id in drafts

    @invariant()
    def the_stored_events_are_the_state(self) -> None:
        self.do(self.run._journal.flush())
        assert fold(self.store._runs[RUN_ID].events) == self.run.state

    def teardown(self) -> None:
        if hasattr(self, "host"):
            self._end_host()
        self.runner.close()


TestModel = Machine.TestCase
TestModel.settings = settings(
    max_examples=sized(40, 3000),
    stateful_step_count=sized(30, 50),
    deadline=None,
    suppress_health_check=[HealthCheck.data_too_large],
)
