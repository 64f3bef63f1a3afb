"""Questions from the middle of a turn: the session stands still, the step gives its slot back."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import anyio
import pytest

from piplan_tui.agents.protocol import AskRaised, AskReply, AskWithdrawn
from piplan_tui.run.model import SessionRef, StepDone, StepJob
from piplan_tui.run.step_runner import StepPort
from tests.run.conftest import Bench
from tests.run.plans import plan
from tests.run.steps import Steps, completed

pytestmark = pytest.mark.anyio


class AskingSteps(Steps):
    """Step `a` asks in the middle of its turn, as a session with a dialog does."""

    def __init__(self, request: dict[str, Any]) -> None:
        super().__init__()
        self.request = request
        self.replies: list[AskReply] = []
        self.replied = anyio.Event()
        self.give_up = anyio.Event()
        self.expired = False

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        if job.given.step["id"] != "a":
            return await super().execute(job, port)
        port.opened(_Session(self))  # type: ignore[arg-type]  # only what the run calls
        port.said(AskRaised("dialog-1", self.request))
        async with anyio.create_task_group() as tasks:

            async def withdrawn() -> None:
                await self.give_up.wait()
                port.said(AskWithdrawn("dialog-1", "its own time limit", self.expired))
                self.replied.set()

            tasks.start_soon(withdrawn)
            await self.replied.wait()
            tasks.cancel_scope.cancel()
        return completed(job)


class _Session:
    def __init__(self, steps: AskingSteps) -> None:
        self.ref = SessionRef(agent="scripted", session_id="s1")
        self._steps = steps

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        assert ask_id == "dialog-1"
        self._steps.replies.append(reply)
        self._steps.replied.set()


async def test_a_live_question_frees_the_slot_and_its_answer_reaches_the_session(bench: Bench) -> None:
    bench.options = replace(bench.options, max_concurrency=1)
    bench.steps = steps = AskingSteps({"message": "Allow?", "fields": [{"name": "ok", "type": "boolean"}]})
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": []}))
        await run.start()
        state = await run.wait()
        assert (state.status, state.steps["b"].status) == ("waiting_user", "completed")
        await run.answer(next(iter(state.asks)), {"ok": True})
        state = await run.wait()
    assert state.status == "completed"
    assert [(reply.action, reply.values) for reply in steps.replies] == [("accept", {"ok": True})]
    assert len(state.steps["a"].attempts) == 1


async def test_an_answer_waits_for_a_free_slot_before_the_session_goes_on(bench: Bench) -> None:
    bench.options = replace(bench.options, max_concurrency=1)
    bench.steps = steps = AskingSteps({"message": "Allow?"})
    steps.hold("b")
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": []}))
        await run.start()
        await steps.started("b")
        await run.answer(next(iter(run.state.asks)), action="decline")
        assert (run.state.steps["a"].status, steps.replies) == ("queued", [])
        steps.release("b")
        assert (await run.wait()).status == "completed"
    assert steps.replies[0].action == "decline"


async def test_a_question_that_the_agent_takes_back_is_closed_and_the_step_goes_on(bench: Bench) -> None:
    bench.steps = steps = AskingSteps({"message": "Allow?"})
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        assert (await run.wait()).status == "waiting_user"
        withdrawn = anyio.Event()
        run.subscribe(lambda event: withdrawn.set() if event.type == "ask.withdrawn" else None)
        steps.give_up.set()
        await withdrawn.wait()
        assert (await run.wait()).status == "completed"
        assert run.state.asks == {}


async def test_cancel_closes_a_live_question(bench: Bench) -> None:
    bench.steps = AskingSteps({"message": "Allow?"})
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        await run.wait()
        await run.cancel()
        assert (run.state.status, run.state.asks) == ("cancelled", {})


async def test_a_time_limit_of_the_asker_s_own_ends_its_question_without_an_answer(bench: Bench) -> None:
    limit = {"afterSeconds": 900, "then": "decline", "owner": "agent"}
    field = {"name": "ok", "type": "boolean", "default": True}
    bench.steps = steps = AskingSteps({"message": "Allow?", "fields": [field], "expires": limit})
    steps.expired = True
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        state = await run.wait()
        [ask] = state.asks.values()
        assert ask.expires_at == ask.opened_at + timedelta(minutes=15), "for the countdown"
        await run.save_draft(ask.id, {"ok": True})
        ended = anyio.Event()
        run.subscribe(lambda event: ended.set() if event.type == "ask.answered" else None)
        steps.give_up.set()
        await ended.wait()
        assert (await run.wait()).status == "completed"
        assert await run.load_draft(ask.id) == {"ok": True}
    attempt = state.steps["a"].attempts[0]
    assert [(d.action, d.by, d.choice) for d in attempt.decisions] == [("expire", "timeout", "")]
    assert attempt.answers[0].values == {}
    assert steps.replies == [], "it has stopped waiting; nothing is sent after it"
