from __future__ import annotations

from collections.abc import Sequence

import anyio
import pytest

from piplan_tui.run import events as ev
from piplan_tui.run.journal import Journal
from piplan_tui.store.protocol import StoreError

pytestmark = pytest.mark.anyio


class Recording:
    """Notes the batches it is given; `fail` makes the next append fail."""

    def __init__(self) -> None:
        self.batches: list[tuple[list[int], bool]] = []
        self.fail = False
        self.gate: anyio.Event | None = None

    async def append(self, run_id: str, events: Sequence[ev.RuntimeEvent], *, durable: bool) -> None:
        if self.gate is not None:
            await self.gate.wait()
        if self.fail:
            self.fail = False
            raise StoreError("no space left")
        self.batches.append(([event.seq for event in events], durable))


@pytest.fixture
def store() -> Recording:
    return Recording()


@pytest.fixture
def journal(store: Recording) -> Journal:
    return Journal(store, "r")  # type: ignore[arg-type]  # only append is called


def completed(seq: int) -> ev.StepCompleted:
    return ev.StepCompleted(seq=seq, step_id=f"s{seq}", attempt=1)


async def test_steps_that_finish_together_share_one_sync(store: Recording, journal: Journal) -> None:
    async def finish(seq: int) -> None:
        journal.add(completed(seq))
        await journal.sync()
        assert journal.durable_seq >= seq

    async with anyio.create_task_group() as tasks:
        for seq in range(1, 51):
            tasks.start_soon(finish, seq)
    assert store.batches == [(list(range(1, 51)), True)]


async def test_events_that_nothing_depends_on_ride_along(store: Recording, journal: Journal) -> None:
    journal.add(ev.RunStarted(seq=1))
    await journal.sync()
    assert store.batches == []
    journal.add(completed(2))
    await journal.sync()
    assert store.batches == [([1, 2], True)]


async def test_what_was_only_made_visible_is_made_durable_when_asked(
    store: Recording, journal: Journal
) -> None:
    journal.add(completed(1))
    await journal.flush()
    assert (store.batches, journal.durable_seq) == ([([1], False)], 0)
    await journal.sync()
    assert (store.batches[-1], journal.durable_seq) == (([], True), 1)


async def test_a_failed_write_loses_nothing_and_the_next_one_tries_again(
    store: Recording, journal: Journal
) -> None:
    journal.add(completed(1))
    store.fail = True
    with pytest.raises(StoreError, match="no space left"):
        await journal.sync()
    assert journal.error is not None
    journal.add(completed(2))
    await journal.sync()
    assert store.batches == [([1, 2], True)]
    assert journal.error is None


async def test_a_cancelled_wait_does_not_lose_what_is_being_written(
    store: Recording, journal: Journal
) -> None:
    store.gate = anyio.Event()
    journal.add(completed(1))
    async with anyio.create_task_group() as tasks:
        with anyio.CancelScope() as scope:
            tasks.start_soon(_release_after_cancel, scope, store.gate)
            await journal.sync()
    assert store.batches == [([1], True)]


async def _release_after_cancel(scope: anyio.CancelScope, gate: anyio.Event) -> None:
    for _ in range(3):
        await anyio.lowlevel.checkpoint()
    scope.cancel()
    await anyio.lowlevel.checkpoint()
    gate.set()


async def test_who_is_cancelled_before_the_write_leaves_nobody_waiting(
    store: Recording, journal: Journal
) -> None:
    journal.add(completed(1))

    async def waits_with_it() -> None:
        await journal.sync()

    with anyio.fail_after(5):
        async with anyio.create_task_group() as tasks:
            with anyio.CancelScope() as given_up:
                given_up.cancel()
                await journal.sync()
            tasks.start_soon(waits_with_it)
            await journal.sync()
    assert store.batches == [([1], True)]
