"""Doing something to a run: by its owner when a process owns it, or by taking the run over for a moment."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from piplan_tui.cli.context import Context
from piplan_tui.cli.runtime import make_runtime
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.remote_control import ask_owner
from piplan_tui.run.run import Run
from piplan_tui.store import control
from piplan_tui.store.protocol import RunOwned

Do = Callable[[Run], Awaitable[str]]


async def act_on(context: Context, run_id: str, request: control.ControlRequest, do: Do) -> tuple[str, bool]:
    """Have it done. Returns what was done, in a sentence, and whether an owner did it.

    Raises:
        ControlRefused: it cannot be done now, or the owner does not reply.
        AnswerInvalid, StoreError
    """
    for _ in range(3):  # the run may get an owner, or lose it, while we look
        run_dir = context.run_dir(run_id)
        if run_dir is not None and (done := await ask_owner(context.store, run_dir, run_id, request)):
            return done.message, True
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
