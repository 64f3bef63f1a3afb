"""A small agent over ACP in a process of its own: conversations, settings, ends and failures."""

from __future__ import annotations

import json
import os
import signal
import sys
from pathlib import Path

import anyio
import msgspec
import pytest

from piplan_tui.agents.acp.agent import AcpAgent
from piplan_tui.agents.acp.launch import AcpLimits
from piplan_tui.agents.process import RUN_MARK, STEP_MARK
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskRaised,
    AskReply,
    Notice,
    SessionRequest,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolStarted,
    Turn,
    UsageReported,
)
from piplan_tui.run.model import SessionRef, Usage
from tests.agents.acp.conftest import MakeAcp
from tests.support.pi_sessions import Events, alive_of, with_step

pytestmark = pytest.mark.anyio


async def test_a_turn_and_another_session(
    make_acp: MakeAcp, session_request: SessionRequest, workspace: Path
) -> None:
    """Everything that a turn can say; then a fresh conversation in the same process."""
    async with make_acp() as agent:
        session = await agent.open(session_request)
        events = Events()
        file = workspace / "notes.md"
        turn = await session.prompt(
            f"think hm\nsay Let me see. \nplan\nedit {file}\nsay All \nsay done.\nusage 130 100 20 10 0.5USD",
            events,
        )
        assert (turn.text, turn.stop) == ("All done.", "end")
        assert events.text == "Let me see. All done."
        assert events.of(ThinkingDelta) == [ThinkingDelta("hm")]
        assert events.of(Notice) == [Notice("the agent's plan\n[x] look\n[>] fix")]
        [started], [ended] = events.of(ToolStarted), events.of(ToolEnded)
        assert (started.tool, started.target) == ("edit", "notes.md")
        assert started.arguments == {"path": str(file)}
        assert ended.ok
        assert ended.text.splitlines()[2:] == ["@@ -1,3 +1,3 @@", " one", "-two", "+2", " three"]
        # reasoning counts as output where the total says that it is not in it already
        assert events.of(UsageReported)[-1].usage == Usage(input=100, output=30, cost_usd=0.5)
        assert session.ref.session_id
        assert session.ref.model == ""

        more = Events()
        await session.prompt("usage 120 100 20 20 0.75USD", more)
        assert more.of(UsageReported)[-1].usage == Usage(input=200, output=50, cost_usd=0.75)
        unknown = Events()
        await session.prompt("say nothing about tokens", unknown)
        assert unknown.of(UsageReported) == []
        first = session.ref
        await session.close()

        session = await agent.open(with_step(session_request, "slides"))
        assert session.ref.pid == first.pid
        assert session.ref.session_id != first.session_id
        events = Events()
        turn = await session.prompt("history\nusage 5 0 5 0 3.0EUR", events)
        assert json.loads(turn.text) == ["history\nusage 5 0 5 0 3.0EUR"]
        assert events.of(UsageReported)[-1].usage == Usage(input=0, output=5)
        assert (await session.prompt("environment " + RUN_MARK, Events())).text == session_request.run_id
        assert (await session.prompt("environment " + STEP_MARK, Events())).text == ""
        assert not await session.steer("hurry")
        # the protocol knows nothing in the middle of a turn, so a message waits for its end
        events = Events()
        async with anyio.create_task_group() as tasks:
            turns: list[Turn] = []

            async def prompt() -> None:
                turns.append(await session.prompt("permission go on", events))

            tasks.start_soon(prompt)
            ask: AskRaised = await events.wait_for(AskRaised)
            assert await session.steer("say hurry") == "queued"
            assert await session.steer("say up") == "queued"
            await session.answer(ask.ask_id, AskReply(action="decline"))
        assert turns[0].text.endswith("hurryup")
        assert json.loads((await session.prompt("history", Events())).text)[-2] == "say hurry\n\nsay up"
        await session.close()

        # another workspace is another process
        other = msgspec.structs.replace(session_request, workspace=workspace.parent)
        session = await agent.open(other)
        assert session.ref.pid != first.pid
    assert alive_of(session_request.run_id) == []


async def test_earlier_conversations(
    make_acp: MakeAcp, session_request: SessionRequest, tmp_path: Path
) -> None:
    """Taken up again in another process; what was spent before and the replay belong to the past."""
    async with make_acp("--store", str(tmp_path)) as agent:
        assert agent.continues_sessions
        session = await agent.open(session_request)
        await session.prompt("say one", Events())
        earlier = session.ref
    async with make_acp("--store", str(tmp_path)) as agent:
        session = await agent.open(msgspec.structs.replace(session_request, resume=earlier))
        assert session.ref.session_id == earlier.session_id
        events = Events()
        turn = await session.prompt("history\nusage 2 1 1 0 5.25USD", events)
        assert json.loads(turn.text)[0] == "say one"
        assert events.text == turn.text
        assert events.of(UsageReported)[-1].usage == Usage(input=1, output=1, cost_usd=0.25)
        assert events.of(Notice) == []
        await session.close()

        lost = msgspec.structs.replace(earlier, session_id="gone")
        session = await agent.open(msgspec.structs.replace(session_request, resume=lost))
        assert session.ref.session_id not in ("gone", earlier.session_id)
        events = Events()
        await session.prompt("say two", events)
        assert events.of(Notice)[0].text.startswith("a new conversation was started: ")
        assert "did not load the earlier one: Resource not found" in events.of(Notice)[0].text
        await session.close()

        foreign = SessionRef(agent="pi", session_id=earlier.session_id)
        session = await agent.open(msgspec.structs.replace(session_request, resume=foreign))
        assert session.ref.session_id != earlier.session_id


async def test_ends_and_errors_of_turns(make_acp: MakeAcp, session_request: SessionRequest) -> None:
    async with make_acp(system_prompt="say (preamble) ") as agent:
        session = await agent.open(session_request)
        assert (await session.prompt("say cut\nstop max_tokens", Events())).text == "(preamble) cut"
        turn = await session.prompt("say cut\nstop max_tokens", Events())
        assert (turn.text, turn.stop) == ("cut", "length")
        events = Events()
        assert (await session.prompt("stop max_turn_requests", events)).stop == "length"
        assert "reached its limit of model requests" in events.of(Notice)[0].text
        assert (await session.prompt("stop cancelled", Events())).stop == "aborted"
        for prompt, kind, retryable, words in (
            ("say No.\nstop refusal", "provider", False, "refused to go on: No."),
            ("fail -32603 429 too many requests", "rate_limit", True, "limits the rate of requests: 429"),
            ("fail -32603 invalid api key", "auth", False, "did not accept the key: invalid api key"),
            ("fail -32603 overloaded", "provider", True, "failed: overloaded"),
            ("fail -32000 Authentication required", "auth", False, "is not logged in: run own-agent login"),
        ):
            with pytest.raises(AgentFailure) as failure:
                await session.prompt(prompt, Events())
            assert (failure.value.kind, failure.value.retryable) == (kind, retryable)
            assert words in failure.value.message
            assert agent.name in failure.value.message
        # none of this ended the session
        assert (await session.prompt("say still here", Events())).text == "still here"
        events = Events()
        turn = await session.prompt("garbage {not json\ngarbage [1]\nsay fine", events)
        assert turn.text == "fine"
        assert [n.text.rpartition(": ")[2] for n in events.of(Notice)] == ["{not json", "[1]"]


async def test_death_and_silence(make_acp: MakeAcp, session_request: SessionRequest) -> None:
    limits = AcpLimits(silence_seconds=1.0, abort_seconds=0.2)
    async with make_acp(limits=limits) as agent:
        session = await agent.open(session_request)
        with pytest.raises(AgentFailure) as failure:
            await session.prompt("die out of luck", Events())
        assert failure.value.kind == "died"
        assert failure.value.message.endswith("ended in the middle of its turn (exit code 3): out of luck")
        assert failure.value.retryable
        with pytest.raises(AgentFailure):
            await session.prompt("say again", Events())
        await session.close()

        session = await agent.open(session_request)
        assert session.ref.pid is not None
        os.kill(session.ref.pid, signal.SIGKILL)
        with pytest.raises(AgentFailure, match="killed by SIGKILL"):
            await session.prompt("say hello", Events())

        session = await agent.open(session_request)
        with pytest.raises(AgentFailure) as failure:
            await session.prompt("hang", Events())
        assert failure.value.kind == "hung"
        assert "said nothing for 1 s while no tool ran" in failure.value.message
        assert alive_of(session_request.run_id) == []


async def test_a_cancelled_turn_leaves_nothing(make_acp: MakeAcp, session_request: SessionRequest) -> None:
    async with make_acp(limits=AcpLimits(abort_seconds=1.0)) as agent:
        for prompt, kind in (
            ("wait", TextDelta),
            ("say on\nleave sleep 300\nhang", TextDelta),
            ("run sleep 300", ToolStarted),
            ("permission rm", AskRaised),
        ):
            session = await agent.open(session_request)
            events = Events()
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.prompt, prompt, events)
                await events.wait_for(kind)
                tasks.cancel_scope.cancel()
            assert alive_of(session_request.run_id) == []
            with pytest.raises(AgentFailure):
                await session.prompt("say more", Events())


async def test_modes_models_and_tools(make_acp: MakeAcp, session_request: SessionRequest) -> None:
    request = msgspec.structs.replace(session_request, model="big", thinking="high", tools=("read",))
    async with make_acp("--modes", mode="Do") as agent:
        session = await agent.open(request)
        events = Events()
        turn = await session.prompt("history", events)
        assert json.loads(turn.text)[0] == "mode do"
        model, effort, tools = events.of(Notice)
        assert model.text.endswith("does not let its model be chosen; it uses its own, not big")
        assert effort.text.endswith("does not let its thinking level be chosen; it uses its own, not high")
        assert tools.text.endswith("cannot be limited to some tools; it has all of its own")
    async with make_acp("--modes", mode="fly") as agent:
        with pytest.raises(AgentFailure, match="has no mode fly; it has ask, do") as failure:
            await agent.open(session_request)
        assert failure.value.kind == "unusable"
        assert alive_of(session_request.run_id) == []


async def test_agents_that_cannot_be_used(
    make_acp: MakeAcp, session_request: SessionRequest, workspace: Path, tmp_path: Path
) -> None:
    limits = AcpLimits(start_seconds=1.0)

    async def failure_of(agent: AcpAgent) -> AgentFailure:
        async with agent:
            with pytest.raises(AgentFailure) as failure:
                await agent.open(session_request)
        assert alive_of(session_request.run_id) == []
        assert "\n" not in failure.value.message
        return failure.value

    failure = await failure_of(AcpAgent("opencode", environment={"PATH": str(tmp_path)}))
    assert failure.kind == "missing"
    assert failure.message == (
        "the program opencode of acp:opencode was not found on PATH; "
        "install it with npm install -g opencode-ai"
    )
    failure = await failure_of(AcpAgent("./agent --fast"))
    assert failure.message == f"the program ./agent of acp:./agent --fast was not found in {workspace}"
    (workspace / "agent").write_text("")
    failure = await failure_of(AcpAgent("./agent"))
    assert (failure.kind, "chmod +x" in failure.message) == ("unusable", True)

    ending = f"{sys.executable} -c 'import sys; sys.exit(\"no such option: acp\")'"
    failure = await failure_of(AcpAgent(ending))
    assert failure.kind == "unusable"
    assert failure.message.endswith("did not come up as an ACP agent (exit code 1): no such option: acp")
    # what is sent comes back
    failure = await failure_of(AcpAgent("cat"))
    assert (failure.kind, failure.message.partition(":")[0]) == ("protocol", "acp")

    chatty = "sh -c 'echo Welcome!; cat >/dev/null'"
    failure = await failure_of(AcpAgent(chatty, limits=limits))
    assert failure.kind == "protocol"
    assert "does not speak ACP" in failure.message
    assert failure.message.endswith("but wrote: Welcome!")
    failure = await failure_of(make_acp("--mute", limits=limits))
    assert (failure.kind, failure.retryable) == ("hung", True)
    assert failure.message.endswith("did not answer initialize within 1 s")
    failure = await failure_of(make_acp("--version", "9"))
    assert failure.message.endswith("speaks version 9 of ACP, this is version 1")
    failure = await failure_of(make_acp("--locked"))
    assert failure.kind == "auth"
    assert failure.message.endswith("is not logged in: run own-agent login")


async def test_an_agent_that_closes_its_stdout(make_acp: MakeAcp, session_request: SessionRequest) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        with pytest.raises(AgentFailure, match="in the middle of its turn \\(it closed its stdout\\)"):
            await session.prompt("mute", Events())
        assert alive_of(session_request.run_id) == []
