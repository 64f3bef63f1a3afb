"""Checks of events: each comes back once, in order, unchanged."""

from __future__ import annotations

from datetime import timedelta

import anyio
import anyio.lowlevel

from piplan_tui.run.events import RunCreated, RuntimeEvent, StepCompleted, UnknownEvent
from piplan_tui.store.conformance.steps import (
    NOW,
    create,
    expect,
    log,
    read_events,
    refused,
    same_after_reopening,
)
from piplan_tui.store.protocol import RuntimeStore


async def order_is_kept_over_batches(store: RuntimeStore) -> None:
    """Batches of all sizes, durable or not, come back in order, with the last ones after a close."""
    run_id = await create(store)
    events: list[RuntimeEvent] = []
    for size in (1, 7, 0, 2, 100, 1):
        batch = [log(run_id, len(events) + n) for n in range(1, size + 1)]
        await store.append(run_id, batch, durable=size % 2 == 0)
        events += batch
        expect(await read_events(store, run_id) == events, "events are visible once append has returned")
    await same_after_reopening(store, run_id, events)


async def appending_goes_on_after_reopening(store: RuntimeStore) -> None:
    """A run that was closed and opened goes on with the next number."""
    run_id = await create(store, 1, 2)
    await store.close_run(run_id)
    await store.open_run(run_id)
    await store.append(run_id, [log(run_id, 3)], durable=True)
    await same_after_reopening(store, run_id, [log(run_id, seq) for seq in (1, 2, 3)])


async def gaps_and_repeats_are_refused(store: RuntimeStore) -> None:
    """A wrong `seq` is a programming error, and nothing of its batch is kept."""
    run_id = await create(store, 1, 2)
    for wrong in ([4], [2], [0], [3, 5], [3, 3]):
        batch = [log(run_id, seq) for seq in wrong]
        await refused(store.append(run_id, batch, durable=True), ValueError, f"appending {wrong} after 2")
    await store.append(run_id, [log(run_id, 3)], durable=True)
    await same_after_reopening(store, run_id, [log(run_id, seq) for seq in (1, 2, 3)])


async def reading_after_a_number(store: RuntimeStore) -> None:
    """`read(after=n)` gives what follows event n, again and again, from a growing run."""
    run_id = await create(store, 1, 2, 3)
    for after, seqs in ((0, [1, 2, 3]), (2, [3]), (3, []), (99, []), (1, [2, 3])):
        found = [event.seq for event in await read_events(store, run_id, after)]
        expect(found == seqs, f"read(after={after}) of 3 events gives {seqs}, not {found}")
    await store.append(run_id, [log(run_id, 4)], durable=False)
    expect(
        [event.seq for event in await read_events(store, run_id, 3)] == [4], "a reader goes on where it was"
    )


async def runs_do_not_mix(store: RuntimeStore) -> None:
    """Several runs are written at the same time, and each gets its own events."""
    ids = [await create(store) for _ in range(5)]

    async def write(run_id: str) -> None:
        for seq in range(1, 41):
            await store.append(run_id, [log(run_id, seq)], durable=seq % 8 == 0)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for run_id in ids:
            tasks.start_soon(write, run_id)
    for run_id in ids:
        await same_after_reopening(store, run_id, [log(run_id, seq) for seq in range(1, 41)])


async def reader_sees_a_growing_prefix(store: RuntimeStore) -> None:
    """While a run is written, each reading is a prefix of it, and at least what was there before."""
    run_id = await create(store)
    done = anyio.Event()

    async def write() -> None:
        for seq in range(1, 200, 2):
            await store.append(run_id, [log(run_id, seq), log(run_id, seq + 1)], durable=False)
            await anyio.lowlevel.checkpoint()
        done.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        seen = 0
        while not done.is_set():
            seqs = [event.seq for event in await read_events(store, run_id)]
            expect(seqs == list(range(1, len(seqs) + 1)), "a reader sees events in order, without gaps")
            expect(len(seqs) >= seen, "a reader never sees less than before")
            seen = len(seqs)
            await anyio.lowlevel.checkpoint()
    expect(len(await read_events(store, run_id)) == 200, "all is visible in the end")


async def unknown_events_are_preserved(store: RuntimeStore) -> None:
    """An event of a newer version comes back with all its fields."""
    run_id = await create(store)
    at = NOW.isoformat().replace("+00:00", "Z")
    raw = {
        "type": "step.dreamed",
        "seq": 1,
        "at": at,
        "runId": run_id,
        "deep": {"a": [1, 2.5, None, "\u2028"]},
    }
    unknown = UnknownEvent(seq=1, at=NOW, run_id=run_id, raw=raw)
    await store.append(run_id, [unknown, log(run_id, 2)], durable=True)
    await same_after_reopening(store, run_id, [unknown, log(run_id, 2)])


async def any_text_is_preserved(store: RuntimeStore) -> None:
    """Line ends of all kinds, control characters, and text of every plane come back unchanged."""
    run_id = await create(store)
    texts = [
        "\n",
        "\r\n",
        "\u2028\u2029\x85",
        "\x00\x1b[31m\x7f",
        '"}\n{"',
        "é\u0301 😀 \U0010ffff",
        "\ufeff",
        "\\u2028",
    ]
    events = [log(run_id, seq, text) for seq, text in enumerate(texts, 1)]
    await store.append(run_id, events, durable=True)
    await same_after_reopening(store, run_id, events)


async def large_events_are_preserved(store: RuntimeStore) -> None:
    """An event of three megabytes, and one with all kinds of fields, come back unchanged."""
    run_id = await create(store)
    events: list[RuntimeEvent] = [
        log(run_id, 1, "ü" * 1_500_000),
        RunCreated(
            seq=2, at=NOW, run_id=run_id, title="t", plan_id="p", workspace="/w", mode="parallel", max_concurrency=4,
            agent="demo", budget_usd=1.25, settings={"a": {"b": [1, "x", None]}},
        ),
        StepCompleted(seq=3, at=NOW + timedelta(microseconds=1), run_id=run_id, step_id="s", attempt=2, summary="ok"),
    ]  # fmt: skip
    await store.append(run_id, events, durable=True)
    await same_after_reopening(store, run_id, events)
