"""Programs as agents."""

from __future__ import annotations

import json
import uuid
from pathlib import Path

import anyio
import msgspec
import pytest

from piplan_tui.agents.command import KEPT_BYTES, CommandAgent
from piplan_tui.agents.process import sweep
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskReply,
    Notice,
    SessionEvent,
    SessionRequest,
    TextDelta,
)
from piplan_tui.run.model import SessionRef

pytestmark = pytest.mark.anyio


@pytest.fixture
def session_request(workspace: Path) -> SessionRequest:
    return SessionRequest(run_id=uuid.uuid4().hex, step_id="outline", attempt=2, workspace=workspace)


async def run(command: str, request: SessionRequest, prompt: str = "do it") -> tuple[str, list[SessionEvent]]:
    events: list[SessionEvent] = []
    async with CommandAgent(command) as agent:
        session = await agent.open(request)
        turn = await session.prompt(prompt, events.append)
        await session.close()
    return turn.text, events


def script(workspace: Path, text: str, mode: int = 0o755) -> str:
    path = workspace / "step.sh"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return "./step.sh"


async def test_prompt_in_and_result_out(session_request: SessionRequest, workspace: Path) -> None:
    command = script(
        workspace,
        'cat > prompt.txt; echo "$PIPLAN_RUN_ID $PIPLAN_STEP_ID $PIPLAN_ATTEMPT $PIPLAN_WORKSPACE $1"; '
        'echo "working" >&2; echo \'{"status": "completed"}\'',
    )
    prompt = "écrire \u2028 100 lines\n" * 5_000
    text, events = await run(f"{command} 'one argument'", session_request, prompt)
    assert (workspace / "prompt.txt").read_text(encoding="utf-8") == prompt
    first, last = text.splitlines()
    assert first == f"{session_request.run_id} outline 2 {workspace} one argument"
    assert json.loads(last) == {"status": "completed"}
    assert "".join(e.text for e in events if isinstance(e, TextDelta)) == text
    assert Notice("working") in events


@pytest.mark.parametrize("body", ["echo done", "exec 0<&-; echo done", "head -c 1 > /dev/null; echo done"])
async def test_a_program_need_not_read_its_prompt(
    session_request: SessionRequest, workspace: Path, body: str
) -> None:
    with anyio.fail_after(10):
        text, _ = await run(script(workspace, body), session_request, "x" * 3_000_000)
    assert text == "done\n"


async def test_a_flood_is_bounded_and_bad_bytes_are_replaced(
    session_request: SessionRequest, workspace: Path
) -> None:
    command = script(
        workspace,
        "printf 'bad \\377 byte'; head -c 12000000 /dev/zero | tr '\\0' 'a'; "
        'seq 3000 >&2; printf \'{"status": "completed"}\'',
    )
    text, events = await run(command, session_request)
    assert len(text) == KEPT_BYTES
    assert text.endswith('a{"status": "completed"}')
    whole = "".join(e.text for e in events if isinstance(e, TextDelta))
    assert whole.startswith("bad \ufffd byte")
    assert len(whole) == 12_000_000 + 33
    notices = [e for e in events if isinstance(e, Notice)]
    assert len(notices) == 1001
    assert notices[-1].text == "more lines on stderr are left out"


async def test_a_failing_program_fails_unless_it_left_a_result(
    session_request: SessionRequest, workspace: Path
) -> None:
    command = script(workspace, "echo '{\"stat\": 1}'; echo first >&2; echo 'no such thing' >&2; exit 7")
    with pytest.raises(AgentFailure) as failure:
        await run(command, session_request)
    assert failure.value.message == f"{workspace}/step.sh failed (exit code 7): no such thing"
    assert failure.value.detail == "first\nno such thing"
    assert not failure.value.retryable
    command = script(workspace, 'echo \'so: {"status": "failed", "error": {"a": 1}} bye\'; exit 1')
    text, events = await run(command, session_request)
    assert '"failed"' in text
    assert any(isinstance(e, Notice) and "exit code 1" in e.text for e in events)


async def test_cancel_ends_everything(session_request: SessionRequest, workspace: Path) -> None:
    command = script(workspace, "trap '' TERM; setsid -f sleep 300; sleep 300 & echo begun; wait; sleep 300")
    begun = anyio.Event()
    async with anyio.create_task_group() as tasks:

        async def work() -> None:
            async with CommandAgent(command) as agent:
                session = await agent.open(session_request)
                await session.prompt("", lambda event: begun.set())

        tasks.start_soon(work)
        await begun.wait()
        tasks.cancel_scope.cancel()
    assert await sweep(session_request.run_id) == (0, 0)


async def test_what_it_leaves_running_is_ended_and_does_not_hold_it_up(
    session_request: SessionRequest, workspace: Path
) -> None:
    with anyio.fail_after(8):
        text, _ = await run(script(workspace, "setsid sleep 300 & echo done"), session_request)
    assert text == "done\n"
    assert await sweep(session_request.run_id) == (0, 0)


async def test_the_second_prompt_runs_it_again(session_request: SessionRequest) -> None:
    request = msgspec.structs.replace(session_request, resume=SessionRef(agent="command:cat"))
    events: list[SessionEvent] = []
    async with CommandAgent("cat") as agent:
        session = await agent.open(request)
        assert (await session.prompt("one", events.append)).text == "one"
        first = session.ref
        assert (await session.prompt("two", events.append)).text == "two"
        assert session.ref.pid != first.pid
        assert not await session.steer("more")
        with pytest.raises(AgentFailure, match="asks no questions"):
            await session.answer("a", AskReply(action="accept"))
    assert [e.text for e in events if isinstance(e, Notice)] == [
        "command:cat keeps no conversation, so it starts anew"
    ]


@pytest.mark.parametrize(
    ("command", "kind", "message"),
    [
        ("./gone.sh", "missing", "the program ./gone.sh was not found in {}"),
        (
            "no-such-program-here",
            "missing",
            "the program no-such-program-here was not found on PATH or in {}",
        ),
        ("./plain.txt", "unusable", "{}/plain.txt is not executable: chmod +x {}/plain.txt"),
        ("./garbage", "unusable", "{}/garbage could not be started: No such file or directory"),
    ],
)
async def test_a_program_that_cannot_run(
    session_request: SessionRequest, workspace: Path, command: str, kind: str, message: str
) -> None:
    (workspace / "plain.txt").write_text("x")
    (workspace / "garbage").write_text("#!/no/such/interpreter\n")
    (workspace / "garbage").chmod(0o755)
    with pytest.raises(AgentFailure) as failure:
        await run(command, session_request)
    assert failure.value.kind == kind
    assert failure.value.message == message.replace("{}", str(workspace))


@pytest.mark.parametrize(("command", "message"), [("", "needs a program"), ("a 'b", "cannot be read")])
async def test_a_command_that_is_none(command: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CommandAgent(command)
