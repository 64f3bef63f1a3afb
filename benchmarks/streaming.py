"""A large run whose agents never stop talking, in this process: what `screen.py` measures.

    python benchmarks/streaming.py SCENE --store FOLDER [--steps 10000] [--running 64] [--updates 5000]

SCENE is what there is to see: `screen` (the run in the terminal view), `quiet` (the same run without one),
`idle` (the terminal view on a run in which everything waits for the user), `headless` and `headless-idle` (both
without a terminal, pressing its own keys and writing what it measured to FOLDER/measured.json), `stored` (makes a run
of that many completed steps and ends). Each writes its process id to FOLDER/pid once the run goes on.
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import random
import signal
import sys
import threading
import time
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
import anyio.to_thread
from rich.console import RenderableType
from textual import events
from textual._compositor import ChopsUpdate, LayoutUpdate
from textual.screen import Screen

from piplan_tui.agents.protocol import (
    AskReply,
    OnEvent,
    SessionRequest,
    TextDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
    Turn,
    UsageReported,
)
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.model import HandoffDescriptor, SessionRef, StepDone, StepJob, StepResult, Usage
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime, RunOptions
from piplan_tui.run.step_runner import StepPort
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.tui.app import PiplanApp, run_tui
from piplan_tui.tui.widgets.run_tree import RunTree

BEATS_PER_SECOND = 20
STEP_SECONDS = 6.4
PHASES = 100
WARM_UP = 5.0
BETWEEN_KEYS = (0.08, 0.2)
"""Seconds, as a person types."""


class StreamingAgent(AbstractAsyncContextManager["StreamingAgent"]):
    """Carries out any step by talking for some seconds: text, now and then a tool call, tokens as they add up."""

    name = "streaming"
    continues_sessions = False

    def __init__(self, updates_per_second: float, *, asks: bool = False) -> None:
        """`updates_per_second` is what each session says."""
        self.per_beat = updates_per_second / BEATS_PER_SECOND
        self.asks = asks
        self.updates = 0

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc_value: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        return None

    async def open(self, request: SessionRequest) -> StreamingSession:
        return StreamingSession(self, request.step_id)


class StreamingSession:
    def __init__(self, agent: StreamingAgent, step_id: str) -> None:
        self._agent = agent
        self._id = step_id
        self._seconds = STEP_SECONDS * (0.5 + (hash(step_id) % 100) / 100)

    @property
    def ref(self) -> SessionRef:
        return SessionRef(agent="streaming", session_id=self._id, model="made-up")

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        agent = self._agent
        if agent.asks:
            asked = {"status": "waiting_user", "summary": "?", "inputRequest": {"message": f"{self._id}?"}}
            return Turn(text=json.dumps(asked))
        started, owed, said = anyio.current_time(), 0.0, 0
        for beat in itertools.count(1):
            await anyio.sleep(max(0.0, started + beat / BEATS_PER_SECOND - anyio.current_time()))
            owed += agent.per_beat
            while owed >= 1:
                owed -= 1
                said += 1
                on_event(self._update(said))
            if beat >= self._seconds * BEATS_PER_SECOND:
                break
        agent.updates += said
        return Turn(text=json.dumps({"status": "completed", "summary": f"{self._id} said {said} things"}))

    @staticmethod
    def _update(number: int) -> Any:
        """Of forty updates one begins a tool call, two are its output, one ends it, one counts tokens."""
        place, call = number % 40, f"c{number // 40}"
        if place == 10:
            return ToolStarted(call, "bash", f"make part-{number}", {"command": f"make part-{number}"})
        if place in (15, 20):
            return ToolOutput(call, f"compiling {number}\n" * 4)
        if place == 25:
            return ToolEnded(call, True, f"compiled {number}\n" * 8)
        if place == 30:
            return UsageReported(Usage(input=number * 9, output=number, cost_usd=number / 10_000))
        return TextDelta("and then some words" if place % 8 else ", as the brief has it.\n")

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        """It never asks in the middle of its work."""

    async def steer(self, text: str) -> bool:
        return False

    async def close(self) -> None:
        """Nothing to give back."""


class AtOnce:
    """Completes every step at once, for a run that is only to be looked at."""

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        step_id = job.given.step["id"]
        handoff = HandoffDescriptor(plan_id="p", step_id=step_id, attempt=1, directory="d", files=())
        return StepDone(result=StepResult(status="completed", summary="done"), handoff=handoff)


def plan_of(steps: int, *, flat: bool = False) -> PlanSpec:
    """A hundred phases; each step needs one of the phase before. Or none of both."""
    size = max(1, steps // PHASES)
    documents: list[dict[str, Any]] = []
    for number in range(steps):
        document: dict[str, Any] = {"id": f"s{number:05}", "title": f"Step {number}", "goal": "Talk."}
        if not flat:
            document["phase"] = f"Phase {number // size}"
            document["dependsOn"] = [f"s{number - size:05}"] if number >= size else []
        documents.append(document)
    return PlanSpec.model_validate(
        {"id": "large-plan", "title": "A large plan", "executionMode": "parallel", "steps": documents}
    )


class HeadlessApp(PiplanApp):
    """Draws everything that a terminal would get, drops it, and knows when the cursor was seen elsewhere."""

    def __init__(self, runtime: PlanRuntime, *, run: Run, options: RunOptions, auto_start: bool) -> None:
        super().__init__(runtime, run=run, options=options, auto_start=auto_start)
        self.measured: dict[str, Any] = {"keys": [], "unanswered": 0}
        self._written = 0
        self._pressed_at: float | None = None
        self._row = 0
        self._seen = threading.Event()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        if isinstance(renderable, ChopsUpdate | LayoutUpdate) and self._running and not self._batch_count:
            drawn = self._difference(renderable)
            self._written += len(drawn.render_segments(self.console).encode()) if drawn else 0
            if drawn and self._pressed_at is not None and self._cursor() != self._row:
                self.measured["keys"].append(time.perf_counter() - self._pressed_at)
                self._pressed_at = None
                self._seen.set()
        super()._display(screen, renderable)

    def _cursor(self) -> int:
        return self.screen.query_one(RunTree).cursor

    def _press(self, key: str, at: float) -> None:
        self._row, self._pressed_at = self._cursor(), at
        self.post_message(events.Key(key, key if len(key) == 1 else None))

    def _keys(self, loop: asyncio.AbstractEventLoop, seconds: float) -> None:
        """In a thread of its own, as a person is: a busy loop does not delay when a key is pressed."""
        until = time.perf_counter() + seconds
        for key in itertools.cycle("jjjjjjjjkkkkkkkk"):
            if time.perf_counter() > until:
                return
            time.sleep(random.uniform(*BETWEEN_KEYS))
            self._seen.clear()
            loop.call_soon_threadsafe(self._press, key, time.perf_counter())
            self.measured["unanswered"] += not self._seen.wait(5.0)

    async def measure(self, seconds: float) -> None:
        await anyio.sleep(WARM_UP)
        used, at, written = time.process_time(), time.perf_counter(), self._written
        await anyio.sleep(seconds)
        took = time.perf_counter() - at
        self.measured["cpu"] = (time.process_time() - used) / took
        self.measured["bytes_per_second"] = (self._written - written) / took
        self.post_message(events.Key("escape", None))  # out of a form
        await anyio.sleep(0.5)
        loop = asyncio.get_running_loop()
        await anyio.to_thread.run_sync(self._keys, loop, seconds)
        self.exit()


async def no_processes(token: str) -> int:
    return 0


async def main(given: argparse.Namespace) -> None:
    folder = Path(given.store)
    workspace = folder / "workspace"
    workspace.mkdir(parents=True, exist_ok=True)
    agent = StreamingAgent(given.updates / given.running, asks="idle" in given.scene)
    options = RunOptions(
        workspace=workspace, agent="streaming", max_concurrency=given.running, run_id=f"bench-{given.scene}"
    )
    async with PlanRuntime(
        store=FileRuntimeStore(folder / "state"),
        make_agent=lambda name: agent,
        sweep=no_processes,
        options=options,
        executor=(lambda run: AtOnce()) if given.scene == "stored" else None,
    ) as runtime:
        steps = given.running if agent.asks else given.steps
        run = await runtime.create_run(plan_of(steps, flat=given.flat or agent.asks))
        (folder / "pid").write_text(str(os.getpid()))
        if given.scene == "stored":
            await run.start()
            await run.wait()
        elif given.scene == "quiet":
            await quietly(run)
        elif given.scene.startswith("headless"):
            columns, _, rows = given.size.partition("x")
            app = HeadlessApp(runtime, run=run, options=options, auto_start=True)
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(app.measure, given.seconds)
                await app.run_async(headless=True, size=(int(columns), int(rows)))
            (folder / "measured.json").write_text(json.dumps(app.measured))
        else:
            await run_tui(PiplanApp(runtime, run=run, options=options, auto_start=True))


async def quietly(run: Run) -> None:
    await run.start()
    with anyio.open_signal_receiver(signal.SIGTERM) as signals:
        async for _ in signals:
            return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("scene", choices=["screen", "quiet", "idle", "headless", "headless-idle", "stored"])
    parser.add_argument("--store", required=True)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--running", type=int, default=64)
    parser.add_argument("--updates", type=float, default=5_000, help="updates a second of all sessions")
    parser.add_argument("--flat", action="store_true", help="a plan without phases and dependencies")
    parser.add_argument("--size", default="120x40", help="of a screen without a terminal")
    parser.add_argument("--seconds", type=float, default=30.0, help="how long that is measured")
    anyio.run(main, parser.parse_args())
    sys.exit(0)
