"""Power loss under the whole runtime: what it has acted upon is there again, on a disk that loses what it may."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest

from piplan_tui.run.journal import Journal
from piplan_tui.run.reduce import fold
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunNotFound, StoreError
from tests.hardening.life import EDGES, RUN_ID, live
from tests.hardening.size import sized
from tests.store.test_power_loss import PowerLoss, SimulatedDisk


class World:
    """A run, its disk, and what an observer whom the power loss does not reach has seen of it."""

    def __init__(self, place: Path, rng: random.Random, forget: str = "") -> None:
        self.place = place
        self.rng = rng
        self.forget = forget
        self.root = place / "disk-0"
        self.root.mkdir()
        self.losses = 0
        self.diary: list[tuple[str, ...]] = []
        self.known: set[str] = set()

    def write(self, *words: object) -> None:
        self.diary.append(tuple(map(str, words)))

    async def live(self, changes: int) -> None:
        """Live until the power goes, after so many changes to the disk, or to the run's end."""
        start = len(self.diary)
        disk = SimulatedDisk(self.root, changes, self.forget)
        store = FileRuntimeStore(self.root, disk=disk)
        with suppress(PowerLoss, BaseExceptionGroup):
            await live(store, self.place, self.write)
        begun = {words[1] for words in self.diary[start:] if words[0] == "begin"}
        assert not begun & self.known, f"done again: {begun & self.known}"
        for run in store._open.values():
            run.lock.release()
            with suppress(OSError):
                disk.close(run.log._fd)
        self.losses += disk.changes_left < 0
        self.root = self.root.with_name(f"disk-{self.losses}-{len(self.diary)}-{self.rng.random()}")
        disk.after_power_loss(self.rng, self.root)
        await self.look()

    async def look(self) -> None:
        told = {words[1] for words in self.diary if words[0] in ("durable", "built-on")}
        try:
            state = fold([event async for event in FileRuntimeStore(self.root).read(RUN_ID)])
        except RunNotFound:
            assert not self.diary, "a run that was created is gone"
            return
        completed = {step.id for step in state.order if step.status == "completed"}
        assert told <= completed, f"lost: {told - completed}"
        answered = {words[1] for words in self.diary if words[0] == "answered"}
        assert not answered & set(state.asks), "an answer is lost"
        self.known = completed


async def _suffer(seed: int, forget: str = "") -> int:
    """One run through up to four power losses, also while it gets well from the one before."""
    rng = random.Random(seed)
    with tempfile.TemporaryDirectory() as place:
        world = World(Path(place), rng, forget)
        for _ in range(rng.randint(1, 4)):
            await world.live(rng.choice([rng.randint(1, 25), rng.randint(10, 180)]))
        await world.live(1_000_000)
        assert world.diary[-1] == ("completed",)
        assert world.known == set(EDGES)
        return world.losses


def test_what_was_acted_upon_survives_power_losses() -> None:
    seeds = range(sized(12, 1500))
    losses = sum(anyio.run(_suffer, seed) for seed in seeds)
    print(f"power loss: {losses} in {len(seeds)} runs")
    assert losses >= len(seeds)


def _call_it_durable_unsynced(monkeypatch: pytest.MonkeyPatch) -> None:
    """The seeded bug: what happened is written, called durable and acted upon, but not synced."""

    async def sync(self: Journal, up_to: int = 0) -> None:
        await self.flush()
        self.durable_seq = self._stored_seq

    monkeypatch.setattr(Journal, "sync", sync)


def _forget_no_sync(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is wrong with the runtime; the disk does not do what it was told."""


@pytest.mark.parametrize(
    ("break_it", "forget"),
    [(_call_it_durable_unsynced, ""), (_forget_no_sync, "sync"), (_forget_no_sync, "sync_folder")],
)
def test_a_missing_sync_would_be_found(
    monkeypatch: pytest.MonkeyPatch, break_it: Callable[[pytest.MonkeyPatch], None], forget: str
) -> None:
    break_it(monkeypatch)
    for seed in range(40):
        try:
            anyio.run(_suffer, seed, forget)
        except (AssertionError, StoreError, ExceptionGroup):
            return
    pytest.fail("the bug was not found")
