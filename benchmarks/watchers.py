"""What watching costs the run that is watched, and how late a watcher is.

One process appends durable events at a steady pace, first alone, then with ten processes that follow it as `attach`
does. Printed: its time per event, its CPU time, the watchers' CPU time, and how long after an event each
watcher had it.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

import anyio

from piplan_tui.run import events as ev
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunInfo

RUN = "watched"
EVENTS = 250
PACE_SECONDS = 0.02
WATCHERS = 10


def now() -> datetime:
    return datetime.now(UTC)


async def watch(root: str) -> None:
    """Follow the run until its last event; print the delays (ms) and the CPU time spent."""
    run = await StoredRun.open(FileRuntimeStore(root), RUN, now)
    delays: list[float] = []
    done = anyio.Event()

    def heard(event: ev.RuntimeEvent) -> None:
        delays.append((now() - event.at).total_seconds() * 1000)
        if isinstance(event, ev.Logged) and event.message == "last":
            done.set()

    run.subscribe(heard)
    before = time.process_time()
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(run.follow)
        await anyio.sleep(0.5)
        print("ready", flush=True)
        await done.wait()
        tasks.cancel_scope.cancel()
    print(json.dumps({"delays": delays, "cpu": time.process_time() - before}), flush=True)


async def own(root: Path, watchers: int) -> tuple[float, float, list[float], list[float]]:
    """Microseconds per append (median), processor seconds, all delays, processor seconds of each watcher."""
    store = FileRuntimeStore(root)
    at = now()
    info = RunInfo(run_id=RUN, plan_id="p", title="t", status="running", created_at=at, updated_at=at)
    await store.create_run(info, b"{}", "plan.json")
    created = ev.RunCreated(
        seq=1,
        at=at,
        run_id=RUN,
        title="t",
        plan_id="p",
        workspace="/w",
        agent="demo",
        mode="serial",
        max_concurrency=1,
    )
    await store.append(RUN, [created], durable=True)
    command = [sys.executable, __file__, str(root)]
    start = partial(subprocess.Popen, command, stdout=subprocess.PIPE, text=True)
    processes = [start() for _ in range(watchers)]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    spent: list[float] = []
    cpu = time.process_time()
    for seq in range(2, EVENTS + 2):
        await anyio.sleep(PACE_SECONDS)
        message = "last" if seq == EVENTS + 1 else "x" * 200
        started = time.perf_counter()
        await store.append(RUN, [ev.Logged(seq=seq, at=now(), run_id=RUN, message=message)], durable=True)
        spent.append((time.perf_counter() - started) * 1e6)
    cpu = time.process_time() - cpu
    said = [json.loads(process.communicate(timeout=30)[0]) for process in processes]
    await store.close_run(RUN)
    delays = [delay for each in said for delay in each["delays"]]
    return statistics.median(spent), cpu, delays, [each["cpu"] for each in said]


def main() -> None:
    if len(sys.argv) > 1:
        anyio.run(watch, sys.argv[1])
        return
    alone = 0.0
    for watchers in (0, 1, WATCHERS):
        with tempfile.TemporaryDirectory() as place:
            per_event, cpu, delays, spent = anyio.run(own, Path(place), watchers)
        alone = alone or cpu
        line = f"{watchers:2} watchers: {per_event:6.0f} µs an event, owner {cpu:.2f} s of CPU ({cpu / alone:.2f}x)"
        if delays:
            p50, p95 = (statistics.quantiles(delays, n=100)[at] for at in (49, 94))
            line += (
                f", each watcher {statistics.mean(spent):.2f} s; heard after {p50:.0f} ms (p95 {p95:.0f} ms)"
            )
        print(line, flush=True)


if __name__ == "__main__":
    main()
