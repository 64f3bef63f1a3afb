"""Power loss, on a simulated disk that may lose, keep or tear everything that was not synced."""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piplan_tui.run.events import RuntimeEvent
from piplan_tui.store.disk import Disk
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunInfo, RunNotFound, StoreError

Event = Callable[..., RuntimeEvent]
Info = Callable[..., RunInfo]
SECTOR = 512


class PowerLoss(Exception):
    """The disk takes no more changes."""


class _File:
    """All that the file has been since its last sync; the first is what is surely on disk."""

    def __init__(self, content: bytes) -> None:
        self.versions = [content]

    def after_power_loss(self, rng: random.Random) -> bytes:
        size = len(rng.choice(self.versions))
        if rng.random() < 0.3:
            sizes = [len(version) for version in self.versions]
            size = rng.randint(min(sizes), max(sizes))
        content = bytearray()
        for at in range(0, size, SECTOR):
            sector = rng.choice(self.versions)[at : at + SECTOR]
            content += sector.ljust(SECTOR, b"\0")
        return bytes(content[:size])


class _Folder:
    """Names, as surely on disk, and the changes to them that may be lost from any one on."""

    def __init__(self) -> None:
        self.names: dict[str, _File | _Folder] = {}
        self.changes: list[tuple[str, str | None, _File | _Folder | None]] = []

    def now(self, keep: int | None = None) -> dict[str, _File | _Folder]:
        names = dict(self.names)
        for name, old, node in self.changes[:keep]:
            if old is not None:
                moved = names.pop(old, None)
                if moved is not None:
                    names[name] = moved
            elif node is None:
                names.pop(name, None)
            else:
                names[name] = node
        return names


class SimulatedDisk(Disk):
    """Does everything for real below `root`, and keeps account of what would survive.

    After `changes_left` changes the power goes. `forget` names a bug to be found.
    """

    def __init__(self, root: Path, changes_left: int, forget: str = "") -> None:
        self.root = root
        self.changes_left = changes_left
        self.forget = forget
        self.tree = self._load(root)
        self.files: dict[int, _File] = {}

    def after_power_loss(self, rng: random.Random, target: Path) -> None:
        """Write one of the possible states to a new folder."""
        self._store(self.tree, target, rng)

    def open_append(self, path: Path, *, create: bool = False) -> int:
        if create:
            self._change()
        fd = super().open_append(path, create=create)
        if create:
            self._folder(path.parent).changes.append((path.name, None, _File(b"")))
        node = self._folder(path.parent).now()[path.name]
        assert isinstance(node, _File)
        self.files[fd] = node
        return fd

    def write(self, fd: int, data: bytes | memoryview) -> int:
        self._change()
        versions = self.files[fd].versions
        versions.append(versions[-1] + data)
        return super().write(fd, data)

    def truncate(self, fd: int, size: int) -> None:
        self._change()
        versions = self.files[fd].versions
        versions.append(versions[-1][:size])
        super().truncate(fd, size)

    def sync(self, fd: int) -> None:
        self._change()
        if self.forget != "sync":
            del self.files[fd].versions[:-1]

    def sync_folder(self, path: Path) -> None:
        self._change()
        if self.forget != "sync_folder":
            folder = self._folder(path)
            folder.names, folder.changes = folder.now(), []

    def make_folder(self, path: Path) -> None:
        self._change()
        super().make_folder(path)
        self._folder(path.parent).changes.append((path.name, None, _Folder()))

    def rename(self, old: Path, new: Path) -> None:
        self._change()
        super().rename(old, new)
        assert old.parent == new.parent
        self._folder(old.parent).changes.append((new.name, old.name, None))

    def unlink(self, path: Path) -> None:
        self._change()
        super().unlink(path)
        self._folder(path.parent).changes.append((path.name, None, None))

    def _change(self) -> None:
        self.changes_left -= 1
        if self.changes_left < 0:
            raise PowerLoss

    def _folder(self, path: Path) -> _Folder:
        folder = self.tree
        for name in path.relative_to(self.root).parts:
            found = folder.now()[name]
            assert isinstance(found, _Folder)
            folder = found
        return folder

    def _load(self, path: Path) -> _Folder:
        folder = _Folder()
        for child in path.iterdir():
            folder.names[child.name] = self._load(child) if child.is_dir() else _File(child.read_bytes())
        return folder

    def _store(self, folder: _Folder, target: Path, rng: random.Random) -> None:
        target.mkdir()
        keep = rng.randint(0, len(folder.changes))
        for name, node in folder.now(keep).items():
            if isinstance(node, _Folder):
                self._store(node, target / name, rng)
            else:
                (target / name).write_bytes(node.after_power_loss(rng))


class _Life:
    """One run through any number of power losses."""

    def __init__(self, log_event: Event, info: RunInfo) -> None:
        self.log_event = log_event
        self.info = info
        self.created = False
        self.issued: list[RuntimeEvent] = []
        self.durable = 0

    async def live(self, store: FileRuntimeStore, batches: list[tuple[int, int, bool]]) -> None:
        """Open or create the run and append; raises `PowerLoss` at some point."""
        try:
            recovered = await store.open_run("r")
        except RunNotFound:
            assert not self.created, "a run that was created is gone"
            await store.create_run(self.info, b"{}", "plan.json")
            self.created = True
            recovered = []
        self.check(recovered)
        self.created = True
        self.issued = recovered
        self.durable = len(recovered)  # opening makes durable what it found
        for count, size, durable in batches:
            seq = len(self.issued)
            events = [self.log_event(seq + n, f"{seq + n}-".ljust(size, "ü")) for n in range(1, count + 1)]
            self.issued = [*self.issued, *events]
            await store.append("r", events, durable=durable)
            if durable:
                self.durable = len(self.issued)

    def check(self, recovered: list[RuntimeEvent]) -> None:
        assert len(recovered) >= self.durable, "an event that was acknowledged is gone"
        assert recovered == self.issued[: len(recovered)], "an event is there that was not issued so"


async def _opening_twice_changes_nothing(root: Path, life: _Life) -> None:
    store = FileRuntimeStore(root)
    with suppress(RunNotFound):
        first = await store.open_run("r")
        life.check(first)
        await store.close_run("r")
        content = (store.run_dir("r") / "events.jsonl").read_bytes()
        assert await store.open_run("r") == first
        await store.close_run("r")
        assert (store.run_dir("r") / "events.jsonl").read_bytes() == content
        assert [event async for event in store.read("r")] == first
    infos = await store.list_runs()
    assert [info.run_id for info in infos] == ["r"] * life.created or not life.created


async def _suffer(
    life: _Life,
    lives: list[tuple[int, list[tuple[int, int, bool]]]],
    rng: random.Random,
    forget: str = "",
) -> None:
    with tempfile.TemporaryDirectory() as place:
        for number, (changes, batches) in enumerate(lives):
            root = Path(place, str(number))
            if number == 0:
                os.mkdir(root)
            disk = SimulatedDisk(root, changes, forget)
            store = FileRuntimeStore(root, disk=disk)
            with suppress(PowerLoss):
                await life.live(store, batches)
            for run in store._open.values():
                run.lock.release()
                with suppress(OSError):
                    disk.close(run.log._fd)
            disk.after_power_loss(rng, Path(place, str(number + 1)))
        await _opening_twice_changes_nothing(Path(place, str(len(lives))), life)


_batches = st.lists(
    st.tuples(st.integers(0, 4), st.sampled_from([1, 40, 300, 1200]), st.booleans()), min_size=1, max_size=8
)
_lives = st.lists(st.tuples(st.integers(5, 60), _batches), min_size=1, max_size=3)


@settings(max_examples=150, deadline=None)
@given(lives=_lives, seed=st.integers(0, 2**32))
def test_nothing_acknowledged_is_lost_over_power_losses(
    log_event: Event, run_info: Info, lives: list[tuple[int, list[tuple[int, int, bool]]]], seed: int
) -> None:
    anyio.run(_suffer, _Life(log_event, run_info()), lives, random.Random(seed))


@pytest.mark.parametrize("forget", ["sync", "sync_folder"])
def test_a_missing_sync_would_be_found(log_event: Event, run_info: Info, forget: str) -> None:
    async def until_found() -> None:
        for seed in range(100):
            rng = random.Random(seed)
            lives = [(rng.randint(20, 60), [(2, 300, True)] * 6)] * 2
            try:
                await _suffer(_Life(log_event, run_info()), lives, rng, forget)
            except (AssertionError, StoreError):
                return
        pytest.fail("the bug was not found")

    anyio.run(until_found)


async def _write_drafts(info: RunInfo, drafts: list[int | None], seed: int, forget: str = "") -> None:
    """What was last kept or removed is so after the power went; or what was being done to it, whole."""
    with tempfile.TemporaryDirectory() as place:
        root = Path(place, "0")
        os.mkdir(root)
        await FileRuntimeStore(root).create_run(info, b"{}", "plan.json")
        rng = random.Random(seed)
        disk = SimulatedDisk(root, rng.randint(0, 6 * len(drafts)), forget)
        store = FileRuntimeStore(root, disk=disk)
        kept = wanted = None
        with suppress(PowerLoss):
            for number in drafts:
                wanted = None if number is None else {"text": str(number) * 600}
                await store.save_draft("r", "ask", wanted)
                kept = wanted
        disk.after_power_loss(rng, Path(place, "1"))
        assert await FileRuntimeStore(Path(place, "1")).load_draft("r", "ask") in (kept, wanted)


_drafts = st.lists(st.none() | st.integers(0, 9), min_size=1, max_size=6)


@settings(max_examples=100, deadline=None)
@given(drafts=_drafts, seed=st.integers(0, 2**32))
def test_no_draft_is_lost_and_none_comes_back(run_info: Info, drafts: list[int | None], seed: int) -> None:
    anyio.run(_write_drafts, run_info(), drafts, seed)


@pytest.mark.parametrize("forget", ["sync", "sync_folder"])
def test_a_missing_sync_of_a_draft_would_be_found(run_info: Info, forget: str) -> None:
    async def until_found() -> None:
        for seed in range(100):
            try:
                await _write_drafts(run_info(), [1, 2, 3, None], seed, forget)
            except AssertionError:
                return
        pytest.fail("the bug was not found")

    anyio.run(until_found)
