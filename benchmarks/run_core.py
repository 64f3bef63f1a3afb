"""How much a step costs that does nothing: the run core with every event emitted, folded and stored.

    python benchmarks/run_core.py [--steps 10000] [--growth] [--repeat 3]

Two baselines are measured in the same process, because only ratios mean anything on a shared machine:

- `tasks`: bare anyio, one task per step that awaits its dependencies' events and does nothing;
- `lines`: the same tasks, each of which also writes three JSON lines of the size of the run's events (encoded
  with the standard library) and waits until they are on disk, with one fdatasync for all that wait.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio

from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.model import HandoffDescriptor, StepDone, StepJob, StepResult
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.step_runner import StepPort
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RuntimeStore

SLOTS = 256
Edges = dict[str, list[str]]


def wide(steps: int) -> Edges:
    """No dependencies at all."""
    return {f"s{number}": [] for number in range(steps)}


def chain(steps: int) -> Edges:
    """Each step needs the one before."""
    return {f"s{number}": [f"s{number - 1}"] if number else [] for number in range(steps)}


def layers(steps: int) -> Edges:
    """A hundred layers; each step needs three of the layer before."""
    width = max(3, steps // 100)
    return {
        f"s{number}": []
        if number < width
        else [f"s{(number // width - 1) * width + (number + shift) % width}" for shift in (0, 1, 2)]
        for number in range(steps)
    }


SHAPES: dict[str, Callable[[int], Edges]] = {"wide": wide, "chain": chain, "layers": layers}


class NoOp:
    """Stands for the step runner: completes every step at once, without a session and without files."""

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        step_id = job.given.step["id"]
        handoff = HandoffDescriptor(plan_id="p", step_id=step_id, attempt=1, directory="d", files=())
        return StepDone(result=StepResult(status="completed", summary="done"), handoff=handoff)


def plan_of(edges: Edges) -> PlanSpec:
    steps = [
        {"id": name, "title": name, "goal": "nothing", "dependsOn": needs} for name, needs in edges.items()
    ]
    return PlanSpec.model_validate({"id": "p", "title": "bench", "executionMode": "parallel", "steps": steps})


async def run_core(edges: Edges, store: RuntimeStore) -> float:
    async def sweep(run_id: str) -> int:
        return 0

    def no_agent(name: str) -> Any:
        raise AssertionError(name)

    options = RunOptions(workspace=Path.cwd(), max_concurrency=SLOTS)
    plan = plan_of(edges)
    async with PlanRuntime(
        store=store, make_agent=no_agent, sweep=sweep, options=options, executor=lambda run: NoOp()
    ) as runtime:
        run = await runtime.create_run(plan)
        gc.collect()
        started = time.perf_counter()
        await run.start()
        state = await run.wait()
        seconds = time.perf_counter() - started
        assert state.status == "completed", state.reason
        assert state.seq == 5 + 3 * len(edges), state.seq
    return seconds


async def bare_tasks(edges: Edges) -> float:
    gc.collect()
    started = time.perf_counter()
    done = {name: anyio.Event() for name in edges}

    async def step(name: str) -> None:
        for needed in edges[name]:
            await done[needed].wait()
        await anyio.lowlevel.checkpoint()
        done[name].set()

    async with anyio.create_task_group() as tasks:
        for name in edges:
            tasks.start_soon(step, name)
    return time.perf_counter() - started


async def raw_lines(edges: Edges, folder: Path) -> float:
    handle = os.open(folder / "lines.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    done = {name: anyio.Event() for name in edges}
    slots = anyio.Semaphore(SLOTS)
    pending: list[bytes] = []
    written, writing = anyio.Event(), False

    def line(kind: str, name: str) -> bytes:
        return json.dumps(
            {"type": kind, "stepId": name, "at": "2026-01-01T00:00:00Z", "pad": "x" * 200}
        ).encode()

    async def sync() -> None:
        nonlocal written, writing
        if writing:
            await written.wait()
            if not pending:
                return
        writing = True
        await anyio.lowlevel.checkpoint()
        batch, finished = b"\n".join(pending), written
        pending.clear()
        os.write(handle, batch)
        os.fdatasync(handle)
        writing, written = False, anyio.Event()
        finished.set()

    async def step(name: str) -> None:
        for needed in edges[name]:
            await done[needed].wait()
        async with slots:
            pending.extend(line(kind, name) for kind in ("step.context", "step.started", "step.completed"))
            await sync()
        done[name].set()

    gc.collect()
    started = time.perf_counter()
    async with anyio.create_task_group() as tasks:
        for name in edges:
            tasks.start_soon(step, name)
    seconds = time.perf_counter() - started
    os.close(handle)
    return seconds


async def best(repeat: int, measure: Callable[[], Awaitable[float]]) -> float:
    return min([await measure() for _ in range(repeat)])


async def main(steps: int, repeat: int, growth: bool) -> None:
    print(f"{steps:,} no-op steps, {SLOTS} slots, best of {repeat}; steps per second\n")
    print(
        f"{'shape':8}{'tasks':>10}{'lines':>10}{'memory':>10}{'file':>10}{'memory/tasks':>14}{'file/lines':>12}"
    )
    for name, make in SHAPES.items():
        edges = make(steps)
        with tempfile.TemporaryDirectory() as folder:
            tasks = await best(repeat, lambda edges=edges: bare_tasks(edges))
            lines = await best(repeat, lambda edges=edges, folder=folder: raw_lines(edges, Path(folder)))
            memory = await best(repeat, lambda edges=edges: run_core(edges, MemoryRuntimeStore()))
            file = await best(
                repeat, lambda edges=edges, folder=folder: run_core(edges, FileRuntimeStore(Path(folder)))
            )
        rates = [steps / seconds for seconds in (tasks, lines, memory, file)]
        print(f"{name:8}" + "".join(f"{rate:>10,.0f}" for rate in rates), end="")
        print(f"{rates[2] / rates[0]:>14.2f}{rates[3] / rates[1]:>12.2f}")
    if growth:
        print("\nmicroseconds per step as the run grows (memory store, layers)")
        for size in (1_000, 10_000, 100_000):
            seconds = await best(repeat, lambda size=size: run_core(layers(size), MemoryRuntimeStore()))
            print(f"{size:>9,}{seconds / size * 1e6:>10.1f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--growth", action="store_true", help="also measure 1,000 to 100,000 steps")
    given = parser.parse_args()
    anyio.run(main, given.steps, given.repeat, given.growth)
