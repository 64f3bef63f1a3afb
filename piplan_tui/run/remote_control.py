"""Has the process that owns a run do something: the asking side of `piplan_tui.run.control_watch`."""

from __future__ import annotations

from pathlib import Path

import anyio
import anyio.to_thread

from piplan_tui.run.refused import ControlRefused
from piplan_tui.store import control, private
from piplan_tui.store.protocol import RuntimeStore

REPLY_SECONDS = 30.0
"""How long an owner may take to reply; a cancel waits for its agents to let go."""
_SLICE_SECONDS = 1.0


async def ask_owner(
    store: RuntimeStore, run_dir: Path, run_id: str, request: control.ControlRequest
) -> control.ControlReply | None:
    """What the owner did; `None` when the run has no owner (any more), and nothing was done.

    Raises:
        ControlRefused: it refused, with its reason, or it does not reply.
        StoreError: the run's folder cannot be written to.
    """
    owner = await store.owner(run_id)
    if owner is None:
        return None
    await anyio.to_thread.run_sync(control.write_request, run_dir, request)
    until = anyio.current_time() + REPLY_SECONDS
    while anyio.current_time() < until:
        reply = await control.wait_for_reply(run_dir, request.id, timeout=_SLICE_SECONDS)
        if reply is not None:
            if not reply.accepted:
                raise ControlRefused(reply.message)
            return reply
        if await store.owner(run_id) is None and await _take_back(run_dir, request.id):
            return None
    taken_back = await _take_back(run_dir, request.id)
    said = "nothing was done" if taken_back else "it may still do it; look with piplan-tui show"
    raise ControlRefused(
        f"process {owner.pid}, which owns run {run_id}, did not reply within {REPLY_SECONDS:g} s; {said}"
    )


async def tell_owner_secret(
    store: RuntimeStore, run_dir: Path | None, run_id: str, request: control.AnswerRequest
) -> str:
    """Give the owner an answer that holds a secret, from memory to memory.

    Raises:
        ControlRefused: it refused, with its reason, or there is no owner that could keep the secret.
    """
    owner = await store.owner(run_id)
    if owner is None or run_dir is None:
        raise ControlRefused(
            f"no process runs {run_id}, and a secret is kept nowhere else: start one with "
            f"`piplan-tui resume {run_id}`, or with --detach, and answer then"
        )
    reply = await private.send_private(run_dir, request, REPLY_SECONDS)
    if reply is None:
        raise ControlRefused(
            f"process {owner.pid}, which owns run {run_id}, takes no secret from here; answer on its own screen"
        )
    if not reply.accepted:
        raise ControlRefused(reply.message)
    return reply.message


async def _take_back(run_dir: Path, request_id: str) -> bool:
    return await anyio.to_thread.run_sync(control.withdraw_request, run_dir, request_id)
