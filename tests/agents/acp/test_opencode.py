"""The real opencode against the scripted model server."""

from __future__ import annotations

from pathlib import Path

import anyio
import msgspec
import pytest

from piplan_tui.agents.acp.agent import AcpAgent
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskRaised,
    AskReply,
    Notice,
    SessionRequest,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    UsageReported,
)
from tests.support.model_server import ModelServer, Rule, Tool, Turn
from tests.support.opencode import opencode_command, opencode_environment
from tests.support.pi_sessions import RESULT, Events, alive_of, with_step

pytestmark = pytest.mark.anyio


def bash(command: str) -> Tool:
    return Tool("bash", {"command": command, "description": "try it"})


async def test_turns_sessions_and_models(
    server: ModelServer, session_request: SessionRequest, workspace: Path, tmp_path: Path
) -> None:
    server.rules[:0] = [
        Rule("S-TOOLS", [
            Turn(text="Let me look. ", thinking="Hm.", tools=[bash("echo hi > hi.txt; cat hi.txt")]),
            Turn(text=["Do", "ne."], usage={"input": 220, "output": 41}),
        ]),
        Rule("S-FAIL", [Turn(tools=[bash("echo no; exit 3")]), Turn(text=RESULT)]),
        Rule("S-401", [Turn(text=RESULT, errors=[401] * 9)]),
        Rule("S-SAY", [Turn(text=RESULT)]),
    ]  # fmt: skip
    agent = AcpAgent(opencode_command(), environment=opencode_environment(tmp_path, server))
    async with agent:
        session = await agent.open(session_request)
        assert session.ref.model == "scripted/scripted-1"
        events = Events()
        turn = await session.prompt("S-TOOLS", events)
        assert (turn.text, turn.stop) == ("Done.", "end")
        assert events.text == "Let me look. Done."
        assert "".join(event.text for event in events.of(ThinkingDelta)) == "Hm."
        [started], [ended] = events.of(ToolStarted), events.of(ToolEnded)
        assert (started.tool, started.target) == ("bash", "echo hi > hi.txt; cat hi.txt")
        assert (ended.call_id, ended.ok, ended.text) == (started.call_id, True, "hi\n")
        assert events.of(ToolOutput)[-1].text == "hi\n"
        assert (workspace / "hi.txt").read_text() == "hi\n"
        # opencode reports the tokens of its last request, and the money of all of them
        usage = events.of(UsageReported)[-1].usage
        assert (usage.input, usage.output) == (220, 41)
        assert usage.cost_usd == pytest.approx(320e-6 + 61 * 2e-6)

        with pytest.raises(AgentFailure, match="did not accept the key: invalid api key") as failure:
            await session.prompt("S-401", Events())
        assert failure.value.kind == "auth"
        first = session.ref
        await session.close()

        # a fresh conversation with another model in the same process
        session = await agent.open(
            with_step(session_request, "slides", model="scripted-2", provider="scripted")
        )
        assert (session.ref.pid, session.ref.model) == (first.pid, "scripted/scripted-2")
        assert session.ref.session_id != first.session_id
        events = Events()
        await session.prompt("S-FAIL", events)
        assert events.of(ToolEnded)[0].text.startswith("no")
        assert server.requests[-1].body["model"] == "scripted-2"
        assert len([m for m in server.requests[-1].messages if m["role"] == "user"]) == 1
        await session.close()

        with pytest.raises(
            AgentFailure, match="has no model scripted-9; it has scripted/scripted-"
        ) as failure:
            await agent.open(with_step(session_request, "slides", model="scripted-9"))
        assert failure.value.kind == "unusable"
    assert alive_of(session_request.run_id) == []

    # the first conversation goes on in another process
    async with agent:
        session = await agent.open(msgspec.structs.replace(session_request, resume=first))
        assert (session.ref.session_id, session.ref.pid != first.pid) == (first.session_id, True)
        events = Events()
        await session.prompt("S-SAY", events)
        assert events.text == RESULT
        assert events.of(Notice) == []
        texts = str([m["content"] for m in server.requests[-1].messages if m["role"] == "user"])
        assert "S-TOOLS" in texts
        # what was spent before is remembered, and not counted again
        assert events.of(UsageReported)[-1].usage.cost_usd == pytest.approx(100e-6 + 20 * 2e-6)


async def test_permissions_and_cancel(
    server: ModelServer, session_request: SessionRequest, workspace: Path, tmp_path: Path
) -> None:
    server.rules[:0] = [
        Rule("S-RUN", [Turn(tools=[bash("echo ran > ran.txt")]), Turn(text=RESULT)]),
        Rule(
            "S-WRITE",
            [
                Turn(tools=[Tool("write", {"filePath": str(workspace / "a.txt"), "content": "new\n"})]),
                Turn(text=RESULT),
            ],
        ),
        Rule("S-SLEEP", [Turn(tools=[bash("echo begun; sleep 300")]), Turn(text=RESULT)]),
    ]
    permission = {"bash": {"*": "ask", "sleep *": "allow", "echo begun": "allow"}, "edit": "ask"}
    environment = opencode_environment(tmp_path, server, permission=permission)
    async with AcpAgent(opencode_command(), environment=environment) as agent:
        session = await agent.open(session_request)

        async def prompt(text: str, reply: AskReply) -> Events:
            events = Events()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.prompt, text, events)
                ask: AskRaised = await events.wait_for(AskRaised)
                await session.answer(ask.ask_id, reply)
            return events

        events = await prompt("S-RUN", AskReply(action="accept", values={"decision": "once"}))
        assert events.of(AskRaised)[0].request["context"][0] == {
            "type": "command",
            "text": "echo ran > ran.txt",
        }
        assert events.of(ToolEnded)[0].ok
        assert (workspace / "ran.txt").exists()

        events = await prompt("S-WRITE", AskReply(action="decline"))
        assert "+new" in events.of(AskRaised)[0].request["context"][0]["text"]
        assert not events.of(ToolEnded)[0].ok
        assert not (workspace / "a.txt").exists()

        # opencode writes through its client once it may
        events = await prompt("S-WRITE", AskReply(action="accept", values={"decision": "once"}))
        assert (workspace / "a.txt").read_text() == "new\n"

        events = Events()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.prompt, "S-SLEEP", events)
            await events.wait_for(ToolOutput)
            assert [line for line in alive_of(session_request.run_id) if "sleep 300" in line]
            tasks.cancel_scope.cancel()
        assert alive_of(session_request.run_id) == []
