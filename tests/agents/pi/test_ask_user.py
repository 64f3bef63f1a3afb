"""The tool `ask_user` of our extension, in both versions of the real Pi."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from piplan_tui.agents.protocol import AskRaised, AskReply, SessionRequest, ToolEnded
from tests.support.model_server import ModelServer, Rule, Tool, Turn
from tests.support.pi_sessions import RESULT, Events, MakeAgent

pytestmark = pytest.mark.anyio

REQUEST = {
    "message": "Who is the **audience**?",
    "fields": [
        {
            "name": "audience",
            "type": "choice",
            "options": [{"value": "seed", "label": "Seed \u2028 investors"}],
        }
    ],
}
OTHERS_TOOL = """
export default function (pi: any) {
	pi.registerTool({
		name: "ask_user", label: "Ask", description: "Asks on a screen that is not there",
		parameters: { type: "object", properties: {} },
		async execute() { return { content: [{ type: "text", text: "nobody was asked" }], details: {} }; },
	});
}
"""


def tools_of(server: ModelServer) -> set[str]:
    return {tool["function"]["name"] for tool in server.requests[-1].body.get("tools", [])}


async def test_answers_declines_and_cancels_reach_the_model(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest
) -> None:
    server.rules[:0] = [Rule("S-ASK", [Turn(tools=[Tool("ask_user", REQUEST)]), Turn(text=RESULT)])]
    told: dict[str, str] = {}
    async with make_agent() as agent:
        session = await agent.open(session_request)
        assert session.ask_tool == "ask_user"
        for reply in (
            AskReply(action="accept", values={"audience": "seed"}),
            AskReply(action="decline"),
            AskReply(action="cancel"),
        ):
            events = Events()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.prompt, f"S-ASK {reply.action}", events)
                ask: AskRaised = await events.wait_for(AskRaised)
                assert (ask.request["message"], ask.request["fields"]) == (
                    REQUEST["message"],
                    REQUEST["fields"],
                )
                await session.answer(ask.ask_id, reply)
            ended = events.of(ToolEnded)[0]
            assert ended.ok
            told[reply.action] = ended.text
            assert server.requests[-1].messages[-1]["content"] == ended.text
        await session.close()
    assert told["accept"] == 'The user answered:\n{\n  "audience": "seed"\n}'
    assert told["decline"].startswith("The user declined")
    assert told["cancel"].startswith("The user cancelled")


async def test_the_model_has_it_among_few_tools_and_in_every_session_but_not_among_none(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest
) -> None:
    async with make_agent() as agent:
        few = msgspec.structs.replace(session_request, tools=("read",))
        for _ in range(2):  # the second is another conversation in the same process
            session = await agent.open(few)
            await session.prompt("hello", Events())
            assert tools_of(server) == {"read", "ask_user"}
            await session.close()
        none = await agent.open(msgspec.structs.replace(session_request, tools=()))
        await none.prompt("hello", Events())
        assert (none.ask_tool, tools_of(server)) == ("", set())
        await none.close()
    async with make_agent(ask_user=False) as agent:
        session = await agent.open(session_request)
        await session.prompt("hello", Events())
        assert session.ask_tool == ""
        assert "ask_user" not in tools_of(server)


async def test_a_tool_of_the_same_name_that_the_user_installed_does_not_keep_pi_from_starting(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest, tmp_path: Path
) -> None:
    extensions = tmp_path / "pi" / "extensions"
    extensions.mkdir()
    (extensions / "ask.ts").write_text(OTHERS_TOOL)
    server.rules[:0] = [Rule("S-ASK", [Turn(tools=[Tool("ask_user", REQUEST)]), Turn(text=RESULT)])]
    async with make_agent() as agent:
        session = await agent.open(session_request)
        events = Events()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.prompt, "S-ASK", events)
            ask: Any = await events.wait_for(AskRaised)
            await session.answer(ask.ask_id, AskReply(action="decline"))
        await session.close()
