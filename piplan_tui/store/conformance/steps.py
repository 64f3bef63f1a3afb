"""What the checks are made of."""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from piplan_tui.run.events import Logged, RuntimeEvent
from piplan_tui.store.protocol import RunInfo, RuntimeStore

NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


def expect(holds: bool, what: str) -> None:
    if not holds:  # not `assert`, which python -O leaves out
        raise AssertionError(what)


async def refused(work: Awaitable[Any], kind: type[Exception], what: str) -> None:
    try:
        await work
    except kind:
        return
    except Exception as error:
        raise AssertionError(
            f"{what} must raise {kind.__name__}, not {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"{what} must raise {kind.__name__}")


def new_id() -> str:
    return f"check-{secrets.token_hex(6)}"


def info_of(run_id: str, *, minutes: int = 0, status: str = "running") -> RunInfo:
    at = NOW + timedelta(minutes=minutes)
    return RunInfo(
        run_id=run_id, plan_id="plan", title="Ünï\u2028", status=status, created_at=NOW, updated_at=at
    )


def log(run_id: str, seq: int, message: str = "") -> RuntimeEvent:
    return Logged(seq=seq, at=NOW, run_id=run_id, message=message or f"line {seq}")


async def create(store: RuntimeStore, *events: int, run_id: str = "") -> str:
    run_id = run_id or new_id()
    await store.create_run(info_of(run_id), b'{"id": "plan"}', "plan.json")
    if events:
        await store.append(run_id, [log(run_id, seq) for seq in events], durable=True)
    return run_id


async def read_events(store: RuntimeStore, run_id: str, after: int = 0) -> list[RuntimeEvent]:
    return [event async for event in store.read(run_id, after=after)]


async def same_after_reopening(store: RuntimeStore, run_id: str, events: Sequence[RuntimeEvent]) -> None:
    expect(await read_events(store, run_id) == list(events), "read gives the events as they were appended")
    await store.close_run(run_id)
    expect(await store.open_run(run_id) == list(events), "open_run gives the events as they were appended")
