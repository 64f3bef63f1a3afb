"""Renders the pictures of the README, and the recorded demo, from real runs: `make screenshots`.

The demo agent plays the steps at its own pace, so this takes about two minutes. Each scene is drawn at three
sizes of the terminal.
"""

from __future__ import annotations

import os
import re
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import anyio
from animation import Animation
from textual.pilot import Pilot

from piplan_tui.agents.registry import AgentSettings
from piplan_tui.resources import examples_dir
from piplan_tui.run.events import RuntimeEvent
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import RunOptions
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.leaving import TuiResult

PICTURES = Path(__file__).parent
SIZES = ((80, 24), (120, 40), (200, 50))
DEMO_SIZE = (104, 30)
DEMO_PACE, DEMO_SECONDS, PICTURES_PER_SECOND = 0.2, 20.0, 4
ANSWER = {"algorithm": "token-bucket", "perMinute": 600}

Scene = Pilot[TuiResult]


def save(app: PiplanApp, name: str) -> None:
    """Write the screen as an SVG that fetches no fonts."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", app.export_screenshot(title="piplan-tui"), flags=re.DOTALL)
    svg = svg.replace("Fira Code", "Fira Code, DejaVu Sans Mono, Menlo")
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"screenshots/{name}.svg")


async def picture(pilot: Scene, name: str, *keys: str, sizes: tuple[tuple[int, int], ...] = SIZES) -> None:
    """Draw what is on the screen at every size, after pressing `keys` at each; Esc closes what they opened."""
    app = pilot.app
    assert isinstance(app, PiplanApp)
    for columns, lines in sizes:
        await pilot.resize_terminal(columns, lines)
        await pilot.pause(0.4)
        depth = len(app.screen_stack)
        for key in keys:
            await pilot.press(key)
            await pilot.pause(0.3)
        save(app, f"{name}-{columns}x{lines}")
        while len(app.screen_stack) > depth:
            await pilot.press("escape")
            await pilot.pause(0.2)


async def until(run: Run, happened: Callable[[RuntimeEvent], bool]) -> None:
    """Return once an event of that kind has come."""
    seen = anyio.Event()
    stop = run.subscribe(lambda event: seen.set() if happened(event) else None)
    await seen.wait()
    stop()


def tree(pilot: Scene):  # type: ignore[no-untyped-def]  # the screen that is shown decides
    return pilot.app.screen.run_tree  # type: ignore[attr-defined]  # the run screen has one


async def started(pilot: Scene) -> Run:
    app = pilot.app
    assert isinstance(app, PiplanApp)
    await pilot.pause(0.5)
    await pilot.press("enter")
    while app.run_shown is None:
        await pilot.pause(0.05)
    return app.run_shown


async def run_scenes(pilot: Scene) -> None:
    await picture(pilot, "plan")
    run = await started(pilot)
    await until(run, lambda event: event.type == "step.waiting_user")
    await pilot.pause(1)
    await picture(pilot, "run")
    tree(pilot).select_step("read-brief")
    await picture(pilot, "detail", "2")
    await picture(pilot, "log", "L")
    tree(pilot).select_step("choose-limits")
    for size in SIZES:
        await picture(pilot, "question", "a", sizes=(size,))
        await pilot.press("escape")
    await picture(pilot, "help", "question_mark")
    await picture(pilot, "commands", "colon", *"ret")
    await run.answer(next(iter(run.state.asks)), ANSWER)
    await until(run, lambda event: event.type == "run.completed")
    await pilot.pause(0.5)
    await picture(pilot, "timeline", "t")
    await picture(pilot, "completed")
    pilot.app.exit()


async def failure_scenes(pilot: Scene) -> None:
    run = await started(pilot)
    await until(run, lambda event: event.type == "run.failed")
    await pilot.pause(0.5)
    await pilot.press("E")
    await picture(pilot, "failure")
    pilot.app.exit()


async def home_scenes(pilot: Scene) -> None:
    await pilot.pause(1)
    await picture(pilot, "home")
    pilot.app.exit()


async def recorded(pilot: Scene) -> None:
    """A run with a question, as somebody at the keyboard goes through it."""
    animation = Animation(*DEMO_SIZE, title="piplan-tui demo.json")
    began = time.monotonic()

    async def record() -> None:
        while True:
            at = time.monotonic() - began
            animation.add(round(at * PICTURES_PER_SECOND) / PICTURES_PER_SECOND, drawn(pilot))
            await anyio.sleep(1 / PICTURES_PER_SECOND)

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(record)
        await pilot.pause(1.0)
        run = await started(pilot)
        await until(run, lambda event: event.type == "step.waiting_user")
        await pilot.pause(2.5)
        await pilot.press("a")
        await pilot.pause(1.5)
        for key in ("down", "space", "tab", "backspace", "backspace", "backspace", *"900"):
            await pilot.press(key)
            await pilot.pause(0.3)
        await pilot.press("ctrl+s")
        await until(run, lambda event: event.type == "run.completed")
        await pilot.pause(max(1.5, DEMO_SECONDS - (time.monotonic() - began)))
        tasks.cancel_scope.cancel()
    seconds = time.monotonic() - began
    svg = animation.svg(round(seconds, 2))
    (PICTURES / "demo.svg").write_text(svg, encoding="utf-8")
    print(f"screenshots/demo.svg: {seconds:.0f} seconds, {len(svg) / 1000:.0f} kB")
    pilot.app.exit()


def drawn(pilot: Scene):  # type: ignore[no-untyped-def]  # strips of Textual's compositor
    return pilot.app.screen._compositor.render_strips()


@asynccontextmanager
async def program(folder: Path, plan: str | None, pace: float = 1.0) -> AsyncIterator[PiplanApp]:
    workspace = folder / "orders-api"
    workspace.mkdir(exist_ok=True)
    settings = AgentSettings(demo_pace=pace)
    runtime = create_runtime(store=FileRuntimeStore(folder / "store"), agents=settings)
    source = plan or ""
    options = RunOptions(workspace=workspace, agent="demo", source=source)
    async with runtime:
        path = examples_dir() / plan if plan else None
        yield PiplanApp(runtime, plan_path=path, options=options)


async def main() -> None:
    with tempfile.TemporaryDirectory() as name:
        os.environ["HOME"] = name  # the pictures say "~/orders-api"
        folder = Path(name)
        async with program(folder, "demo.json") as app, app.run_test(size=SIZES[1]) as pilot:
            await run_scenes(pilot)
        async with program(folder, "demo-failure.json", 0.3) as app, app.run_test(size=SIZES[1]) as pilot:
            await failure_scenes(pilot)
        async with program(folder, None) as app, app.run_test(size=SIZES[1]) as pilot:
            await home_scenes(pilot)
        async with program(folder, "demo.json", DEMO_PACE) as app, app.run_test(size=DEMO_SIZE) as pilot:
            await recorded(pilot)


if __name__ == "__main__":
    anyio.run(main)
