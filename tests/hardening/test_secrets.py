"""A secret that the user gave is looked for in everything that a run leaves."""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
import pytest

from piplan_tui.agents.protocol import (
    AgentFailure,
    AskReply,
    Notice,
    OnEvent,
    SessionRequest,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    Turn,
)
from piplan_tui.run.model import SessionRef
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.store.file import FileRuntimeStore
from tests.run.plans import plan

pytestmark = pytest.mark.anyio

REQUEST = {"message": "Key?", "fields": [{"name": "key", "type": "secret", "required": True}]}
Flush = Callable[[], Awaitable[None]]
Betray = Callable[[str, OnEvent, Flush], Any]


class Traitor(AbstractAsyncContextManager["Traitor"]):
    """An agent that says the secret that it was given, in whatever way a test chooses."""

    name = "traitor"
    continues_sessions = False

    def __init__(self, betray: Betray) -> None:
        self._betray = betray
        self.ref = SessionRef(agent="traitor")
        self.prompts: list[str] = []
        self._env: dict[str, str] = {}
        self._replied = anyio.Event()
        self.flush: Flush = anyio.lowlevel.checkpoint

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def open(self, request: SessionRequest) -> Traitor:
        self._env = dict(request.env)
        return self

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        self.prompts.append(text)
        secret = next((value for name, value in self._env.items() if "KEY" in name.upper()), "")
        if not secret:
            return Turn(text=json.dumps({"status": "waiting_user", "inputRequest": REQUEST}))
        said = await self._betray(secret, on_event, self.flush)
        return Turn(text=said or json.dumps({"status": "completed", "summary": "done"}))

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        self._replied.set()

    async def steer(self, text: str) -> bool:
        return False

    async def close(self) -> None:
        return None


async def _in_chunks(secret: str, on_event: OnEvent, flush: Flush) -> None:
    for kind in (TextDelta, ThinkingDelta):
        for letter in f"it is {secret}, you know":
            on_event(kind(letter))


async def _in_chunks_between_flushes(secret: str, on_event: OnEvent, flush: Flush) -> None:
    on_event(TextDelta(f"it is {secret[:5]}"))
    await flush()
    on_event(TextDelta(f"{secret[5:]}, you know"))


async def _in_tools(secret: str, on_event: OnEvent, flush: Flush) -> None:
    on_event(ToolStarted("1", "bash", target=f"echo {secret}", arguments={"command": [secret], secret: 1}))
    on_event(ToolOutput("1", f"+ echo {secret}\n{secret}"))
    on_event(ToolEnded("1", True, text=secret))
    on_event(Notice(f"stderr: {secret}"))


async def _in_an_error(secret: str, on_event: OnEvent, flush: Flush) -> None:
    raise AgentFailure("provider", f"401 for key {secret}", detail=f"curl -H 'key: {secret}'")


async def _in_a_crash(secret: str, on_event: OnEvent, flush: Flush) -> None:
    raise RuntimeError(f"cannot use {secret}")


async def _in_the_result(secret: str, on_event: OnEvent, flush: Flush) -> str:
    return f"Here it is: {secret}\n" + json.dumps(
        {"status": "completed", "summary": f"used {secret}", "deep": [{"key": secret, secret: 1}]}
    )


async def _in_an_escaped_result(secret: str, on_event: OnEvent, flush: Flush) -> str:
    escaped = "".join(f"\\u{ord(letter):04x}" for letter in secret)
    return f'{{"status": "completed", "summary": "used {escaped}", "key": "{escaped}"}}'


async def _in_a_failed_result(secret: str, on_event: OnEvent, flush: Flush) -> str:
    return json.dumps({"status": "failed", "summary": secret, "error": f"no {secret}"})


async def _in_no_result(secret: str, on_event: OnEvent, flush: Flush) -> str:
    return f"I will not end with JSON, {secret}"


async def _in_another_question(secret: str, on_event: OnEvent, flush: Flush) -> str:
    return json.dumps({"status": "waiting_user", "inputRequest": {"message": f"Is {secret} right?"}})


WAYS = [
    _in_chunks,
    _in_chunks_between_flushes,
    _in_tools,
    _in_an_error,
    _in_a_crash,
    _in_the_result,
    _in_an_escaped_result,
    _in_a_failed_result,
    _in_no_result,
    _in_another_question,
]
SECRETS = ["sk-live-0123456789abcdef", 'pä"ss\\wörd/<4€😀>']


def _forms(secret: str) -> set[bytes]:
    """How a secret may stand in a file and still be read from it."""
    return {
        secret.encode(),
        json.dumps(secret)[1:-1].encode(),
        json.dumps(secret, ensure_ascii=False)[1:-1].encode(),
        "".join(f"\\u{ord(letter):04x}" for letter in secret if ord(letter) < 0x10000).encode(),
    }


def _look_through(place: Path, secret: str) -> None:
    files = [path for path in place.rglob("*") if path.is_file()]
    assert len(files) >= 4
    for path in files:
        content = path.read_bytes()
        for form in _forms(secret):
            assert form not in content, f"in {path.name}"


def _texts_said(path: Path) -> str:
    """The streamed text of a transcript, put together as a reader would."""
    lines = [json.loads(line) for line in path.read_text().splitlines()]
    return "".join(line.get("text", "") for line in lines if line["type"] in ("text", "thinking"))


@pytest.mark.parametrize("secret", SECRETS, ids=["plain", "escaped"])
@pytest.mark.parametrize("betray", WAYS)
async def test_a_secret_is_in_no_file_that_a_run_leaves(
    tmp_path: Path, betray: Betray, secret: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    root, workspace = tmp_path / "store", tmp_path / "workspace"
    workspace.mkdir()

    async def nothing_to_sweep(token: str) -> int:
        return 0

    agent = Traitor(betray)
    async with PlanRuntime(
        store=FileRuntimeStore(root),
        make_agent=lambda name: agent,  # type: ignore[arg-type]  # its attributes are plain
        sweep=nothing_to_sweep,
        options=RunOptions(workspace=workspace, agent="traitor"),
    ) as runtime:
        run = await runtime.create_run(plan({"a": []}))
        agent.flush = run.transcripts.flush
        events: list[Any] = []
        run.subscribe(events.append)
        said: list[Any] = []
        run.transcripts.subscribe(lambda step, attempt, event: said.append(event))
        await run.start()
        await run.wait()
        (ask_id,) = run.state.asks
        await run.save_draft(ask_id, {})
        await run.answer(ask_id, {"key": secret}, note=f"it is {secret}")
        state = await run.wait()
        assert state.status in ("completed", "failed", "waiting_user")
        assert len(agent.prompts) > 1, "the agent was given the secret"
        folder = run.transcripts.path("a", 1)
    _look_through(tmp_path, secret)
    for prompt in agent.prompts:
        assert secret not in prompt
    for record in caplog.records:
        assert secret not in caplog.handler.format(record), record.name
    assert secret not in repr(state)
    assert folder is not None
    if folder.exists():
        assert secret not in _texts_said(folder)
    assert secret not in repr(said)
