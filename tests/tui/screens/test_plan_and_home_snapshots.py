"""Pictures of what is there before a run: plans, valid and not, and the list to begin with."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from piplan_tui.agents.demo import DemoAgent
from piplan_tui.agents.protocol import Agent, AgentFailure
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RunInfo
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.beginnings import Beginnings
from tests.tui.support.run_double import START
from tests.tui.support.scenes import DECK

SIZES = [pytest.param((80, 24), id="80x24"), pytest.param((120, 40), id="120x40")]
SnapCompare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)
    monkeypatch.chdir(tmp_path)


WORKFLOW = '''"""Look at a question from several angles."""

async def main(wf):
    return await wf.agent("Say yes.")
'''


async def nothing_to_sweep(run_id: str) -> int:
    return 0


def runtime_on(store: MemoryRuntimeStore) -> PlanRuntime:
    def agent(name: str) -> Agent:
        if name == "pi-elsewhere":
            raise AgentFailure("missing", "pi was not found on PATH; install it with npm install -g pi")
        return DemoAgent(pace=0)

    return PlanRuntime(store=store, make_agent=agent, sweep=nothing_to_sweep, now=lambda: START)


def app(plan: Path | None, store: MemoryRuntimeStore | None = None, **more: Any) -> PiplanApp:
    options = RunOptions(workspace=Path("."), max_concurrency=4, budget_usd=5.0, **more)
    app = PiplanApp(
        runtime_on(store or MemoryRuntimeStore()),
        plan_path=plan,
        options=options,
        beginnings=Beginnings(demo=lambda: (Path("demo.json"), options)),
        now=lambda: START,
    )
    app.animation_level = "none"
    return app


def plan_text(**changes: Any) -> str:
    plan = {
        "id": "deck-plan",
        "title": "Create a product pitch deck",
        "summary": "A deck of nine slides for the seed round in May.",
        "executionMode": "parallel",
        "steps": DECK,
    }
    return json.dumps({**plan, **changes}, indent=2)


async def loaded(pilot: Pilot[Any]) -> None:
    await pilot.pause()
    while not pilot.app.screen.query("RunTree, HomeList"):
        await pilot.pause()
    screen: Any = pilot.app.screen
    while getattr(screen, "_loaded", True) is None or getattr(screen, "_read", True) is False:
        await pilot.pause(0.01)
    await pilot.pause()


@pytest.mark.parametrize("size", SIZES)
def test_plan(snap_compare: SnapCompare, tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "plan.json").write_text(plan_text())

    async def choose(pilot: Pilot[Any]) -> None:
        await loaded(pilot)
        await pilot.press("G", "k", "k")

    assert snap_compare(app(Path("plan.json")), terminal_size=size, run_before=choose)


@pytest.mark.parametrize("size", [*SIZES, pytest.param((30, 8), id="30x8")])
def test_plan_whose_agent_is_not_there(
    snap_compare: SnapCompare, tmp_path: Path, size: tuple[int, int]
) -> None:
    (tmp_path / "plan.json").write_text(plan_text())

    async def looked(pilot: Pilot[Any]) -> None:
        await loaded(pilot)
        while not pilot.app.screen.has_class("-hindered"):
            await pilot.pause(0.01)
        await pilot.pause()

    assert snap_compare(app(Path("plan.json"), agent="pi-elsewhere"), terminal_size=size, run_before=looked)


@pytest.mark.parametrize("size", SIZES)
def test_plan_with_problems(snap_compare: SnapCompare, tmp_path: Path, size: tuple[int, int]) -> None:
    steps = [{**DECK[0], "dependsOn": ["deck", "brief"]}, {**DECK[1], "title": ""}, DECK[1]]
    (tmp_path / "plan.json").write_text(plan_text(steps=steps, executionMode="fast"))
    assert snap_compare(app(Path("plan.json")), terminal_size=size, run_before=loaded)


async def fill(store: MemoryRuntimeStore) -> None:
    facts: list[tuple[str, str, dict[str, int], int, int, float | None]] = [
        ("7f3a", "waiting_user", {"completed": 2, "waiting_user": 1, "pending": 7}, 1, 4, 0.46),
        ("a0c1", "completed", {"completed": 10}, 0, 3_700, 1.6),
        ("11d8", "failed", {"completed": 3, "failed": 1, "blocked": 6}, 0, 90_000, 0.3),
        ("52ee", "running", {"completed": 1, "running": 2, "pending": 7}, 0, 400, None),
    ]
    for run_id, status, counts, asks, age, usd in facts:
        info = RunInfo(
            run_id=run_id,
            plan_id="deck-plan",
            title="Create a product pitch deck",
            status=status,
            created_at=START - timedelta(seconds=age + 600),
            updated_at=START - timedelta(seconds=age),
            steps=10,
            counts=counts,
            open_asks=asks,
            cost_usd=usd,
        )
        await store.create_run(info, b"{}", "plan.json")
        await store.close_run(run_id)


@pytest.mark.parametrize(
    "size", [*SIZES, pytest.param((200, 50), id="200x50"), pytest.param((40, 16), id="40x16")]
)
def test_home(snap_compare: SnapCompare, tmp_path: Path, size: tuple[int, int]) -> None:
    (tmp_path / "plan.json").write_text(plan_text())
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "short.json").write_text(plan_text(title="A shorter deck", steps=DECK[:1]))
    (tmp_path / "research.py").write_text(WORKFLOW)
    store = MemoryRuntimeStore()

    async def filled(pilot: Pilot[Any]) -> None:
        await loaded(pilot)
        await fill(store)
        await pilot.app.screen.do_refresh()  # type: ignore[attr-defined]  # it is the home screen
        await pilot.pause()

    assert snap_compare(app(None, store), terminal_size=size, run_before=filled)


@pytest.mark.parametrize("size", SIZES)
def test_home_with_nothing_there(
    snap_compare: SnapCompare, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: tuple[int, int]
) -> None:
    examples = tmp_path / "elsewhere" / "examples"
    examples.mkdir(parents=True)
    (examples / "deck.json").write_text(plan_text())
    empty = tmp_path / "empty"
    empty.mkdir()
    monkeypatch.chdir(empty)
    monkeypatch.setattr("piplan_tui.tui.screens.home.examples_dir", lambda: examples)
    assert snap_compare(app(None), terminal_size=size, run_before=loaded)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize(
    "keys", [["slash", *"fai"], ["d"], ["question_mark"]], ids=["filter", "delete", "keys"]
)
def test_home_dialogs(snap_compare: SnapCompare, size: tuple[int, int], keys: list[str]) -> None:
    store = MemoryRuntimeStore()

    async def pressed(pilot: Pilot[Any]) -> None:
        await loaded(pilot)
        await fill(store)
        await pilot.app.screen.do_refresh()  # type: ignore[attr-defined]  # it is the home screen
        await pilot.press("j")
        await pilot.press(*keys)
        for widget in pilot.app.screen.query("Input"):
            widget.cursor_blink = False  # type: ignore[attr-defined]  # it is an Input
        await pilot.pause()

    assert snap_compare(app(None, store), terminal_size=size, run_before=pressed)
