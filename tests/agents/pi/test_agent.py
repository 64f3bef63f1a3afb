"""The real Pi, both versions, against the scripted model server."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import msgspec
import psutil
import pytest

from piplan_tui.agents.pi import PiAgent, PiLimits, create_default_pi_session_factory
from piplan_tui.agents.process import RUN_MARK
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskRaised,
    AskReply,
    AskWithdrawn,
    Notice,
    Recovered,
    Retrying,
    SessionEvent,
    SessionRequest,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    UsageReported,
)
from tests.support.model_server import ModelServer, Rule, Tool, Turn, pi_environment
from tests.support.pi_versions import PiVersion

pytestmark = pytest.mark.anyio

EXTENSION = Path(__file__).parents[2] / "support" / "ask_extension.ts"
RESULT = '{"status": "completed", "summary": "ok"}'


class Events(list[SessionEvent]):
    """Reported events, and a way to wait for one."""

    def __init__(self) -> None:
        super().__init__()
        self._changed = anyio.Event()

    def __call__(self, event: SessionEvent) -> None:
        self.append(event)
        self._changed.set()
        self._changed = anyio.Event()

    def of(self, kind: type[Any]) -> list[Any]:
        return [event for event in self if isinstance(event, kind)]

    async def wait_for(self, kind: type[Any], number: int = 1) -> Any:
        with anyio.fail_after(20):
            while len(self.of(kind)) < number:
                await self._changed.wait()
        return self.of(kind)[number - 1]

    @property
    def text(self) -> str:
        return "".join(event.text for event in self.of(TextDelta))


MakeAgent = Callable[..., PiAgent]


@pytest.fixture
def make_agent(pi_version: PiVersion, server: ModelServer, tmp_path: Path) -> MakeAgent:
    environment = pi_environment(tmp_path, server)

    def make(*arguments: str, **options: Any) -> PiAgent:
        return PiAgent([*pi_version.command, *arguments], environment=environment, **options)

    return make


def alive_of(run_id: str) -> list[str]:
    """Command lines of living processes that carry the run's mark."""
    found = []
    for pid in psutil.pids():
        try:
            process = psutil.Process(pid)
            if (
                process.environ().get(RUN_MARK) == run_id
                and process.status() != psutil.STATUS_ZOMBIE
                and pid != os.getpid()
            ):
                found.append(" ".join(process.cmdline()))
        except psutil.Error:
            continue
    return found


def with_step(request: SessionRequest, step_id: str, **changes: Any) -> SessionRequest:
    return msgspec.structs.replace(request, step_id=step_id, **changes)


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
        assert [event.ask_id for event in events.of(AskWithdrawn)] == [ask.ask_id]

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
        assert {tool["function"]["name"] for tool in body["tools"]} == {"read", "ls"}
        assert "Carry out one step." in json.dumps(body["messages"])
        await session.close()
        psutil.Process(pid).kill()
        session = await agent.open(session_request)
        assert session.ref.pid != pid


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
