"""Whole plans through the real Pi of both versions: the model is scripted, everything else is as users have it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import anyio
import pytest

from piplan_tui.agents.pi import PiAgent
from piplan_tui.agents.protocol import Agent
from piplan_tui.run import events as ev
from piplan_tui.run.factory import create_pi_plan_runtime, sweep_processes
from piplan_tui.run.options import RunOptions
from piplan_tui.run.quota import QuotaPolicy
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from tests.run.plans import plan
from tests.support.model_server import PROVIDER, ModelServer, Rule, Tool, Turn, pi_environment
from tests.support.pi_versions import PiVersion, pi_version
from tests.test_library import PITCH_DECK

__all__ = ["pi_version"]
pytestmark = pytest.mark.anyio


def done(summary: str) -> str:
    return json.dumps({"status": "completed", "summary": summary})


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def agent(pi_version: PiVersion, server: ModelServer, tmp_path: Path) -> PiAgent:
    environment = pi_environment(tmp_path, server)
    return PiAgent(pi_version.command, environment=environment, provider=PROVIDER)


async def test_the_pitch_deck_with_a_question_and_a_forgotten_result(
    agent: PiAgent, server: ModelServer, tmp_path: Path
) -> None:
    ask = {
        "message": "Which audience?",
        "fields": [{"name": "audience", "type": "choice", "options": ["seed"]}],
    }
    waiting = json.dumps({"status": "waiting_user", "summary": "?", "inputRequest": ask})
    server.rules = [
        Rule("The user answered", [Turn(text=f"Thanks.\n```json\n{done('Outline for seed')}\n```")]),
        Rule("# Step `outline`", [Turn(text="I must know the audience. " + waiting)]),
        Rule("Reply with that JSON object only", [Turn(text=done("Slides made"))]),
        Rule(
            "# Step `slides`",
            [
                Turn(
                    text="Reading. ",
                    thinking="What did the outline say?",
                    tools=[
                        Tool(
                            "bash", {"command": "cat .pi-plan-runtime/handoff/deck-plan/outline/result.json"}
                        )
                    ],
                ),
                Turn(text="All five slides are made, I think."),
            ],
        ),
    ]
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    runtime = create_pi_plan_runtime(
        workspace_root=workspace, store=FileRuntimeStore(tmp_path / "store"), session_factory=agent
    )
    seen: list[ev.RuntimeEvent] = []
    async with runtime:
        run = await runtime.create_run(PITCH_DECK)
        run.subscribe(seen.append)
        await run.start()
        state = await run.wait()
        assert state.status == "waiting_user"
        await run.answer(next(iter(state.asks)), {"audience": "seed"})
        state = await run.wait()
    assert state.status == "completed", state.reason
    outline, slides = state.steps["outline"], state.steps["slides"]
    assert len(outline.attempts) == len(slides.attempts) == 1

    sessions = [event.session for event in seen if isinstance(event, ev.SessionStarted)]
    assert sessions[0].session_id == sessions[1].session_id != sessions[2].session_id
    assert sessions[0].pid == sessions[2].pid, "the process stays warm from step to step"

    told = {
        step: [r.prompt for r in server.requests if f"# Step `{step}`" in r.prompt] for step in state.steps
    }
    assert "What this step builds on" not in told["outline"][0]
    assert ".pi-plan-runtime/handoff/deck-plan/outline/result.json" in told["slides"][0]
    assert slides.attempt is not None
    assert (slides.attempt.tools, slides.attempt.reprompts) == (1, 1)
    assert state.usage.input is not None
    assert state.usage.cost_usd is not None
    assert state.usage.input == 100 * len(server.requests)

    assert slides.handoff is not None
    for file in slides.handoff.files:
        data = (workspace / file.path).read_bytes()
        assert (len(data), hashlib.sha256(data).hexdigest()) == (file.size, file.sha256)
    result = json.loads((workspace / slides.handoff.directory / "result.json").read_text())
    assert (result["status"], result["summary"]) == ("completed", "Slides made")
    kinds = {type(said).__name__ for said in await run.transcripts.tail("slides", 1)}
    assert {"TextDelta", "ThinkingDelta", "ToolStarted", "ToolEnded", "UsageReported"} <= kinds


async def test_a_model_that_never_gives_a_result_fails_the_step_and_its_text_is_kept(
    agent: PiAgent, server: ModelServer, tmp_path: Path
) -> None:
    server.rules = [Rule("", [Turn(text="I would rather talk about the weather.")])]
    runtime = create_pi_plan_runtime(workspace_root=tmp_path, session_factory=agent)
    state = await runtime.run_plan(plan({"talk": []}))
    assert state.status == "failed"
    attempt = state.steps["talk"].attempt
    assert attempt is not None
    assert attempt.reprompts == 2
    assert attempt.error.startswith("the agent did not end with a valid result and was asked again twice")
    assert "weather" in attempt.error_detail
    assert len(server.requests) == 3


async def test_a_step_asks_in_the_middle_of_its_turn_and_others_use_its_slot_meanwhile(
    agent: PiAgent, server: ModelServer, tmp_path: Path
) -> None:
    ask = {"message": "Which audience?", "fields": [{"name": "audience", "type": "text"}]}
    server.rules = [
        Rule("# Step `outline`", [Turn(tools=[Tool("ask_user", ask)]), Turn(text=done("Outline for seed"))]),
        Rule("# Step `logo`", [Turn(text=done("A logo"))]),
    ]
    runtime = create_pi_plan_runtime(
        workspace_root=tmp_path, session_factory=agent, scheduler={"max_concurrency": 1}
    )
    async with runtime:
        run = await runtime.create_run(plan({"outline": [], "logo": []}))
        await run.start()
        state = await run.wait()
        assert (state.status, state.steps["logo"].status) == ("waiting_user", "completed")
        (open_ask,) = state.asks.values()
        assert (open_ask.live, open_ask.request["fields"]) == (True, ask["fields"])
        await run.answer(open_ask.id, {"audience": "seed"})
        state = await run.wait()
    assert state.status == "completed", state.reason
    (attempt,) = state.steps["outline"].attempts
    assert (attempt.reprompts, attempt.summary) == (0, "Outline for seed")
    asked, told = [r for r in server.requests if "# Step `outline`" in r.prompt]
    assert "ask with the tool `ask_user`" in asked.prompt
    assert told.messages[-1]["role"] == "tool"
    assert '"audience": "seed"' in told.messages[-1]["content"]


async def test_steps_wait_for_a_provider_that_answers_429_and_none_fails(
    agent: PiAgent, server: ModelServer, tmp_path: Path
) -> None:
    time = [datetime(2026, 5, 4, 12, 0, tzinfo=UTC)]
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        await anyio.lowlevel.checkpoint()
        pauses.append(seconds)
        time[0] += timedelta(seconds=seconds)
        if len(pauses) == 2:
            server.refuses = None

    def named(name: str) -> Agent:
        assert name == "pi"
        return agent

    server.refuses = 429
    server.rules = [Rule("", [Turn(text=done("ok"))])]
    runtime = PlanRuntime(
        store=MemoryRuntimeStore(),
        make_agent=named,
        sweep=sweep_processes,
        options=RunOptions(workspace=tmp_path, max_concurrency=2),
        now=lambda: time[0],
        quota=QuotaPolicy(sleep=sleep, clock=lambda: time[0].timestamp()),
    )
    seen: list[ev.RuntimeEvent] = []
    async with runtime:
        run = await runtime.create_run(plan({f"s{number}": [] for number in range(20)}))
        run.subscribe(seen.append)
        await run.start()
        state = await run.wait()
    assert (state.status, state.limits) == ("completed", {})
    assert not [event for event in seen if isinstance(event, ev.StepFailed)]
    limited = [event for event in seen if isinstance(event, ev.ProviderLimited)]
    assert pauses[:2] == [20.0, 40.0]
    assert "429" in limited[0].reason
    assert sum(len(step.attempts) for step in state.order) <= 20 + 2 + len(limited)
