"""Renders the pictures of the README from a real run of the bundled plan: `make screenshots`.

The demo agent plays the steps at their own pace, so this takes about a minute.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable
from pathlib import Path

import anyio
from textual.pilot import Pilot

from piplan_tui.agents.registry import AgentSettings
from piplan_tui.resources import examples_dir
from piplan_tui.run.events import RuntimeEvent
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.tui.app import PiplanApp, TuiResult

PICTURES = Path(__file__).parent
WIDE, SMALL = (120, 40), (80, 24)


def save(app: PiplanApp, name: str) -> None:
    """Write the screen as an SVG that fetches no fonts."""
    svg = re.sub(r"@font-face\s*\{.*?\}", "", app.export_screenshot(title="piplan-tui"), flags=re.DOTALL)
    svg = svg.replace("Fira Code", "Fira Code, DejaVu Sans Mono, Menlo")
    (PICTURES / f"{name}.svg").write_text(svg, encoding="utf-8")
    print(f"screenshots/{name}.svg")


async def until(run: Run, happened: Callable[[RuntimeEvent], bool]) -> None:
    """Return once an event of that kind has come."""
    seen = anyio.Event()
    stop = run.subscribe(lambda event: seen.set() if happened(event) else None)
    await seen.wait()
    stop()


def shown(app: PiplanApp) -> Run:
    assert app.run_shown is not None
    return app.run_shown


async def at_size(pilot: Pilot[TuiResult], size: tuple[int, int]) -> None:
    await pilot.resize_terminal(*size)
    await pilot.pause(0.3)


async def scenes(app: PiplanApp, pilot: Pilot[TuiResult]) -> None:
    await pilot.pause(1)
    save(app, "plan")
    await pilot.press("enter")
    while app.run_shown is None:
        await pilot.pause(0.05)
    await until(shown(app), lambda event: event.type == "step.waiting_user")
    await pilot.pause(2)
    save(app, "run")
    await pilot.press("a")
    await pilot.pause(2)
    save(app, "run-question")
    await at_size(pilot, SMALL)
    save(app, "run-question-80x24")
    await at_size(pilot, WIDE)
    run = shown(app)
    await run.answer(next(iter(run.state.asks)), {"algorithm": "token-bucket", "perMinute": 600})
    await until(run, lambda event: event.type == "run.completed")
    await pilot.pause(1)
    save(app, "completed")
    app.exit()


async def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        workspace = Path(folder) / "orders-api"
        workspace.mkdir()
        runtime = create_runtime(store=FileRuntimeStore(Path(folder) / "store"), agents=AgentSettings())
        options = RunOptions(workspace=workspace, agent="demo", source="demo.json")
        async with runtime:
            app = PiplanApp(runtime, plan_path=examples_dir() / "demo.json", options=options)
            async with app.run_test(size=WIDE) as pilot:
                await scenes(app, pilot)


if __name__ == "__main__":
    anyio.run(main)
