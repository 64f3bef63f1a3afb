"""Killed processes, full disks and disks that fail, with the operating system's own means where it has them."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import anyio
import anyio.from_thread
import anyio.lowlevel
import pytest

from piplan_tui.run.events import RuntimeEvent
from piplan_tui.store.disk import Disk
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunCorrupt, RunInfo, StoreError

Event = Callable[..., RuntimeEvent]
Info = Callable[..., RunInfo]

HEAD = """
import os, sys
from datetime import UTC, datetime
import anyio
from piplan_tui.run.events import Logged
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunInfo, StoreError
AT = datetime(2026, 3, 1, tzinfo=UTC)
INFO = RunInfo(run_id="r", plan_id="p", title="t", status="running", created_at=AT, updated_at=AT)
def event(seq, size=60): return Logged(seq=seq, at=AT, run_id="r", message=f"{seq}:".ljust(size, "x"))
def say(*words): os.write(1, (" ".join(map(str, words)) + "\\n").encode())
store = FileRuntimeStore(sys.argv[1])
"""

APPENDS_FOR_EVER = (
    HEAD
    + """
async def main():
    seq = len(await store.open_run("r"))
    say("open", seq)
    while True:
        size = 1 + seq % 5
        await store.append("r", [event(seq + n) for n in range(1, size + 1)], durable=seq % 3 != 0)
        seq += size
        say(seq)
anyio.run(main)
"""
)

FILLS_AND_GOES_ON = (
    HEAD
    + """
async def main(path, make_room):
    await store.create_run(INFO, b"{}", "plan.json")
    seq = 0
    while True:
        try:
            await store.append("r", [event(seq + n, 700) for n in (1, 2, 3)], durable=seq % 2 == 0)
        except StoreError as error:
            say("full", seq, os.path.getsize(path), error)
            break
        seq += 3
    read = [event.seq async for event in store.read("r")]
    assert read == list(range(1, seq + 1)), read
    for _ in range(2):
        try:
            await store.append("r", [event(seq + n, 700) for n in (1, 2, 3)], durable=True)
            say("unexpected")
        except StoreError:
            pass
    make_room()
    await store.append("r", [event(seq + 1)], durable=True)
    await store.append("r", [event(seq + 2)], durable=True)
    await store.close_run("r")
    events = await store.open_run("r")
    say("done", len(events) - seq)
"""
)

LIMITED = (
    FILLS_AND_GOES_ON
    + """
import resource
resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 1_000_000))
room = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
anyio.run(main, store.run_dir("r") / "events.jsonl", room)
"""
)

ON_A_TINY_DISK = (
    FILLS_AND_GOES_ON
    + """
filler = os.path.join(sys.argv[1], "filler")
with open(filler, "wb") as file: file.write(b"x" * 16384)
anyio.run(main, store.run_dir("r") / "events.jsonl", lambda: os.unlink(filler))
"""
)

SYNC_FAILS_ONCE = (
    HEAD
    + """
async def main():
    await store.create_run(INFO, b"{}", "plan.json")
    seq, failed = 0, 0
    while seq < 60 or not failed:
        batch = [event(seq + 1), event(seq + 2)]
        try:
            await store.append("r", batch, durable=seq % 3 == 0)
        except StoreError as error:
            failed += 1
            say(error)
            assert [event.seq async for event in store.read("r")] == list(range(1, seq + 1))
        else:
            seq += 2
    await store.close_run("r")
    say("done", failed, [event.seq async for event in store.read("r")] == list(range(1, seq + 1)))
anyio.run(main)
"""
)


def _run(*command: str) -> list[str]:
    found = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert found.returncode == 0, found.stderr
    return found.stdout.splitlines()


def test_what_a_killed_process_acknowledged_is_there(
    tmp_path: Path, run_info: Info, reopen: Callable[[], list[RuntimeEvent]]
) -> None:
    async def create() -> None:
        store = FileRuntimeStore(tmp_path)
        await store.create_run(run_info(), b"", "plan.json")
        await store.close_run("r")

    anyio.run(create)
    acknowledged = 0
    for round_ in range(20):
        process = subprocess.Popen(
            [sys.executable, "-c", APPENDS_FOR_EVER, str(tmp_path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        opened = process.stdout.readline().split()
        assert opened[0] == "open"
        assert int(opened[1]) >= acknowledged
        for _ in range(3 + 7 * round_):
            process.stdout.readline()
        process.kill()
        rest, _ = process.communicate()
        # a last line may itself be cut by the kill
        acknowledged = int(rest.split("\n")[-2]) if "\n" in rest else int(opened[1])
    events = reopen()
    assert len(events) >= acknowledged > 1000
    assert [event.seq for event in events] == list(range(1, len(events) + 1))


@pytest.mark.anyio
async def test_a_reader_of_a_run_that_another_process_writes_sees_a_growing_prefix(
    tmp_path: Path, run_info: Info
) -> None:
    store = FileRuntimeStore(tmp_path)
    await store.create_run(run_info(), b"", "plan.json")
    await store.close_run("r")
    command = [sys.executable, "-c", APPENDS_FOR_EVER, str(tmp_path)]
    async with await anyio.open_process(command, stderr=None) as process:
        assert process.stdout is not None
        await process.stdout.receive()
        seen: list[int] = []
        while len(seen) < 3000:
            acknowledged = (await process.stdout.receive()).split(b"\n")
            new = [event.seq async for event in store.read("r", after=len(seen))]
            seen += new
            assert seen == list(range(1, len(seen) + 1))
            assert len(seen) >= int(acknowledged[-2] if len(acknowledged) > 2 else 0)
        owner = await store.owner("r")
        assert owner is not None
        assert owner.pid == process.pid
        process.kill()


def test_a_short_write_at_a_limit_leaves_nothing_of_its_batch_and_writing_goes_on(tmp_path: Path) -> None:
    full, done = _run(sys.executable, "-c", LIMITED, str(tmp_path))
    assert "the file may not grow any further" in full
    _, seq, size, *_ = full.split()
    assert int(seq) == 12
    assert 9_000 < int(size) < 10_000
    assert done == "done 2"


def test_a_full_disk_leaves_nothing_of_its_batch_and_writing_goes_on(tmp_path: Path) -> None:
    mount = f"mount -t tmpfs -o size=96k none {tmp_path}"
    unshare = ["unshare", "-Urm", "sh", "-c"]
    if (
        not shutil.which("unshare")
        or subprocess.run([*unshare, mount], check=False, capture_output=True).returncode
    ):
        pytest.skip("no user namespaces here; the limit on file size above tests the same path")
    full, done = _run(
        *unshare, f'{mount} && exec "$@"', "-", sys.executable, "-c", ON_A_TINY_DISK, str(tmp_path)
    )
    assert "no space is left on the device; make room there and try again" in full
    assert int(full.split()[1]) > 3
    assert done == "done 2"


@pytest.mark.parametrize("when", [7, 9, 11])
def test_an_error_of_the_disk_at_a_sync_loses_nothing(tmp_path: Path, when: int) -> None:
    strace = ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=fdatasync"]
    if not shutil.which("strace") or subprocess.run([*strace, "true"], check=False).returncode:
        pytest.skip("no strace here; the failing disk below tests the same path")
    inject = f"inject=fdatasync:error=EIO:when={when}"
    # strace counts for each thread, so it may happen in more than one
    *failed, done = _run(*strace, "-e", inject, sys.executable, "-c", SYNC_FAILS_ONCE, str(tmp_path))
    assert failed
    for sentence in failed:
        assert sentence.endswith("the disk reported an error; check the disk (dmesg) before going on")
    assert done == f"done {len(failed)} True"


class _LosingDisk(Disk):
    """Fails syncs when told to, and then loses what was written since the last one, as a kernel may."""

    def __init__(self) -> None:
        self.fail = 0
        self.synced: dict[int, int] = {}

    def sync(self, fd: int) -> None:
        found = os.fstat(fd)
        if self.fail:
            self.fail -= 1
            os.ftruncate(fd, self.synced[found.st_ino])
            os.ftruncate(fd, found.st_size)  # with zeros
            raise OSError(errno.EIO, "Input/output error")
        self.synced[found.st_ino] = found.st_size


@pytest.mark.anyio
@pytest.mark.parametrize("failures", [1, 2, 5])
async def test_what_a_failed_sync_lost_is_written_again(
    tmp_path: Path, run_info: Info, log_event: Event, failures: int
) -> None:
    disk = _LosingDisk()
    store = FileRuntimeStore(tmp_path, disk=disk)
    await store.create_run(run_info(), b"", "plan.json")
    await store.append("r", [log_event(1), log_event(2)], durable=True)
    await store.append("r", [log_event(3)], durable=False)
    disk.fail = failures
    for _ in range(failures):
        with pytest.raises(StoreError, match=r"cannot write to .*events\.jsonl: the disk reported an error"):
            await store.append("r", [log_event(4), log_event(5)], durable=True)
    await store.append("r", [log_event(4)], durable=False)
    await store.append("r", [log_event(5)], durable=True)
    await store.close_run("r")
    assert await store.open_run("r") == [log_event(seq) for seq in range(1, 6)]


@pytest.mark.anyio
async def test_writing_stays_refused_when_the_file_is_not_what_it_was(
    tmp_path: Path, run_info: Info, log_event: Event
) -> None:
    disk = _LosingDisk()
    store = FileRuntimeStore(tmp_path, disk=disk)
    await store.create_run(run_info(), b"", "plan.json")
    await store.append("r", [log_event(1), log_event(2)], durable=True)
    disk.fail = 1
    with pytest.raises(StoreError):
        await store.append("r", [log_event(3)], durable=True)
    path = store.run_dir("r") / "events.jsonl"
    path.write_bytes(path.read_bytes().replace(b"Zeile 2", b"Zeile 8"))
    for _ in range(2):
        with pytest.raises(RunCorrupt, match=r"events\.jsonl:2: the line does not match"):
            await store.append("r", [log_event(3)], durable=True)
    path.write_bytes(b"")
    with pytest.raises(RunCorrupt, match="has become shorter"):
        await store.append("r", [log_event(3)], durable=True)
    with pytest.raises(RunCorrupt):
        await store.close_run("r")
    assert await store.owner("r") is None


@pytest.mark.anyio
@pytest.mark.parametrize("answer", [errno.EINVAL, errno.ENOTSUP, errno.ENOSYS])
async def test_a_file_system_without_sync_is_used_as_it_is(
    tmp_path: Path, run_info: Info, log_event: Event, monkeypatch: pytest.MonkeyPatch, answer: int
) -> None:
    def unsupported(_fd: int) -> None:
        raise OSError(answer, os.strerror(answer))

    monkeypatch.setattr("os.fdatasync", unsupported)
    monkeypatch.setattr("os.fsync", unsupported)
    store = FileRuntimeStore(tmp_path)
    await store.create_run(run_info(), b"", "plan.json")
    await store.append("r", [log_event(1)], durable=True)
    await store.close_run("r")
    assert await store.open_run("r") == [log_event(1)]


@pytest.mark.anyio
async def test_a_cancelled_append_is_whole_or_not_there(
    tmp_path: Path, run_info: Info, log_event: Event
) -> None:
    class Slow(Disk):
        def sync(self, fd: int) -> None:
            anyio.from_thread.run(started.wait)

    started = anyio.Event()
    store = FileRuntimeStore(tmp_path)
    await store.create_run(run_info(), b"", "plan.json")
    run = store._open["r"]
    run.log._disk = Slow()
    run.log._sync_seconds = 1.0  # so that it is done in a thread
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(lambda: store.append("r", [log_event(1)], durable=True))
        await anyio.lowlevel.checkpoint()
        tasks.cancel_scope.cancel()
        started.set()
    seqs = [event.seq async for event in store.read("r")]
    assert seqs == list(range(1, run.log.seq + 1))
    await store.append("r", [log_event(run.log.seq + 1)], durable=True)
