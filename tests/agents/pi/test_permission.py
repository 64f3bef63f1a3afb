"""Tool calls that are asked for, in both versions of the real Pi."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest

from piplan_tui.agents.protocol import AskRaised, AskReply, SessionRequest, ToolEnded
from piplan_tui.run.asks import read_request
from piplan_tui.run.permission import Decided, decide
from tests.support.model_server import ModelServer, Rule, Tool, Turn
from tests.support.pi_sessions import RESULT, Events, MakeAgent

pytestmark = pytest.mark.anyio


async def test_each_tool_call_is_asked_for(
    server: ModelServer, make_agent: MakeAgent, session_request: SessionRequest, workspace: Path
) -> None:
    server.rules[:0] = [
        Rule(
            "S-WRITE",
            [Turn(tools=[Tool("write", {"path": "a.txt", "content": "new"})]), Turn(text=RESULT)],
        ),
        Rule("S-RUN", [Turn(tools=[Tool("bash", {"command": "echo ran > ran.txt"})]), Turn(text=RESULT)]),
    ]
    wanted = msgspec.structs.replace(session_request, permissions="ask")
    async with make_agent() as agent:
        session = await agent.open(wanted)

        async def prompt(text: str, reply: AskReply) -> Events:
            events = Events()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.prompt, text, events)
                ask: AskRaised = await events.wait_for(AskRaised)
                await session.answer(ask.ask_id, reply)
            return events

        once = AskReply(action="accept", values={"decision": "once"})
        events = await prompt("S-WRITE", once)
        request = events.of(AskRaised)[0].request
        assert decide("allow-in-workspace", request, workspace) == Decided(True, "once")
        assert decide("allow-read-only", request, workspace) is None
        form = read_request(request)
        assert (form.kind, form.message) == ("permission", "Allow write a.txt?")
        assert (workspace / "a.txt").read_text() == "new"

        for reply in (
            AskReply(action="accept", values={"decision": "no"}),
            AskReply(action="decline"),
            AskReply(action="cancel"),
        ):
            events = await prompt("S-RUN", reply)
            [ended] = events.of(ToolEnded)
            assert (ended.ok, "did not allow" in ended.text) == (False, True)
            assert not (workspace / "ran.txt").exists()
        events = await prompt("S-RUN", once)
        assert events.of(AskRaised)[0].request["context"] == [
            {"type": "command", "text": "echo ran > ran.txt"}
        ]
        assert (workspace / "ran.txt").exists()
        await session.close()
        # a user without a policy has Pi as it always was
        session = await agent.open(session_request)
        events = Events()
        await session.prompt("S-RUN", events)
        assert events.of(AskRaised) == []
