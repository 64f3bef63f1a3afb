"""The tool `ask_user` for models of agents over ACP: an MCP server of ours in their sessions."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import psutil
import pytest

from piplan_tui.agents.acp.agent import AcpAgent
from piplan_tui.agents.protocol import AskRaised, AskReply, AskWithdrawn, SessionRequest, Turn
from piplan_tui.run.asks import read_request
from tests.agents.acp.conftest import MakeAcp
from tests.support.model_server import ModelServer, Rule, Tool
from tests.support.model_server import Turn as ModelTurn
from tests.support.opencode import opencode_command, opencode_environment
from tests.support.pi_sessions import RESULT, Events, alive_of, with_step

pytestmark = pytest.mark.anyio

QUESTION: dict[str, Any] = {
    "message": "Which audience?",
    "title": "Audience",
    "fields": [
        {"name": "audience", "type": "choice", "options": [{"value": "seed", "label": "Seed \u2028"}]}
    ],
}


async def asked(session: Any, prompt: str, reply: AskReply) -> tuple[AskRaised, Turn]:
    events, turns = Events(), []

    async def run() -> None:
        turns.append(await session.prompt(prompt, events))

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run)
        ask: AskRaised = await events.wait_for(AskRaised)
        await session.answer(ask.ask_id, reply)
    return ask, turns[0]


async def test_answers_declines_and_cancels_reach_the_model(
    make_acp: MakeAcp, session_request: SessionRequest, workspace: Path
) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        assert session.ask_tool == "ask_user"
        prompt = f"ask {json.dumps({**QUESTION, 'expires': {'afterSeconds': 0.01, 'then': 'cancel'}})}"
        values = {"audience": "seed"}
        ask, turn = await asked(session, prompt, AskReply(action="accept", values=values))
        assert "expires" not in ask.request, "a time limit is not the model's to set"
        form = read_request(ask.request)
        assert (form.title, form.message) == ("Audience", "Which audience?")
        assert [(field.name, field.type) for field in form.fields] == [("audience", "choice")]
        assert turn.text == 'The user answered:\n{\n  "audience": "seed"\n}'
        _, turn = await asked(session, prompt, AskReply(action="decline"))
        assert turn.text.startswith("The user declined")
        _, turn = await asked(session, prompt, AskReply(action="cancel"))
        assert turn.text.startswith("The user cancelled")
        ask, turn = await asked(
            session, 'ask {"message": "Say"}', AskReply(action="accept", values={"answer": "x"})
        )
        assert [field.name for field in read_request(ask.request).fields] == ["answer"]
        tool = json.loads((workspace / "tool").read_text())
        assert "secret" not in json.dumps(tool["input_schema"])
        await session.close()
        # a model without any tool does not get this one
        session = await agent.open(with_step(session_request, "slides", tools=()))
        assert session.ask_tool == ""
    assert alive_of(session_request.run_id) == []


async def test_a_question_that_the_agent_gives_up_is_withdrawn(
    make_acp: MakeAcp, session_request: SessionRequest
) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        events = Events()
        turn = await session.prompt('ask {"message": "Say", "seconds": 0.3}', events)
        assert turn.text.startswith("gave up")
        [ask] = events.of(AskRaised)
        withdrawn = await events.wait_for(AskWithdrawn)
        assert (withdrawn.ask_id, withdrawn.reason) == (ask.ask_id, "the agent does not wait any more")


async def test_a_cancelled_prompt_leaves_no_server_behind(
    make_acp: MakeAcp, session_request: SessionRequest
) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        events = Events()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.prompt, 'ask {"message": "Say"}', events)
            await events.wait_for(AskRaised)
            below = psutil.Process(session.ref.pid).children(recursive=True)
            [asking] = [process for process in below if "ask_server.py" in " ".join(process.cmdline())]
            tasks.cancel_scope.cancel()
        assert not asking.is_running()
        assert alive_of(session_request.run_id) == []


async def test_the_model_of_the_real_opencode_asks(
    server: ModelServer, session_request: SessionRequest, tmp_path: Path
) -> None:
    server.rules[:0] = [
        Rule("S-ASK", [ModelTurn(tools=[Tool("piplan_ask_user", QUESTION)]), ModelTurn(text=RESULT)])
    ]
    async with AcpAgent(opencode_command(), environment=opencode_environment(tmp_path, server)) as agent:
        session = await agent.open(session_request)
        ask, turn = await asked(session, "S-ASK", AskReply(action="accept", values={"audience": "seed"}))
        assert read_request(ask.request).title == "Audience"
        assert turn.text == RESULT
        results = [m["content"] for m in server.requests[-1].messages if m["role"] == "tool"]
        assert '"audience": "seed"' in str(results[-1])
    assert alive_of(session_request.run_id) == []
