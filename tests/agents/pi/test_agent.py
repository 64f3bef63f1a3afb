"""The real Pi, both versions, against the scripted model server."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anyio
import msgspec
import pytest

from piplan_tui.agents.pi import PiAgent, PiLimits
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskRaised,
    AskReply,
    AskWithdrawn,
    Notice,
    Recovered,
    Retrying,
    SessionRequest,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    UsageReported,
)
from tests.support.model_server import ModelServer, Rule, Tool, Turn, pi_environment
from tests.support.pi_sessions import RESULT, Events, MakeAgent, alive_of, with_step
from tests.support.pi_versions import PiVersion

pytestmark = pytest.mark.anyio

EXTENSION = Path(__file__).parents[2] / "support" / "ask_extension.ts"


async def test_turns_sessions_and_reuse(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest, workspace: Path
) -> None:
    """Text, thinking, tools, tokens and money; then another session in the same process."""
    server.rules[:0] = [
        Rule("S-WAIT", [Turn(text='{"status": "waiting_user"}', usage={"input": 90, "output": 60})]),
        Rule("S-ANSWER", [Turn(text="odd \u2028 separator \u2029 \U0001f600", usage=None)]),
        Rule("S-CUT", [Turn(text="cut", stop="length")]),
        Rule("S-FAIL", [Turn(tools=[Tool("bash", {"command": "echo no >&2; exit 3"})]), Turn(text=RESULT)]),
    ]
    async with make_agent() as agent:
        session = await agent.open(session_request)
        events = Events()
        turn = await session.prompt("step id: outline", events)
        assert '"summary": "Wrote outline.md"' in turn.text
        assert turn.stop == "end"
        assert (workspace / "outline.md").read_text() == "notes of outline\n"
        assert events.text == "Let me look. " + turn.text
        assert "".join(e.text for e in events.of(ThinkingDelta)) == "The step is outline."
        started, ended = events.of(ToolStarted)[0], events.of(ToolEnded)[0]
        assert (started.tool, started.call_id) == ("bash", ended.call_id)
        assert started.target.startswith("printf 'notes of outline")
        assert (ended.ok, ended.text) == (True, "notes of outline\n")
        assert events.of(ToolOutput)[-1].text == "notes of outline\n"
        usage = events.of(UsageReported)[-1].usage
        assert (usage.input, usage.output) == (320, 61)
        assert usage.cost_usd == pytest.approx(320e-6 + 61 * 2e-6)

        # the same session goes on, and its usage with it
        waiting = Events()
        await session.prompt("S-WAIT", waiting)
        assert waiting.of(UsageReported)[-1].usage.tokens == 381 + 150
        answered = await session.prompt("S-ANSWER", Events())
        assert answered.text == "odd \u2028 separator \u2029 \U0001f600"
        assert [m["role"] for m in server.requests[-1].messages if m["role"] == "user"] == ["user"] * 3
        assert (await session.prompt("S-CUT", Events())).stop == "length"
        failing = Events()
        await session.prompt("S-FAIL", failing)
        assert not failing.of(ToolEnded)[0].ok
        assert "no" in failing.of(ToolEnded)[0].text
        first = session.ref
        await session.close()

        # a fresh conversation in the same process, though the step and the folder are others
        other = with_step(session_request, "slides", session_dir=workspace.parent / "other")
        session = await agent.open(other)
        assert session.ref.pid == first.pid
        assert session.ref.session_id != first.session_id
        assert Path(session.ref.file).parent == workspace.parent / "other"
        events = Events()
        await session.prompt("step id: slides", events)
        assert len([m for m in server.requests[-1].messages if m["role"] == "user"]) == 1
        assert events.of(UsageReported)[-1].usage.tokens == 381
        assert await anyio.Path(session.ref.file).is_file()
        await session.close()
        session = await agent.open(with_step(session_request, "again", session_dir=other.session_dir))
        assert (session.ref.pid, Path(session.ref.file).parent) == (first.pid, other.session_dir)
        await session.close()

        # the earlier conversation goes on in the warm process
        resumed = await agent.open(msgspec.structs.replace(session_request, resume=first))
        assert (resumed.ref.pid, resumed.ref.session_id) == (first.pid, first.session_id)
        await resumed.prompt("S-ANSWER", Events())
        assert len([m for m in server.requests[-1].messages if m["role"] == "user"]) == 6
        await resumed.close()
    assert alive_of(session_request.run_id) == []

    # and in another process, on another day
    async with make_agent() as agent:
        resumed = await agent.open(msgspec.structs.replace(session_request, resume=first))
        assert resumed.ref.pid != first.pid
        assert resumed.ref.session_id == first.session_id
        await resumed.prompt("S-ANSWER", Events())
        assert len([m for m in server.requests[-1].messages if m["role"] == "user"]) == 7
        await resumed.close()

        lost = msgspec.structs.replace(first, file=str(workspace / "gone.jsonl"))
        session = await agent.open(msgspec.structs.replace(session_request, resume=lost))
        events = Events()
        await session.prompt("S-ANSWER", events)
        assert "a new conversation was started" in events.of(Notice)[0].text
        assert len([m for m in server.requests[-1].messages if m["role"] == "user"]) == 1


async def test_retries_and_refusals(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest, pi_version: PiVersion
) -> None:
    """429 and 529 pass after a retry; 401 and an endless 500 fail with a sentence, and the session lives on."""
    server.rules[:0] = [
        Rule("S-429", [Turn(text=RESULT, errors=[429])]),
        Rule("S-529", [Turn(text=RESULT, errors=[529] * 3)]),
        Rule("S-500", [Turn(text=RESULT, errors=[500] * 40)]),
        Rule("S-401", [Turn(text=RESULT, errors=[401] * 9)]),
        Rule("S-DROP", [Turn(text=["half ", "of it"], drop=True)]),
    ]
    async with make_agent() as agent:
        session = await agent.open(session_request)
        events = Events()
        assert (await session.prompt("S-429", events)).text == RESULT
        if pi_version.version != "0.72.1":  # there it is retried inside of Pi's client
            assert events.of(Retrying)[0].attempt == 1
            assert "429" in events.of(Retrying)[0].error
            assert events.of(Recovered) == [Recovered(ok=True)]
        events = Events()
        assert (await session.prompt("S-529", events)).text == RESULT
        retrying = events.of(Retrying)[0]
        assert (retrying.attempt, retrying.max_attempts, retrying.delay_seconds) == (1, 3, 0.02)
        assert "529" in retrying.error
        assert events.of(Recovered) == [Recovered(ok=True)]

        with pytest.raises(AgentFailure, match=r"did not accept the key: .*401.*invalid api key") as refused:
            await session.prompt("S-401", Events())
        assert (refused.value.kind, refused.value.retryable) == ("auth", False)
        events = Events()
        with pytest.raises(AgentFailure, match=r"scripted/scripted-1 failed the request: .*500") as failed:
            await session.prompt("S-500", events)
        assert (failed.value.kind, failed.value.retryable) == ("provider", True)
        assert [event.attempt for event in events.of(Retrying)] == [1, 2, 3]
        assert events.of(Recovered) == [Recovered(ok=False)]
        with pytest.raises(AgentFailure) as dropped:
            await session.prompt("S-DROP", Events())
        assert (dropped.value.kind, dropped.value.retryable) == ("provider", True)
        await session.prompt("step id: after", Events())
        await session.close()


async def test_questions_of_an_extension(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest
) -> None:
    """Every kind of dialog is raised and answered; one with a time limit is withdrawn; abort closes one."""

    def asking(kind: str, **arguments: Any) -> list[Turn]:
        return [Turn(tools=[Tool("ask_user", {"kind": kind, **arguments})]), Turn(text=RESULT)]

    server.rules[:0] = [
        Rule("S-ALL", asking("all")),
        Rule("S-LATE", asking("select", timeout=50)),
        Rule("S-OPEN", asking("select")),
    ]
    replies = {
        "select": {"answer": "Enterprise buyers"},
        "input": {"answer": "7"},
        "confirm": {"answer": True},
        "editor": {"answer": "edited\n"},
    }
    async with make_agent("-e", str(EXTENSION)) as agent:
        session = await agent.open(session_request)
        events = Events()
        async with anyio.create_task_group() as tasks:
            tasks.start_soon(session.prompt, "S-ALL", events)
            for number in range(1, 5):
                ask = await events.wait_for(AskRaised, number)
                method = ask.request["source"]["method"]
                await session.answer(ask.ask_id, AskReply(action="accept", values=replies[method]))
        asked = {ask.request["source"]["method"]: ask.request for ask in events.of(AskRaised)}
        assert asked["select"]["fields"][0]["options"] == [
            {"value": "Seed investors"},
            {"value": "Enterprise buyers"},
        ]
        assert asked["editor"]["fields"][0]["default"] == "prefilled"
        assert json.loads(events.of(ToolEnded)[0].text) == {
            "select": "Enterprise buyers",
            "input": "7",
            "confirm": True,
            "editor": "edited\n",
        }
        assert Notice("thank you", "warning") in events
        assert events.of(AskWithdrawn) == []
        with pytest.raises(AgentFailure, match="does not wait for this answer"):
            await session.answer(events.of(AskRaised)[0].ask_id, AskReply(action="accept"))

        events = Events()
        await session.prompt("S-LATE", events)
        ask = events.of(AskRaised)[0]
        assert ask.request["expires"] == {"afterSeconds": 0.05, "then": "cancel", "owner": "agent"}
        assert events.of(AskWithdrawn) == [AskWithdrawn(ask.ask_id, "its time limit ran out", expired=True)]

        events = Events()
        with anyio.fail_after(15):
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(session.prompt, "S-OPEN", events)
                await events.wait_for(AskRaised)
                tasks.cancel_scope.cancel()
        assert alive_of(session_request.run_id) == []


async def test_steering(make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest) -> None:
    server.rules[:0] = [
        Rule("S-STEERED", [Turn(text="as you wish")]),
        Rule("S-GATE", [Turn(text=["work", "ing"], gate="steer"), Turn(text=RESULT)]),
    ]
    async with make_agent() as agent:
        session = await agent.open(session_request)
        assert not await session.steer("too early")
        turns = []

        async def run() -> None:
            turns.append(await session.prompt("S-GATE", Events()))

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(run)
            await server.gate("steer").wait_reached()
            assert await session.steer("S-STEERED instead")
            server.gate("steer").release()
        assert turns[0].text == "as you wish"


async def test_other_settings_need_another_process(
    newest_pi: PiVersion, server: ModelServer, session_request: SessionRequest, tmp_path: Path
) -> None:
    environment = pi_environment(tmp_path, server)
    async with PiAgent(newest_pi.command, environment=environment, limits=PiLimits(max_idle=1)) as agent:
        pids = []
        for tools in (None, ("read",), None):
            session = await agent.open(with_step(session_request, "s", tools=tools))
            pids.append(session.ref.pid)
            await session.close()
        # one idle process is kept, so the first had gone when its settings came again
        assert len(set(pids)) == 3
        assert len(alive_of(session_request.run_id)) == 1
