"""What the file store costs: a durable event alone and in company, opening a long run, listing many.

    python benchmarks/store.py [--events 1000000] [--runs 1000] [--dir FOLDER]

FOLDER is where the files go, on the disk that is to be measured; by default the working directory.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path

import anyio

from piplan_tui.run.events import RuntimeEvent, StepCompleted
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunInfo

AT = datetime(2026, 1, 1, tzinfo=UTC)


def info(run_id: str) -> RunInfo:
    return RunInfo(
        run_id=run_id,
        plan_id="p",
        title="bench",
        status="running",
        created_at=AT,
        updated_at=AT,
        workspace="/w",
    )


def event(seq: int) -> RuntimeEvent:
    """About 300 bytes as a line."""
    return StepCompleted(seq=seq, at=AT, run_id="r", step_id=f"s{seq}", attempt=1, summary="x" * 150)


async def appended(root: Path, batch: int, batches: int, *, durable: bool) -> float:
    """Seconds for so many batches."""
    store = FileRuntimeStore(root)
    await store.create_run(info("r"), b"{}", "plan.json")
    prepared = [[event(at * batch + n) for n in range(1, batch + 1)] for at in range(batches)]
    started = time.perf_counter()
    for events in prepared:
        await store.append("r", events, durable=durable)
    seconds = time.perf_counter() - started
    await store.close_run("r")
    return seconds


def bare_sync(root: Path, writes: int) -> float:
    """Seconds for so many writes of 300 bytes with one fdatasync each, without anything else."""
    fd = os.open(root / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    started = time.perf_counter()
    for _ in range(writes):
        os.write(fd, b"x" * 300)
        os.fdatasync(fd)
    seconds = time.perf_counter() - started
    os.close(fd)
    return seconds


async def in_new_folder(place: Path, measure: Callable[[Path], Awaitable[float]]) -> float:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        return await measure(Path(folder))


async def opened(root: Path, count: int) -> tuple[float, float, int]:
    """Seconds to write so many events, seconds to open the run again, bytes of its file."""
    store = FileRuntimeStore(root)
    await store.create_run(info("r"), b"{}", "plan.json")
    started = time.perf_counter()
    for first in range(1, count + 1, 1_000):
        await store.append("r", [event(seq) for seq in range(first, first + 1_000)], durable=False)
    await store.close_run("r")
    wrote = time.perf_counter() - started
    started = time.perf_counter()
    found = await FileRuntimeStore(root).open_run("r")
    seconds = time.perf_counter() - started
    assert len(found) == count
    return wrote, seconds, (store.run_dir("r") / "events.jsonl").stat().st_size


async def listed(root: Path, runs: int) -> float:
    store = FileRuntimeStore(root)
    for number in range(runs):
        await store.create_run(info(f"r{number}"), b"{}", "plan.json")
        await store.close_run(f"r{number}")
    started = time.perf_counter()
    assert len(await store.list_runs()) == runs
    return time.perf_counter() - started


async def main(events: int, runs: int, place: Path) -> None:
    with tempfile.TemporaryDirectory(dir=place) as folder:
        bare = bare_sync(Path(folder), 2_000) / 2_000
    print(f"bare write and fdatasync        {bare * 1e6:9.1f} µs")
    for batch, batches in ((1, 2_000), (16, 500), (256, 100)):
        seconds = await in_new_folder(
            place, lambda root, b=batch, n=batches: appended(root, b, n, durable=True)
        )
        each = seconds / batch / batches
        print(
            f"durable event, {batch:3} at a time     {each * 1e6:9.1f} µs  {each / bare:6.2f} of a bare one"
        )
    seconds = await in_new_folder(place, lambda root: appended(root, 1, 20_000, durable=False))
    print(f"event that nobody waits for     {seconds / 20_000 * 1e6:9.1f} µs")
    with tempfile.TemporaryDirectory(dir=place) as folder:
        wrote, seconds, size = await opened(Path(folder), events)
    print(
        f"opening {events:,} events ({size / 1e6:,.0f} MB): {seconds:.2f} s; writing them took {wrote:.2f} s"
    )
    with tempfile.TemporaryDirectory(dir=place) as folder:
        seconds = await listed(Path(folder), runs)
    print(f"listing {runs:,} runs: {seconds * 1e3:.0f} ms")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--dir", type=Path, default=Path.cwd())
    given = parser.parse_args()
    anyio.run(main, given.events, given.runs, given.dir)
