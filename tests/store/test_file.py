"""What the file store does beyond the contract: its files, its repairs, its sentences."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from pathlib import Path

import anyio
import pytest

from piplan_tui.run.events import RuntimeEvent
from piplan_tui.store.disk import Disk
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RunCorrupt, RunInfo, RunNotFound, StoreError
from piplan_tui.store.select import open_store
from tests.support.processor_time import takes_less_than

Event = Callable[..., RuntimeEvent]
Info = Callable[..., RunInfo]
MakeRun = Callable[..., Path]
pytestmark = pytest.mark.anyio


async def test_a_run_has_its_files_for_its_user_only(
    tmp_path: Path, run_info: Info, log_event: Event
) -> None:
    store = FileRuntimeStore(tmp_path / "a" / "state")
    await store.create_run(run_info(), b"print()", "workflow.py")
    await store.append("r", [log_event(1)], durable=True)
    await store.save_draft("r", "ask", {"x": 1})
    await store.close_run("r")
    folder = store.run_dir("r")
    assert folder == tmp_path / "a" / "state" / "runs" / "r"
    names = {"workflow.py", "run.json", "events.jsonl", "lock", "attempts", "drafts", "control"}
    assert {path.name for path in folder.iterdir()} == names
    for path in [store.root, folder.parent, folder, *folder.rglob("*")]:
        assert path.stat().st_mode & 0o777 == (0o700 if path.is_dir() else 0o600), path


async def test_the_root_is_an_argument_or_the_environment_or_the_platforms(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "xdg"))
    monkeypatch.delenv("PIPLAN_STORE", raising=False)
    assert FileRuntimeStore().root.name == "piplan"
    monkeypatch.setenv("PIPLAN_STORE", str(tmp_path / "env"))
    assert FileRuntimeStore().root == tmp_path / "env"
    assert FileRuntimeStore(tmp_path / "arg").root == tmp_path / "arg"
    assert await FileRuntimeStore().list_runs() == []
    assert os.listdir(tmp_path) == []


def test_which_store_is_meant(tmp_path: Path) -> None:
    assert isinstance(open_store("memory"), MemoryRuntimeStore)
    store = open_store(str(tmp_path))
    assert isinstance(store, FileRuntimeStore)
    assert store.root == tmp_path


def test_a_torn_tail_is_kept_and_cut_and_opening_twice_changes_nothing(
    make_run: MakeRun, reopen: Callable[[], list[RuntimeEvent]], read_all: Callable[[], list[int]]
) -> None:
    path = make_run(2, -2)
    whole = path.read_bytes()
    path.write_bytes(whole[:-7])
    assert read_all() == [1, 2, 3]
    assert path.read_bytes() == whole[:-7]
    assert [event.seq for event in reopen()] == [1, 2, 3]
    kept = whole[: whole[:-1].rindex(b"\n") + 1]
    torn = (path.parent / "events.jsonl.torn").read_bytes()
    assert path.read_bytes() == kept
    assert whole[len(kept) : -7] in torn
    assert [event.seq for event in reopen()] == [1, 2, 3]
    assert path.read_bytes() == kept
    assert (path.parent / "events.jsonl.torn").read_bytes() == torn
    path.write_bytes(kept + b"more")
    reopen()
    assert (path.parent / "events.jsonl.torn").read_bytes().startswith(torn)


def test_a_corrupt_middle_is_refused_read_up_to_it_and_repaired(
    make_run: MakeRun, reopen: Callable[[], list[RuntimeEvent]], tmp_path: Path
) -> None:
    path = make_run(1, 1, 1, 1)
    whole = path.read_bytes()
    bad = whole.replace(b"Zeile 3", b"Zeile 8")
    path.write_bytes(bad)
    with pytest.raises(RunCorrupt, match=rf"{path}:3: .*checksum.*repair"):
        reopen()
    assert path.read_bytes() == bad

    async def main() -> None:
        store = FileRuntimeStore(tmp_path)
        seen: list[int] = []

        async def read() -> None:
            async for event in store.read("r"):
                seen.append(event.seq)  # noqa: PERF401 - what came before the error counts

        with pytest.raises(RunCorrupt):
            await read()
        assert seen == [1, 2]
        repair = await store.repair_run("r")
        assert (repair.kept, repair.dropped) == (2, 2)
        assert repair.copy is not None
        assert repair.copy.read_bytes() == bad
        assert (await store.repair_run("r")).copy is None

    anyio.run(main)
    assert [event.seq for event in reopen()] == [1, 2]


def test_repairing_keeps_what_follows_a_line_in_the_wrong_place(
    make_run: MakeRun, reopen: Callable[[], list[RuntimeEvent]], tmp_path: Path
) -> None:
    path = make_run(1, 1, 1, 1)
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([lines[0], lines[1], lines[0], lines[2], lines[3]]))
    with pytest.raises(RunCorrupt):
        reopen()
    repair = anyio.run(FileRuntimeStore(tmp_path).repair_run, "r")
    assert (repair.kept, repair.dropped) == (4, 1)
    assert len(reopen()) == 4


def test_damage_at_the_very_end_of_a_closed_run_is_not_taken_for_a_crash(
    make_run: MakeRun,
    reopen: Callable[[], list[RuntimeEvent]],
    read_all: Callable[[], list[int]],
    tmp_path: Path,
) -> None:
    path = make_run(3, close=True)
    whole = path.read_bytes()
    for damaged in (whole.replace(b"Zeile 3", b"Zeile 8"), whole[:-9], whole[: whole[:-1].rindex(b"\n") + 1]):
        path.write_bytes(damaged)
        with pytest.raises(RunCorrupt, match=r":3: "):
            reopen()
        with pytest.raises(RunCorrupt, match=r":3: "):
            read_all()
    anyio.run(FileRuntimeStore(tmp_path).repair_run, "r")
    assert [event.seq for event in reopen()] == [1, 2]


async def test_missing_events_are_damage_not_an_empty_run(make_run: MakeRun, tmp_path: Path) -> None:
    path = await anyio.to_thread.run_sync(make_run, 1)
    path.unlink()
    store = FileRuntimeStore(tmp_path)
    with pytest.raises(RunCorrupt, match="is missing"):
        await store.open_run("r")
    with pytest.raises(RunCorrupt, match="is missing"):
        [event async for event in store.read("r")]
    assert await store.owner("r") is None


async def test_junk_among_the_runs_is_left_out(tmp_path: Path, run_info: Info) -> None:
    store = FileRuntimeStore(tmp_path)
    for run_id in ("good", "broken", "other"):
        await store.create_run(run_info(run_id), b"", "plan.json")
    (store.run_dir("broken") / "run.json").write_bytes(b'{"runId":')
    (store.run_dir("other") / "run.json").write_bytes((store.run_dir("good") / "run.json").read_bytes())
    runs = tmp_path / "runs"
    (runs / "file").write_text("")
    (runs / "empty").mkdir()
    (runs / ".new-123").mkdir()
    (runs / "link").symlink_to(runs / "good")
    (runs / "pipe").mkdir()
    os.mkfifo(runs / "pipe" / "run.json")
    assert [info.run_id for info in await store.list_runs()] == ["good"]


async def test_symlinks_lead_nowhere(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, run_info: Info, log_event: Event
) -> None:
    outside = FileRuntimeStore(tmp_path_factory.mktemp("outside"))
    await outside.create_run(run_info(), b"", "plan.json")
    await outside.append("r", [log_event(1)], durable=True)
    await outside.close_run("r")
    there = outside.run_dir("r")
    before = {path: path.read_bytes() for path in there.rglob("*") if path.is_file()}

    store = FileRuntimeStore(tmp_path)
    await store.create_run(run_info(), b"", "plan.json")
    await store.close_run("r")
    here = store.run_dir("r")
    (tmp_path / "runs" / "link").symlink_to(there)
    for work in (store.open_run, store.owner, store.source, store.delete_run):
        with pytest.raises(RunNotFound):
            await work("link")
    for name in ("events.jsonl", "lock"):
        (here / name).unlink()
        (here / name).symlink_to(there / name)
        with pytest.raises(StoreError, match="symbolic link"):
            await store.open_run("r")
        (here / name).unlink()
        (here / name).touch()
    (here / "drafts").rmdir()
    (here / "drafts").symlink_to(there / "drafts")
    with pytest.raises(StoreError, match="drafts"):
        await store.save_draft("r", "ask", {"x": 1})
    await store.delete_run("r")
    assert {path: path.read_bytes() for path in there.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("name", ["", "../plan.json", "a/b", "run.json", "events.jsonl", "lock", ".hidden"])
async def test_a_source_cannot_take_the_place_of_another_file(
    tmp_path: Path, run_info: Info, name: str
) -> None:
    with pytest.raises(StoreError, match="source"):
        await FileRuntimeStore(tmp_path).create_run(run_info(), b"", name)
    assert list((tmp_path / "runs").iterdir()) == []


async def test_what_a_dead_process_left_half_made_is_swept_up(tmp_path: Path, run_info: Info) -> None:
    runs = tmp_path / "runs"
    runs.mkdir()
    for name, age in ((".new-old", 7200), (".gone-old", 7200), (".new-now", 0)):
        (runs / name / "attempts").mkdir(parents=True)
        os.utime(runs / name, (time.time() - age,) * 2)
    await FileRuntimeStore(tmp_path).create_run(run_info(), b"", "plan.json")
    assert {path.name for path in runs.iterdir()} == {"r", ".new-now"}


async def test_creating_that_fails_at_any_change_leaves_nothing_behind(
    tmp_path: Path, run_info: Info
) -> None:
    class Failing(Disk):
        left = 0

        def _count(self) -> None:
            self.left -= 1
            if self.left < 0:
                raise OSError(28, "No space left on device")

        def write(self, fd: int, data: bytes | memoryview) -> int:
            self._count()
            return super().write(fd, data)

        def sync(self, fd: int) -> None:
            self._count()
            super().sync(fd)

        def make_folder(self, path: Path) -> None:
            self._count()
            super().make_folder(path)

        def rename(self, old: Path, new: Path) -> None:
            self._count()
            super().rename(old, new)

    failures = 0
    for allowed in range(50):
        disk = Failing()
        disk.left = allowed
        store = FileRuntimeStore(tmp_path / str(allowed), disk=disk)
        try:
            await store.create_run(run_info(), b"{}", "plan.json")
        except StoreError:
            failures += 1
            assert await store.list_runs() == []
            disk.left = 1000
            await store.create_run(run_info(), b"{}", "plan.json")
        assert len(await store.list_runs()) == 1
    assert 8 < failures < 50


async def test_a_reader_goes_on_where_it_was_without_reading_all_again(
    tmp_path: Path, run_info: Info, log_event: Event
) -> None:
    class Counting(Disk):
        def __init__(self) -> None:
            self.opened: list[int] = []

        def open_read(self, path: Path) -> int:
            fd = super().open_read(path)
            self.opened.append(fd)
            return fd

    store = FileRuntimeStore(tmp_path)
    await store.create_run(run_info(), b"", "plan.json")
    await store.append("r", [log_event(seq) for seq in range(1, 2001)], durable=True)
    reader = FileRuntimeStore(tmp_path)
    assert len([event async for event in reader.read("r")]) == 2000
    await store.append("r", [log_event(2001)], durable=True)
    # damage in what was read already is not noticed: it is not read again
    path = store.run_dir("r") / "events.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Zeile 7 ", b"Zeile 8 "))
    assert [event.seq async for event in reader.read("r", after=2000)] == [2001]
    with pytest.raises(RunCorrupt):
        [event async for event in reader.read("r", after=5)]


async def test_a_thousand_runs_list_in_a_blink(tmp_path: Path, run_info: Info) -> None:
    store = FileRuntimeStore(tmp_path)
    await store.create_run(run_info("first"), b"", "plan.json")
    content = (store.run_dir("first") / "run.json").read_bytes()
    for n in range(1000):
        folder = tmp_path / "runs" / f"run-{n}"
        folder.mkdir()
        (folder / "run.json").write_bytes(content.replace(b'"first"', f'"run-{n}"'.encode()))
    with takes_less_than(1.0):  # about 0.04 s; the limit only catches another order
        assert len(await store.list_runs()) == 1001


async def test_a_read_only_place_is_named(
    tmp_path: Path, run_info: Info, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: object, *_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(StoreError, match=r"cannot create .*/state/runs: permission denied; .*--store DIR"):
        await FileRuntimeStore(tmp_path / "state").create_run(run_info(), b"", "plan.json")


@pytest.mark.parametrize("slow", ["nothing", "sync", "write"])
async def test_what_is_slow_is_done_in_a_thread_and_what_is_not_is_not(
    tmp_path: Path, run_info: Info, log_event: Event, slow: str
) -> None:
    class Paced(Disk):
        def __init__(self) -> None:
            self.in_threads: dict[str, list[bool]] = {"write": [], "sync": []}

        def _pace(self, what: str) -> None:
            if what == slow:
                time.sleep(0.006)  # as a slow disk would
            self.in_threads[what].append(threading.current_thread() is not threading.main_thread())

        def write(self, fd: int, data: bytes | memoryview) -> int:
            self._pace("write")
            return super().write(fd, data)

        def sync(self, fd: int) -> None:
            self._pace("sync")

    disk = Paced()
    store = FileRuntimeStore(tmp_path, disk=disk)
    await store.create_run(run_info(), b"", "plan.json")
    await store.append("r", [log_event(1)], durable=False)
    disk.in_threads = {"write": [], "sync": []}
    for seq in range(2, 12):
        await store.append("r", [log_event(seq)], durable=seq % 2 == 0)
    # a durable append, then one that is not and so does not wait for a slow sync
    assert disk.in_threads["write"] == [slow != "nothing", slow == "write"] * 5
    assert disk.in_threads["sync"] == [slow != "nothing"] * 5


async def test_events_that_nobody_waits_for_are_synced_after_a_megabyte(
    tmp_path: Path, run_info: Info, log_event: Event
) -> None:
    class Counting(Disk):
        syncs = 0

        def sync(self, fd: int) -> None:
            self.syncs += 1

    disk = Counting()
    store = FileRuntimeStore(tmp_path, disk=disk)
    await store.create_run(run_info(), b"", "plan.json")
    disk.syncs = 0
    for seq in range(1, 26):
        await store.append("r", [log_event(seq, "x" * 100_000)], durable=False)
    assert disk.syncs == 2
