"""What every `RuntimeStore` must do, as checks that a third party runs on its own store.

With pytest, subclass and say how to make one (no plugin is needed):

    class TestMyStore(RuntimeStoreConformance):
        def make_store(self) -> RuntimeStore:
            return MyStore(...)

Without it: `problems = await check_store(MyStore)`; an empty list means that the store conforms.
Each check gets a new store and its own run ids, so all may share one database.
"""

from __future__ import annotations

import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import anyio
import anyio.lowlevel

from piplan_tui.run.events import Logged, RunCreated, RuntimeEvent, StepCompleted, UnknownEvent
from piplan_tui.store.protocol import RunInfo, RunNotFound, RunOwned, RuntimeStore, StoreError

Check = Callable[[RuntimeStore], Awaitable[None]]

_NOW = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)


async def check_store(make_store: Callable[[], RuntimeStore]) -> list[str]:
    """Run all checks; the answer has one sentence for each that failed."""
    problems: list[str] = []
    for check in CHECKS:
        try:
            await check(make_store())
        except Exception as error:
            problems.append(f"{check.__name__}: {error or type(error).__name__}")
    return problems


class RuntimeStoreConformance:
    """The checks as test methods. Subclass it and override `make_store`."""

    def make_store(self) -> RuntimeStore:
        """A new store. Called inside the event loop."""
        raise NotImplementedError


def _as_test(check: Check) -> Callable[[RuntimeStoreConformance], None]:
    def test(self: RuntimeStoreConformance) -> None:
        async def main() -> None:
            await check(self.make_store())

        anyio.run(main)

    test.__doc__ = check.__doc__
    return test


# -- what the checks are made of -------------------------------------------------------------------


def _expect(holds: bool, what: str) -> None:
    if not holds:  # not `assert`, which python -O leaves out
        raise AssertionError(what)


async def _refused(work: Awaitable[Any], kind: type[Exception], what: str) -> None:
    try:
        await work
    except kind:
        return
    except Exception as error:
        raise AssertionError(
            f"{what} must raise {kind.__name__}, not {type(error).__name__}: {error}"
        ) from error
    raise AssertionError(f"{what} must raise {kind.__name__}")


def _new_id() -> str:
    return f"check-{secrets.token_hex(6)}"


def _info(run_id: str, *, minutes: int = 0, status: str = "running") -> RunInfo:
    at = _NOW + timedelta(minutes=minutes)
    return RunInfo(
        run_id=run_id, plan_id="plan", title="Ünï\u2028", status=status, created_at=_NOW, updated_at=at
    )


def _log(run_id: str, seq: int, message: str = "") -> RuntimeEvent:
    return Logged(seq=seq, at=_NOW, run_id=run_id, message=message or f"line {seq}")


async def _create(store: RuntimeStore, *events: int, run_id: str = "") -> str:
    run_id = run_id or _new_id()
    await store.create_run(_info(run_id), b'{"id": "plan"}', "plan.json")
    if events:
        await store.append(run_id, [_log(run_id, seq) for seq in events], durable=True)
    return run_id


async def _read(store: RuntimeStore, run_id: str, after: int = 0) -> list[RuntimeEvent]:
    return [event async for event in store.read(run_id, after=after)]


async def _same_after_reopening(store: RuntimeStore, run_id: str, events: Sequence[RuntimeEvent]) -> None:
    _expect(await _read(store, run_id) == list(events), "read gives the events as they were appended")
    await store.close_run(run_id)
    _expect(await store.open_run(run_id) == list(events), "open_run gives the events as they were appended")


# -- the checks ------------------------------------------------------------------------------------


async def new_run_is_empty(store: RuntimeStore) -> None:
    """A new run has no events, and is there to be read and listed."""
    run_id = await _create(store)
    await _same_after_reopening(store, run_id, [])
    _expect(run_id in [info.run_id for info in await store.list_runs()], "a new run is in the list")


async def source_is_kept_byte_for_byte(store: RuntimeStore) -> None:
    """The plan or script comes back as it was given, whatever bytes it has."""
    run_id, source = _new_id(), b"\xef\xbb\xbf{}\r\n\x00\xff"
    await store.create_run(_info(run_id), source, "workflow.py")
    _expect(await store.source(run_id) == ("workflow.py", source), "source gives back name and bytes")


async def order_is_kept_over_batches(store: RuntimeStore) -> None:
    """Batches of all sizes, durable or not, come back in order, with the last ones after a close."""
    run_id = await _create(store)
    events: list[RuntimeEvent] = []
    for size in (1, 7, 0, 2, 100, 1):
        batch = [_log(run_id, len(events) + n) for n in range(1, size + 1)]
        await store.append(run_id, batch, durable=size % 2 == 0)
        events += batch
        _expect(await _read(store, run_id) == events, "events are visible once append has returned")
    await _same_after_reopening(store, run_id, events)


async def appending_goes_on_after_reopening(store: RuntimeStore) -> None:
    """A run that was closed and opened goes on with the next number."""
    run_id = await _create(store, 1, 2)
    await store.close_run(run_id)
    await store.open_run(run_id)
    await store.append(run_id, [_log(run_id, 3)], durable=True)
    await _same_after_reopening(store, run_id, [_log(run_id, seq) for seq in (1, 2, 3)])


async def gaps_and_repeats_are_refused(store: RuntimeStore) -> None:
    """A wrong `seq` is a programming error, and nothing of its batch is kept."""
    run_id = await _create(store, 1, 2)
    for wrong in ([4], [2], [0], [3, 5], [3, 3]):
        batch = [_log(run_id, seq) for seq in wrong]
        await _refused(store.append(run_id, batch, durable=True), ValueError, f"appending {wrong} after 2")
    await store.append(run_id, [_log(run_id, 3)], durable=True)
    await _same_after_reopening(store, run_id, [_log(run_id, seq) for seq in (1, 2, 3)])


async def reading_after_a_number(store: RuntimeStore) -> None:
    """`read(after=n)` gives what follows event n, again and again, from a growing run."""
    run_id = await _create(store, 1, 2, 3)
    for after, seqs in ((0, [1, 2, 3]), (2, [3]), (3, []), (99, []), (1, [2, 3])):
        found = [event.seq for event in await _read(store, run_id, after)]
        _expect(found == seqs, f"read(after={after}) of 3 events gives {seqs}, not {found}")
    await store.append(run_id, [_log(run_id, 4)], durable=False)
    _expect([event.seq for event in await _read(store, run_id, 3)] == [4], "a reader goes on where it was")


async def only_one_owns_a_run(store: RuntimeStore) -> None:
    """Who created or opened a run owns it until closing; closing twice does nothing."""
    run_id = await _create(store, 1)
    await _refused(store.open_run(run_id), RunOwned, "opening a run that is open")
    _expect(await store.owner(run_id) is not None, "an open run has an owner")
    await store.close_run(run_id)
    await store.close_run(run_id)
    _expect(await store.owner(run_id) is None, "a closed run has no owner")
    await _refused(
        store.append(run_id, [_log(run_id, 2)], durable=True), StoreError, "appending to a closed run"
    )
    await store.open_run(run_id)
    _expect(await store.owner(run_id) is not None, "an opened run has an owner")


async def one_of_many_wins(store: RuntimeStore) -> None:
    """When many open a run at once, exactly one gets it."""
    run_id = await _create(store, 1)
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
    _expect(len(won) == 1, f"{len(won)} of 8 opened the run at the same time")


async def a_run_exists_once(store: RuntimeStore) -> None:
    """A second run of the same id is refused, and the first one is as it was."""
    run_id = await _create(store, 1)
    await _refused(_create(store, run_id=run_id), StoreError, "creating a run that exists")
    await store.close_run(run_id)
    await _refused(_create(store, run_id=run_id), StoreError, "creating a run that exists, closed")
    _expect(await _read(store, run_id) == [_log(run_id, 1)], "the first run keeps its events")


async def unknown_runs_are_not_found(store: RuntimeStore) -> None:
    """Everything about a run that is not there raises `RunNotFound`; closing it does nothing."""
    run_id = _new_id()
    calls: dict[str, Callable[[], Awaitable[Any]]] = {
        "open_run": lambda: store.open_run(run_id),
        "read": lambda: _read(store, run_id),
        "owner": lambda: store.owner(run_id),
        "delete_run": lambda: store.delete_run(run_id),
        "source": lambda: store.source(run_id),
        "write_info": lambda: store.write_info(_info(run_id)),
        "save_draft": lambda: store.save_draft(run_id, "ask", {}),
        "load_draft": lambda: store.load_draft(run_id, "ask"),
    }
    for name, call in calls.items():
        await _refused(call(), RunNotFound, f"{name} of an unknown run")
    await _refused(
        store.append(run_id, [_log(run_id, 1)], durable=True), StoreError, "append to an unknown run"
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
        work = store.create_run(_info(run_id), b"", "plan.json")
        await _refused(work, StoreError, f"creating a run with the id {run_id[:20]!r}")


async def list_is_ordered(store: RuntimeStore) -> None:
    """The most recently updated run comes first, with what was last written about it."""
    first, second, third = [await _create(store) for _ in range(3)]
    await store.write_info(_info(first, minutes=2))
    await store.write_info(_info(second, minutes=3, status="completed"))
    await store.write_info(_info(third, minutes=1))
    infos = [info for info in await store.list_runs() if info.run_id in (first, second, third)]
    _expect([info.run_id for info in infos] == [second, first, third], "list_runs goes by updated_at")
    _expect(infos[0] == _info(second, minutes=3, status="completed"), "list_runs gives what was written")


async def deleted_runs_are_gone(store: RuntimeStore) -> None:
    """A run can be deleted when nobody owns it; then its id is free, and others are untouched."""
    run_id, other = await _create(store, 1), await _create(store, 1)
    await _refused(store.delete_run(run_id), RunOwned, "deleting an open run")
    await store.close_run(run_id)
    await store.delete_run(run_id)
    await _refused(store.open_run(run_id), RunNotFound, "opening a deleted run")
    _expect(run_id not in [info.run_id for info in await store.list_runs()], "a deleted run is not listed")
    _expect(await _read(store, other) == [_log(other, 1)], "deleting one run leaves the others")
    await _create(store, run_id=run_id)
    _expect(await _read(store, run_id) == [], "a new run of that id begins empty")


async def drafts_are_kept(store: RuntimeStore) -> None:
    """A half-written answer is kept per question, over closing, until it is removed."""
    run_id = await _create(store)
    asks = ["ask-1", "step/2 ?", "../../x", "ü\u2028", "a" * 500, "a" * 499 + "b", "A", "."]
    for n, ask in enumerate(asks):
        _expect(await store.load_draft(run_id, ask) is None, "there is no draft before one is saved")
        await store.save_draft(run_id, ask, {"n": -1})
        await store.save_draft(
            run_id, ask, {"n": n, "text": "half-wri\n\u2028", "list": [1, None, {"x": True}]}
        )
    await store.close_run(run_id)
    for n, ask in enumerate(asks):
        draft = {"n": n, "text": "half-wri\n\u2028", "list": [1, None, {"x": True}]}
        _expect(
            await store.load_draft(run_id, ask) == draft, f"the draft of {ask[:20]!r} comes back as saved"
        )
    for _ in range(2):
        await store.save_draft(run_id, asks[0], None)
        _expect(await store.load_draft(run_id, asks[0]) is None, "a removed draft is gone")
    _expect(await store.load_draft(run_id, asks[1]) is not None, "removing one draft leaves the others")


async def runs_do_not_mix(store: RuntimeStore) -> None:
    """Several runs are written at the same time, and each gets its own events."""
    ids = [await _create(store) for _ in range(5)]

    async def write(run_id: str) -> None:
        for seq in range(1, 41):
            await store.append(run_id, [_log(run_id, seq)], durable=seq % 8 == 0)
            await anyio.lowlevel.checkpoint()

    async with anyio.create_task_group() as tasks:
        for run_id in ids:
            tasks.start_soon(write, run_id)
    for run_id in ids:
        await _same_after_reopening(store, run_id, [_log(run_id, seq) for seq in range(1, 41)])


async def reader_sees_a_growing_prefix(store: RuntimeStore) -> None:
    """While a run is written, each reading is a prefix of it, and at least what was there before."""
    run_id = await _create(store)
    done = anyio.Event()

    async def write() -> None:
        for seq in range(1, 200, 2):
            await store.append(run_id, [_log(run_id, seq), _log(run_id, seq + 1)], durable=False)
            await anyio.lowlevel.checkpoint()
        done.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(write)
        seen = 0
        while not done.is_set():
            seqs = [event.seq for event in await _read(store, run_id)]
            _expect(seqs == list(range(1, len(seqs) + 1)), "a reader sees events in order, without gaps")
            _expect(len(seqs) >= seen, "a reader never sees less than before")
            seen = len(seqs)
            await anyio.lowlevel.checkpoint()
    _expect(len(await _read(store, run_id)) == 200, "all is visible in the end")


async def unknown_events_are_preserved(store: RuntimeStore) -> None:
    """An event of a newer version comes back with all its fields."""
    run_id = await _create(store)
    at = _NOW.isoformat().replace("+00:00", "Z")
    raw = {
        "type": "step.dreamed",
        "seq": 1,
        "at": at,
        "runId": run_id,
        "deep": {"a": [1, 2.5, None, "\u2028"]},
    }
    unknown = UnknownEvent(seq=1, at=_NOW, run_id=run_id, raw=raw)
    await store.append(run_id, [unknown, _log(run_id, 2)], durable=True)
    await _same_after_reopening(store, run_id, [unknown, _log(run_id, 2)])


async def any_text_is_preserved(store: RuntimeStore) -> None:
    """Line ends of all kinds, control characters, and text of every plane come back unchanged."""
    run_id = await _create(store)
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
    events = [_log(run_id, seq, text) for seq, text in enumerate(texts, 1)]
    await store.append(run_id, events, durable=True)
    await _same_after_reopening(store, run_id, events)


async def large_events_are_preserved(store: RuntimeStore) -> None:
    """An event of three megabytes, and one with all kinds of fields, come back unchanged."""
    run_id = await _create(store)
    events: list[RuntimeEvent] = [
        _log(run_id, 1, "ü" * 1_500_000),
        RunCreated(
            seq=2, at=_NOW, run_id=run_id, title="t", plan_id="p", workspace="/w", mode="parallel", max_concurrency=4,
            agent="demo", budget_usd=1.25, settings={"a": {"b": [1, "x", None]}},
        ),
        StepCompleted(seq=3, at=_NOW + timedelta(microseconds=1), run_id=run_id, step_id="s", attempt=2, summary="ok"),
    ]  # fmt: skip
    await store.append(run_id, events, durable=True)
    await _same_after_reopening(store, run_id, events)


CHECKS: tuple[Check, ...] = (
    new_run_is_empty,
    source_is_kept_byte_for_byte,
    order_is_kept_over_batches,
    appending_goes_on_after_reopening,
    gaps_and_repeats_are_refused,
    reading_after_a_number,
    only_one_owns_a_run,
    one_of_many_wins,
    a_run_exists_once,
    unknown_runs_are_not_found,
    unsafe_ids_are_refused,
    list_is_ordered,
    deleted_runs_are_gone,
    drafts_are_kept,
    runs_do_not_mix,
    reader_sees_a_growing_prefix,
    unknown_events_are_preserved,
    any_text_is_preserved,
    large_events_are_preserved,
)

for _check in CHECKS:
    setattr(RuntimeStoreConformance, f"test_{_check.__name__}", _as_test(_check))
