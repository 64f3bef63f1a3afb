"""Aborts, deaths and hangs of the real Pi, both versions: nothing stays alive."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

import anyio
import psutil
import pytest

from piplan_tui.agents.pi import PiLimits, create_default_pi_session_factory
from piplan_tui.agents.protocol import (
    AgentFailure,
    SessionRequest,
    ToolOutput,
    ToolStarted,
)
from tests.support.model_server import ModelServer, Rule, Tool, Turn, pi_environment
from tests.support.pi_sessions import RESULT, Events, MakeAgent, alive_of, with_step
from tests.support.pi_versions import PiVersion

pytestmark = pytest.mark.anyio


async def test_two_sessions_at_once_and_cancel_in_the_middle_of_a_tool(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest
) -> None:
    """Two sessions are two processes; a cancelled prompt leaves nothing alive, tools included."""
    # the second command leaves the group and the parentage of its shell
    commands = ["echo begun; sleep 300", "setsid -f sleep 301; echo begun; sleep 302"]
    server.rules[:0] = [
        Rule(f"S-SLEEP-{n}", [Turn(tools=[Tool("bash", {"command": command})])])
        for n, command in enumerate(commands)
    ]
    ends: list[str] = []
    async with make_agent() as agent:

        async def work(number: int, scope: anyio.CancelScope, events: Events) -> None:
            with scope:
                session = await agent.open(with_step(session_request, f"s{number}"))
                try:
                    await session.prompt(f"S-SLEEP-{number}", events)
                finally:
                    ends.append(f"s{number}")
                    await session.close()

        scopes = [anyio.CancelScope(), anyio.CancelScope()]
        heard = [Events(), Events()]
        async with anyio.create_task_group() as tasks:
            for number in range(2):
                tasks.start_soon(work, number, scopes[number], heard[number])
            for events in heard:
                await events.wait_for(ToolOutput)
            assert (
                sum("sleep 30" in line and "node" not in line for line in alive_of(session_request.run_id))
                >= 3
            )
            scopes[0].cancel()
            scopes[1].cancel()
        assert sorted(ends) == ["s0", "s1"]
        assert alive_of(session_request.run_id) == []
        assert len({e.call_id for events in heard for e in events.of(ToolStarted)}) == 2


async def test_host_cancelled_with_everything_running(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest
) -> None:
    """Cancelling the scope around the agent itself ends all that it started."""
    server.rules.insert(
        0, Rule("S-SLEEP", [Turn(tools=[Tool("bash", {"command": "echo begun; sleep 303"})])])
    )
    events = Events()
    async with anyio.create_task_group() as tasks:

        async def host() -> None:
            async with make_agent() as agent:
                session = await agent.open(session_request)
                await session.prompt("S-SLEEP", events)

        tasks.start_soon(host)
        await events.wait_for(ToolOutput)
        tasks.cancel_scope.cancel()
    assert alive_of(session_request.run_id) == []


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "stopped"])
async def test_a_process_that_dies_or_hangs(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest, number: signal.Signals
) -> None:
    """The failure says how it ended; another session gets a new process."""
    server.rules.insert(0, Rule("S-HANG", [Turn(text=["begun", "never"], gate="hang")]))
    silence = 1.5 if number == signal.SIGSTOP else 30
    async with make_agent(limits=PiLimits(silence_seconds=silence)) as agent:
        session = await agent.open(session_request)
        assert session.ref.pid is not None
        async with anyio.create_task_group() as tasks:

            async def strike() -> None:
                await server.gate("hang").wait_reached()
                os.kill(session.ref.pid or 0, number)

            tasks.start_soon(strike)
            with pytest.raises(AgentFailure) as failure:
                await session.prompt("S-HANG", Events())
        if number == signal.SIGKILL:
            assert failure.value.kind == "died"
            assert failure.value.message == "pi ended in the middle of its turn (killed by SIGKILL)"
        else:
            assert failure.value.kind == "hung"
            assert failure.value.message == "pi said nothing for 1.5 s while no tool ran; it was stopped"
        assert failure.value.retryable
        assert alive_of(session_request.run_id) == []
        await session.close()
        with pytest.raises(AgentFailure, match="closed"):
            await session.prompt("more", Events())


async def test_pi_that_hangs_while_its_tool_runs(
    make_agent: MakeAgent, server: ModelServer, session_request: SessionRequest
) -> None:
    """A tool may be silent for long, but then Pi has to answer when it is asked."""
    command = "touch begun; read line < release; echo $line"
    server.rules.insert(
        0, Rule("S-TOOL", [Turn(tools=[Tool("bash", {"command": command})]), Turn(text=RESULT)])
    )
    os.mkfifo(session_request.workspace / "release")
    limits = PiLimits(silence_seconds=1.0, answer_seconds=1.0, start_seconds=20)
    async with make_agent(limits=limits) as agent:
        session = await agent.open(session_request)
        events = Events()

        async def strike() -> None:
            await events.wait_for(ToolStarted)
            os.kill(session.ref.pid or 0, signal.SIGSTOP)

        async with anyio.create_task_group() as tasks:
            tasks.start_soon(strike)
            with pytest.raises(AgentFailure, match="did not answer for 1 s while a tool ran") as failure:
                await session.prompt("S-TOOL", events)
        assert failure.value.kind == "hung"
        assert alive_of(session_request.run_id) == []


async def test_an_idle_process_that_died_is_replaced(
    newest_pi: PiVersion, server: ModelServer, session_request: SessionRequest, tmp_path: Path
) -> None:
    async with create_default_pi_session_factory(
        command=newest_pi.command,
        pi_config_root=pi_environment(tmp_path, server)["PI_CODING_AGENT_DIR"],
        model={"provider": "scripted", "id": "scripted-1"},
        thinking_level="off",
        tools=["read", "ls"],
        step_system_prompt="Carry out one step.",
        environment={"PI_OFFLINE": "1"},
    ) as agent:
        session = await agent.open(session_request)
        pid = session.ref.pid
        assert pid is not None
        await session.prompt("step id: outline", Events())
        body = server.requests[0].body
        assert {tool["function"]["name"] for tool in body["tools"]} == {"read", "ls", "ask_user"}
        assert "Carry out one step." in json.dumps(body["messages"])
        await session.close()
        psutil.Process(pid).kill()
        session = await agent.open(session_request)
        assert session.ref.pid != pid
