"""Every screen at every size, resized live: nothing breaks, and what matters stays in sight."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.pilot import Pilot
from textual.screen import ModalScreen
from textual.widget import Widget

from piplan_tui.resources import examples_dir
from piplan_tui.run import events as ev
from piplan_tui.run.runtime import RunOptions
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import AUDIENCE, app_on, deck

pytestmark = pytest.mark.anyio

LADDER = [
    (80, 24),
    (30, 8),
    (40, 10),
    (50, 15),
    (60, 20),
    (100, 30),
    (120, 40),
    (160, 45),
    (200, 50),
    (300, 100),
    (80, 24),
]
"""Down, up, and down again."""

FORM = {
    "message": "Which audience should the deck target?",
    "reason": "The outline changes a lot with this answer.",
    "fields": [
        *AUDIENCE["fields"],  # type: ignore[misc]  # a list, as the scene has it
        {"name": "slides", "type": "integer", "minimum": 1, "maximum": 20, "label": "Slides"},
        {"name": "parts", "type": "multichoice", "options": ["pricing", "roadmap", "team"]},
        {"name": "notes", "type": "multiline", "label": "Notes"},
        {"name": "sure", "type": "boolean", "label": "Sure"},
    ],
}


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


async def settle(pilot: Pilot[Any]) -> None:
    for _ in range(4):  # a screen may arrange itself anew after what the pilot waits for
        await pilot.pause()


def lines(app: PiplanApp) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


def in_sight(widget: Widget) -> bool:
    """Whether some of the widget is on the screen, not scrolled or pushed out of it."""
    screen = widget.screen
    geometry = screen._compositor.visible_widgets.get(widget)
    if geometry is None:
        return False
    region, clip = geometry
    return bool(region.intersection(clip).intersection(screen.region).area)


@asynccontextmanager
async def open_app(app: PiplanApp) -> AsyncIterator[Pilot[Any]]:
    async with app.run_test(size=LADDER[0], notifications=True) as pilot:
        await settle(pilot)
        yield pilot


async def climb(pilot: Pilot[Any], check: Callable[[int, int], None]) -> None:
    for width, height in LADDER:
        await pilot.resize_terminal(width, height)
        await settle(pilot)
        drawn = lines(pilot.app)
        assert len(drawn) == height, (width, height)
        assert {cell_len(line) for line in drawn} == {width}, (width, height)
        focused = pilot.app.screen.focused
        if focused is not None:
            assert in_sight(focused), (width, height, focused, "\n".join(drawn))
        check(width, height)


def sees_the_run(app: PiplanApp, *wanted: str) -> Callable[[int, int], None]:
    def check(width: int, height: int) -> None:
        drawn = lines(app)
        for text in wanted:
            assert any(text in line for line in drawn[:2]), (width, height, text, "\n".join(drawn))
        # on a short screen, a question that is being answered takes the place of the tree
        if isinstance(app.screen, RunScreen) and not app.screen.has_class("-short", "-answering"):
            sees_the_row(app, width, height)

    return check


def sees_the_row(app: PiplanApp, width: int, height: int) -> None:
    tree = app.screen.query_one(RunTree)
    row = tree.selected
    assert row is not None
    drawn = lines(app)
    name = row.step.id if row.step else row.phase.title
    # where it has too little room, the name of a step keeps both its ends
    shown = [
        line
        for line in drawn
        if ">" in line[:6] and (name[:6] in line or (name[:4] in line and name[-2:] in line))
    ]
    assert shown, (width, height, name, "\n".join(drawn))


def failed_run() -> RunDouble:
    run = deck(asking=False)
    run.emit(ev.RunFailed(reason="interviews: 429 rate limit", failed_steps=["interviews"]))
    return run


def completed_run() -> RunDouble:
    run = deck(asking=False)
    run.emit(ev.StepSkipped(step_id="interviews", attempt=1))
    for name in ("topic-choice", "pricing", "competitors"):
        run.completed(name)
    for name in ("survey", "check-audience", "check-numbers", "synthesize"):
        run.started(name)
        run.completed(name)
    run.emit(ev.RunCompleted())
    return run


async def test_a_run_with_a_failure_and_a_question() -> None:
    app = app_on(deck())
    async with open_app(app) as pilot:
        app.screen.run_tree.select_step("pricing")  # type: ignore[attr-defined]  # the run screen
        await climb(pilot, sees_the_run(app, "✗1", "?1", "RUNNING"))
        assert app.screen.run_tree.selected_step.id == "pricing"  # type: ignore[attr-defined]  # it is the run screen


@pytest.mark.parametrize(
    ("make", "word", "count"), [(failed_run, "FAILED", "✗1"), (completed_run, "COMPLETED", "✓")]
)
async def test_a_run_that_has_ended(make: Callable[[], RunDouble], word: str, count: str) -> None:
    app = app_on(make())
    async with open_app(app) as pilot:
        await climb(pilot, sees_the_run(app, word, count))


async def test_a_form_keeps_its_field_and_what_is_typed() -> None:
    run = deck(asking=False)
    run.asks("topic-choice", FORM)
    app = app_on(run)
    async with open_app(app) as pilot:
        await pilot.press("a")
        await settle(pilot)
        await pilot.press("tab", *"12")
        await settle(pilot)

        def check(width: int, height: int) -> None:
            sees_the_run(app, "✗1", "?1")(width, height)
            focused = app.screen.focused
            assert focused is not None, (width, height)
            assert not isinstance(focused, RunTree), (width, height, focused)

        await climb(pilot, check)
        assert any("12" in line for line in lines(app))


@pytest.mark.parametrize("tab", "1234567"[:6])
async def test_the_detail(tab: str) -> None:
    app = app_on(deck())
    async with open_app(app) as pilot:
        app.screen.run_tree.select_step("outline" if tab != "1" else "topic-choice")  # type: ignore[attr-defined]  # it is the run screen
        await pilot.press(tab)
        await settle(pilot)
        await climb(pilot, lambda width, height: None)


@pytest.mark.parametrize("key", ["t", "L", "question_mark", "q", "x", "r", "y", "colon", "slash", "e", "s"])
async def test_what_opens_over_a_run(key: str) -> None:
    app = app_on(deck())
    async with open_app(app) as pilot:
        app.screen.run_tree.select_step(  # type: ignore[attr-defined]  # it is the run screen
            {"r": "interviews", "e": "survey"}.get(key, "pricing")
        )
        await pilot.press(key)
        await settle(pilot)
        opened = type(app.screen)

        def check(width: int, height: int) -> None:
            assert type(app.screen) is opened, (width, height)
            if isinstance(app.screen, ModalScreen):
                assert app.screen.focused is not None

        await climb(pilot, check)


@asynccontextmanager
async def with_runtime(tmp_path: Path, plan_path: Path | None) -> AsyncIterator[Pilot[Any]]:
    from piplan_tui.agents.registry import AgentSettings
    from piplan_tui.run.factory import create_runtime
    from piplan_tui.store.file import FileRuntimeStore

    runtime = create_runtime(store=FileRuntimeStore(tmp_path / "store"), agents=AgentSettings(demo_pace=0))
    options = RunOptions(workspace=tmp_path, agent="demo")
    async with runtime:
        app = PiplanApp(runtime, plan_path=plan_path, options=options)
        async with open_app(app) as pilot:
            yield pilot


async def test_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "demo.json").write_text((examples_dir() / "demo.json").read_text())
    async with with_runtime(tmp_path, None) as pilot:
        assert isinstance(pilot.app.screen, HomeScreen)
        await climb(pilot, lambda width, height: None)


async def test_a_plan_before_it_starts(tmp_path: Path) -> None:
    async with with_runtime(tmp_path, examples_dir() / "demo.json") as pilot:
        await climb(pilot, lambda width, height: sees_the_row(pilot.app, width, height))
