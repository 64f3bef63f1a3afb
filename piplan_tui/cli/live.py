"""Doing something to a run: by its owner when a process owns it, or by taking the run over for a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
import anyio.to_thread

from piplan_tui.cli.context import Context
from piplan_tui.cli.runtime import make_runtime
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.store import control
from piplan_tui.store.protocol import RunOwned

REPLY_SECONDS = 30.0
"""How long an owner may take to reply; a cancel waits for its agents to let go."""
_SLICE_SECONDS = 1.0

Do = Callable[[Run], Awaitable[str]]


async def act_on(context: Context, run_id: str, request: control.ControlRequest, do: Do) -> tuple[str, bool]:
    """Have it done. Returns what was done, in a sentence, and whether an owner did it.

    Raises:
        ControlRefused: it cannot be done now, or the owner does not reply.
        AnswerInvalid, StoreError
    """
    for _ in range(3):  # the run may get an owner, or lose it, while we look
        reply = await _ask_owner(context, run_id, request)
        if reply is not None:
            if not reply.accepted:
                raise ControlRefused(reply.message)
            return reply.message, True
        try:
            async with taken_over(context, run_id) as run:
                return await do(run), False
        except BaseExceptionGroup as group:
            if group.subgroup(RunOwned) is None:
                raise
    raise ControlRefused(f"run {run_id} changes hands all the time; try again")


@asynccontextmanager
async def taken_over(context: Context, run_id: str) -> AsyncIterator[Run]:
    """Own a run that nobody owns, without starting it."""
    async with make_runtime(context) as runtime:
        run = await runtime.open_run(run_id)
        try:
            yield run
        finally:
            await run.leave()


async def _ask_owner(
    context: Context, run_id: str, request: control.ControlRequest
) -> control.ControlReply | None:
    """The owner's reply; `None` when there is no owner (any more)."""
    run_dir = context.run_dir(run_id)
    owner = await context.store.owner(run_id)
    if run_dir is None or owner is None:
        return None
    await anyio.to_thread.run_sync(control.write_request, run_dir, request)
    until = anyio.current_time() + REPLY_SECONDS
    while anyio.current_time() < until:
        reply = await control.wait_for_reply(run_dir, request.id, timeout=_SLICE_SECONDS)
        if reply is not None:
            return reply
        if await context.store.owner(run_id) is None and await _take_back(run_dir, request.id):
            return None
    taken_back = await _take_back(run_dir, request.id)
    said = "nothing was done" if taken_back else "it may still do it; look with piplan-tui show"
    raise ControlRefused(
        f"process {owner.pid}, which owns run {run_id}, did not reply within {REPLY_SECONDS:g} s; {said}"
    )


async def _take_back(run_dir: Path, request_id: str) -> bool:
    return await anyio.to_thread.run_sync(control.withdraw_request, run_dir, request_id)
