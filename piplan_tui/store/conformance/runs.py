"""Checks of runs as a whole: there or not, owned or not, with what is kept beside their events."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import anyio.lowlevel

from piplan_tui.store.conformance.steps import (
    create,
    expect,
    info_of,
    log,
    new_id,
    read_events,
    refused,
    same_after_reopening,
)
from piplan_tui.store.protocol import RunNotFound, RunOwned, RuntimeStore, StoreError


async def new_run_is_empty(store: RuntimeStore) -> None:
    """A new run has no events, and is there to be read and listed."""
    run_id = await create(store)
    await same_after_reopening(store, run_id, [])
    expect(run_id in [info.run_id for info in await store.list_runs()], "a new run is in the list")


async def source_is_kept_byte_for_byte(store: RuntimeStore) -> None:
    """The plan or script comes back as it was given, whatever bytes it has."""
    run_id, source = new_id(), b"\xef\xbb\xbf{}\r\n\x00\xff"
    await store.create_run(info_of(run_id), source, "workflow.py")
    expect(await store.source(run_id) == ("workflow.py", source), "source gives back name and bytes")


async def only_one_owns_a_run(store: RuntimeStore) -> None:
    """Who created or opened a run owns it until closing; closing twice does nothing."""
    run_id = await create(store, 1)
    await refused(store.open_run(run_id), RunOwned, "opening a run that is open")
    expect(await store.owner(run_id) is not None, "an open run has an owner")
    await store.close_run(run_id)
    await store.close_run(run_id)
    expect(await store.owner(run_id) is None, "a closed run has no owner")
    await refused(
        store.append(run_id, [log(run_id, 2)], durable=True), StoreError, "appending to a closed run"
    )
    await store.open_run(run_id)
    expect(await store.owner(run_id) is not None, "an opened run has an owner")


async def one_of_many_wins(store: RuntimeStore) -> None:
    """When many open a run at once, exactly one gets it."""
    run_id = await create(store, 1)
    await store.close_run(run_id)
    won: list[int] = []

    async def contend(n: int) -> None:
        try:
            await store.open_run(run_id)
        except RunOwned:
            return
        won.append(n)

    async with anyio.create_task_group() as tasks:
        for n in range(8):
            tasks.start_soon(contend, n)
    expect(len(won) == 1, f"{len(won)} of 8 opened the run at the same time")


async def a_run_exists_once(store: RuntimeStore) -> None:
    """A second run of the same id is refused, and the first one is as it was."""
    run_id = await create(store, 1)
    await refused(create(store, run_id=run_id), StoreError, "creating a run that exists")
    await store.close_run(run_id)
    await refused(create(store, run_id=run_id), StoreError, "creating a run that exists, closed")
    expect(await read_events(store, run_id) == [log(run_id, 1)], "the first run keeps its events")


async def unknown_runs_are_not_found(store: RuntimeStore) -> None:
    """Everything about a run that is not there raises `RunNotFound`; closing it does nothing."""
    run_id = new_id()
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "open_run": lambda: store.open_run(run_id),
        "read": lambda: read_events(store, run_id),
        "owner": lambda: store.owner(run_id),
        "delete_run": lambda: store.delete_run(run_id),
        "source": lambda: store.source(run_id),
        "write_info": lambda: store.write_info(info_of(run_id)),
        "save_draft": lambda: store.save_draft(run_id, "ask", {}),
        "load_draft": lambda: store.load_draft(run_id, "ask"),
    }
    for name, call in calls.items():
        await refused(call(), RunNotFound, f"{name} of an unknown run")
    await refused(
        store.append(run_id, [log(run_id, 1)], durable=True), StoreError, "append to an unknown run"
    )
    await store.close_run(run_id)


async def unsafe_ids_are_refused(store: RuntimeStore) -> None:
    """An id that leads elsewhere, or is a device's name, makes no run."""
    for run_id in (
        "",
        ".",
        "..",
        "../x",
        "a/b",
        "a\\b",
        "/etc",
        "a\0b",
        "CON",
        "nul.txt",
        ".hidden",
        "x" * 300,
    ):
        work = store.create_run(info_of(run_id), b"", "plan.json")
        await refused(work, StoreError, f"creating a run with the id {run_id[:20]!r}")


async def list_is_ordered(store: RuntimeStore) -> None:
    """The most recently updated run comes first, with what was last written about it."""
    first, second, third = [await create(store) for _ in range(3)]
    await store.write_info(info_of(first, minutes=2))
    await store.write_info(info_of(second, minutes=3, status="completed"))
    await store.write_info(info_of(third, minutes=1))
    infos = [info for info in await store.list_runs() if info.run_id in (first, second, third)]
    expect([info.run_id for info in infos] == [second, first, third], "list_runs goes by updated_at")
    expect(infos[0] == info_of(second, minutes=3, status="completed"), "list_runs gives what was written")


async def deleted_runs_are_gone(store: RuntimeStore) -> None:
    """A run can be deleted when nobody owns it; then its id is free, and others are untouched."""
    run_id, other = await create(store, 1), await create(store, 1)
    await refused(store.delete_run(run_id), RunOwned, "deleting an open run")
    await store.close_run(run_id)
    await store.delete_run(run_id)
    await refused(store.open_run(run_id), RunNotFound, "opening a deleted run")
    expect(run_id not in [info.run_id for info in await store.list_runs()], "a deleted run is not listed")
    expect(await read_events(store, other) == [log(other, 1)], "deleting one run leaves the others")
    await create(store, run_id=run_id)
    expect(await read_events(store, run_id) == [], "a new run of that id begins empty")


async def drafts_are_kept(store: RuntimeStore) -> None:
    """A half-written answer is kept per question, over closing, until it is removed."""
    run_id = await create(store)
    asks = ["ask-1", "step/2 ?", "../../x", "ü\u2028", "a" * 500, "a" * 499 + "b", "A", "."]
    for n, ask in enumerate(asks):
        expect(await store.load_draft(run_id, ask) is None, "there is no draft before one is saved")
        await store.save_draft(run_id, ask, {"n": -1})
        await store.save_draft(
            run_id, ask, {"n": n, "text": "half-wri\n\u2028", "list": [1, None, {"x": True}]}
        )
    await store.close_run(run_id)
    for n, ask in enumerate(asks):
        draft = {"n": n, "text": "half-wri\n\u2028", "list": [1, None, {"x": True}]}
        expect(await store.load_draft(run_id, ask) == draft, f"the draft of {ask[:20]!r} comes back as saved")
    for _ in range(2):
        await store.save_draft(run_id, asks[0], None)
        expect(await store.load_draft(run_id, asks[0]) is None, "a removed draft is gone")
    expect(await store.load_draft(run_id, asks[1]) is not None, "removing one draft leaves the others")
