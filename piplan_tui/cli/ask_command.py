"""Runs the user's own command for every question that a run asks: `[notify] command` in the config file."""

from __future__ import annotations

import json
import math
import os
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from subprocess import DEVNULL, PIPE
from typing import Any

import anyio
from anyio.abc import Process

from piplan_tui.clean import clean_text
from piplan_tui.config.screen_tables import Notify
from piplan_tui.run import events as ev
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks import read_request
from piplan_tui.run.state import RunState
from piplan_tui.views.ask_text import answer_commands
from piplan_tui.views.questions import whole_question

Heard = Callable[[RunState, ev.RuntimeEvent], None]

LIMIT_SECONDS = 20.0
"""A command that takes longer is ended; leaving never waits longer for one either."""


def describe(state: RunState, ask: AskState) -> dict[str, Any]:
    """What the command is told. No value that somebody typed is in it."""
    step = state.steps.get(ask.step_id)
    request = ask.request if isinstance(ask.request, dict) else {}
    return {
        "runId": state.run_id,
        "planId": state.plan_id,
        "title": state.title,
        "stepId": ask.step_id,
        "stepTitle": step.title if step else "",
        "askId": ask.id,
        "message": whole_question(ask),
        "reason": str(request.get("reason") or ""),
        "urgency": str(request.get("urgency") or "normal"),
        "openAsks": len(state.asks),
        "askedAt": ask.opened_at.isoformat(),
        "answer": list(answer_commands(state.run_id, ask, read_request(ask.request))),
    }


@asynccontextmanager
async def ask_commands(notify: Notify, tell: Callable[[str], None]) -> AsyncIterator[Heard]:
    """Gives what is to hear of every event. It starts the command once per question and never waits for it.

    `tell` gets one sentence when the command fails, once. On leaving, commands that were started are waited
    for: a run that ends because nobody answers must not take its own notice with it.
    """
    if not notify.command:
        yield lambda state, event: None
        return
    runner = _Runner(notify.command, tell)
    async with anyio.create_task_group() as tasks:

        def heard(state: RunState, event: ev.RuntimeEvent) -> None:
            if isinstance(event, ev.StepWaitingUser | ev.AskOpened | ev.RunAsked):
                ask = state.asks.get(event.ask_id)
                if ask is not None and (state.run_id, ask.id) not in runner.told:
                    runner.told.add((state.run_id, ask.id))
                    tasks.start_soon(runner.run, describe(state, ask))

        yield heard


class _Runner:
    def __init__(self, command: str | tuple[str, ...], tell: Callable[[str], None]) -> None:
        self._command = command
        self._tell = tell
        self._failed = False
        self.told: set[tuple[str, str]] = set()

    async def run(self, facts: dict[str, Any]) -> None:
        with anyio.CancelScope(shield=True):
            problem = await self._run(json.dumps(facts, ensure_ascii=False).encode())
        if problem and not self._failed:
            self._failed = True
            self._tell(f"[notify] command: {problem}")

    async def _run(self, facts: bytes) -> str:
        """What went wrong; empty when nothing did."""
        command = self._command if isinstance(self._command, str) else list(self._command)
        try:
            process = await anyio.open_process(
                command, stdin=PIPE, stdout=DEVNULL, stderr=PIPE, start_new_session=True
            )
        except OSError as error:
            name = command if isinstance(command, str) else command[0]
            return f"{clean_text(name, keep_newlines=False)} cannot be started: {error.strerror or error}"
        async with process:
            said = b""
            with anyio.move_on_after(LIMIT_SECONDS) as limit:
                said = await _talk(process, facts)
            if limit.cancelled_caught:
                with suppress(OSError):
                    os.killpg(process.pid, signal.SIGKILL)
                return f"it took longer than {math.ceil(LIMIT_SECONDS)} seconds and was ended"
        if process.returncode:
            lines = clean_text(said.decode("utf-8", "replace")).strip().splitlines()
            return f"it ended with exit code {process.returncode}" + (f": {lines[-1][:200]}" if lines else "")
        return ""


async def _talk(process: Process, facts: bytes) -> bytes:
    """Hand over the facts and take in the end of what it says on stderr, until it ends."""
    assert process.stdin is not None
    assert process.stderr is not None
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await process.stdin.send(facts)  # a command need not read them
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError, OSError):
        await process.stdin.aclose()
    said = b""
    async for chunk in process.stderr:
        said = (said + chunk)[-4_000:]
    await process.wait()
    return said
