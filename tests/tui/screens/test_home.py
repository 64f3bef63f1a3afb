"""The list to begin with: what is in it, what its keys do, and that it keeps itself up to date."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from piplan_tui.agents.demo import DemoAgent
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.options import RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import Owner, RunInfo, RuntimeStore, StoreError
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.beginnings import Beginnings
from piplan_tui.tui.screens import home
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.home import HomeScreen
from piplan_tui.tui.screens.plan import PlanScreen
from piplan_tui.tui.screens.run import RunScreen
from piplan_tui.tui.widgets.home_list import HomeList
from piplan_tui.workflow.load import load_workflow
from tests.tui.support.run_double import START

pytestmark = pytest.mark.anyio

WORKFLOW = 'async def main(wf):\n    return await wf.agent("Say yes.", label="only")\n'
PLAN = {
    "id": "two",
    "title": "Two steps",
    "steps": [{"id": "first", "title": "First", "goal": "Write it down.", "dependsOn": []}],
}


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


async def nothing_to_sweep(run_id: str) -> int:
    return 0


def a_run(run_id: str, status: str = "completed", *, asks: int = 0, title: str = "A deck") -> RunInfo:
    return RunInfo(
        run_id=run_id,
        plan_id="deck",
        title=title,
        status=status,
        created_at=START,
        updated_at=START - timedelta(seconds=60),
        steps=4,
        counts={"completed": 2},
        open_asks=asks,
        workspace="/project",
    )


class LivelyStore(MemoryRuntimeStore):
    """Says of some runs that a process owns them."""

    def __init__(self) -> None:
        super().__init__()
        self.live: set[str] = set()

    async def owner(self, run_id: str) -> Owner | None:
        return Owner(pid=7, host="here", started=0.0) if run_id in self.live else None


async def stored(*infos: RunInfo) -> LivelyStore:
    store = LivelyStore()
    for info in infos:
        await store.create_run(info, b"{}", "plan.json")
        await store.close_run(info.run_id)
    return store


@asynccontextmanager
async def opened(
    folder: Path, store: RuntimeStore, *, size: tuple[int, int] = (100, 30), **more: Any
) -> AsyncIterator[tuple[Pilot[Any], PiplanApp, HomeList]]:
    options = RunOptions(workspace=folder, agent="demo")
    runtime = PlanRuntime(
        store=store, make_agent=lambda name: DemoAgent(pace=0), sweep=nothing_to_sweep, options=options
    )
    async with runtime:
        app = PiplanApp(runtime, options=options, now=lambda: START, **more)
        async with app.run_test(size=size, notifications=True) as pilot:
            await until(pilot, lambda: app.screen.query(HomeList) and app.screen.query_one(HomeList).rows)
            yield pilot, app, app.screen.query_one(HomeList)


async def until(pilot: Pilot[Any], what: Callable[[], object]) -> None:
    for _ in range(1_000):
        if what():
            return
        await pilot.pause(0.01)
    raise AssertionError("it never happened")


def texts(listed: HomeList) -> list[str]:
    return [strip.text.rstrip() for y in range(listed.size.height) if (strip := listed.render_line(y)).text]


def said(app: PiplanApp) -> list[str]:
    return [notification.message for notification in app._notifications]


async def test_what_needs_the_user_stands_first_then_what_goes_on_then_plans(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    (tmp_path / "research.py").write_text(WORKFLOW)
    store = await stored(
        a_run("done"),
        a_run("asks", "waiting_user", asks=2),
        a_run("runs", "running"),
        a_run("gone", "running"),
    )
    store.live = {"runs"}
    async with opened(tmp_path, store) as (_, app, listed):
        assert [row.key for row in listed.rows if row.can_be_chosen] == [
            "run:asks",
            "run:runs",
            "run:gone",
            f"plan:{tmp_path / 'plan.json'}",
            f"plan:{tmp_path / 'research.py'}",
            "run:done",
        ]
        shown = "\n".join(texts(listed))
        assert "? 2 to answer" in shown
        assert "interrupted" in shown, "nobody owns it any more"
        assert "workflow" in shown
        assert "1 run needs you" in str(app.screen.query_one("#home-title", Static).render())


async def test_the_list_follows_what_happens_to_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(home, "REFRESH_SECONDS", 0.02)
    store = await stored(a_run("one"), a_run("two"))
    async with opened(tmp_path, store) as (pilot, _, listed):
        await pilot.press("j")
        assert listed.selected is not None
        assert listed.selected.key == "run:two"
        await store.create_run(a_run("new", "waiting_user", asks=1), b"{}", "plan.json")
        await until(pilot, lambda: any(row.key == "run:new" for row in listed.rows))
        assert listed.selected.key == "run:two", "the cursor stays on its run"
        await store.write_info(a_run("one", "failed"))
        await until(pilot, lambda: any("failed" in line for line in texts(listed)))
        await store.delete_run("two")
        await until(pilot, lambda: all(row.key != "run:two" for row in listed.rows))
        assert listed.selected is not None
        assert listed.selected.can_be_chosen


async def test_a_store_that_cannot_be_read_is_told_once_and_again_when_it_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(home, "REFRESH_SECONDS", 0.01)
    store = await stored(a_run("one"))
    tries = 0

    async def refused() -> list[RunInfo]:
        nonlocal tries
        tries += 1
        raise StoreError("cannot list /state: permission denied")

    async with opened(tmp_path, store) as (pilot, app, _):
        monkeypatch.setattr(store, "list_runs", refused)
        await until(pilot, lambda: tries > 5)
        assert said(app) == ["cannot list /state: permission denied"]
        await pilot.press("ctrl+r")
        assert said(app) == ["cannot list /state: permission denied"] * 2


async def test_typing_filters_and_escape_shows_all_again(tmp_path: Path) -> None:
    (tmp_path / "plan.json").write_text(json.dumps(PLAN))
    store = await stored(a_run("one", title="Deck [b]"), a_run("two", "failed"), a_run("three"))
    async with opened(tmp_path, store) as (pilot, app, listed):
        await pilot.press("slash", *"DECK fai")
        await until(pilot, lambda: [row.key for row in listed.rows if row.can_be_chosen] == ["run:two"])
        title = str(app.screen.query_one("#home-title", Static).render())
        assert "/ DECK fai: 1 of 4" in title
        await pilot.press("enter")
        assert app.screen.focused is listed
        await pilot.press("slash")
        await pilot.pause()
        assert app.screen.query_one(Input).value == "DECK fai"
        await pilot.press(*"zz")
        await until(pilot, lambda: "Nothing here has" in texts(listed)[0])
        await pilot.press("escape")
        await until(pilot, lambda: len([row for row in listed.rows if row.can_be_chosen]) == 4)
        await pilot.press("slash", *"two", "enter", "escape")
        await until(pilot, lambda: len([row for row in listed.rows if row.can_be_chosen]) == 4)
        assert isinstance(app.screen, HomeScreen), "Esc never quits"


async def test_a_filter_that_comes_in_one_burst_is_whole_before_enter(tmp_path: Path) -> None:
    store = await stored(a_run("one", title="Deck"), a_run("two", "failed"), a_run("three"))
    async with opened(tmp_path, store) as (pilot, app, listed):
        for key in ("slash", *"fai", "enter", "d"):
            app.post_message(events.Key(key, "/" if key == "slash" else None))
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        assert [row.key for row in listed.rows if row.can_be_chosen] == ["run:two"]


async def test_a_run_is_deleted_only_when_that_is_confirmed(tmp_path: Path) -> None:
    store = await stored(a_run("one", "waiting_user", asks=1), a_run("two"))
    async with opened(tmp_path, store) as (pilot, app, listed):
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        told = str(app.screen.query_one("#dialog-body").render())
        assert "what its agents said in 4 steps" in told
        assert "open questions go too" in told
        assert "/project" in told
        await pilot.press("enter")
        await pilot.pause()
        assert len(await store.list_runs()) == 2, "the harmless choice comes first"
        await pilot.press("d")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("D")
        await until(pilot, lambda: [row.key for row in listed.rows if row.run] == ["run:two"])
        assert "Deleted run one" in said(app)


async def test_a_run_that_goes_on_is_not_deleted(tmp_path: Path) -> None:
    store = await stored(a_run("one", "running"))
    store.live = {"one"}
    async with opened(tmp_path, store) as (pilot, app, _):
        await pilot.press("d")
        await pilot.pause()
        assert said(app)[-1] == "one is going on; stop it first"
        await pilot.press("r")
        await pilot.pause()
        assert said(app)[-1] == "one goes on already; Enter shows it"
        assert len(await store.list_runs()) == 1


async def test_a_left_run_is_resumed_by_a_key(tmp_path: Path) -> None:
    store = FileRuntimeStore(tmp_path / "store")
    runtime = PlanRuntime(
        store=store,
        make_agent=lambda name: DemoAgent(pace=0),
        sweep=nothing_to_sweep,
        options=RunOptions(workspace=tmp_path, agent="demo"),
    )
    async with runtime:
        run = await runtime.create_run(PlanSpec.from_json(PLAN))
        await run.start()
        await run.pause()
    async with opened(tmp_path / "nothing", store) as (pilot, app, listed):
        await until(pilot, lambda: listed.selected is not None)
        await pilot.press("r")
        await until(pilot, lambda: app.run_shown is not None and app.run_shown.state.ended)
        assert app.run_shown is not None
        assert app.run_shown.state.status == "completed"
        assert isinstance(app.screen, RunScreen)
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_the_first_start_explains_itself_and_shows_the_demo(tmp_path: Path) -> None:
    (tmp_path / "demo.json").write_text(json.dumps(PLAN))
    empty = tmp_path / "empty"
    empty.mkdir()
    demo = (tmp_path / "demo.json", RunOptions(workspace=tmp_path, agent="demo"))
    beginnings = Beginnings(demo=lambda: demo)
    async with opened(empty, MemoryRuntimeStore(), beginnings=beginnings) as (pilot, app, listed):
        shown = "\n".join(texts(listed))
        assert "Nothing has run yet." in shown
        assert "t  shows a demonstration" in shown
        assert "Examples that come with piplan-tui" in shown
        assert listed.selected is not None, "the cursor is on an example"
        await pilot.press("t")
        await until(pilot, lambda: isinstance(app.screen, PlanScreen))
        await pilot.press("escape")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))


async def test_a_workflow_is_opened_and_leaves_nothing_when_it_is_not_started(tmp_path: Path) -> None:
    folder = tmp_path / "here"
    folder.mkdir()
    script = folder / "only.py"
    script.write_text(WORKFLOW)
    store = FileRuntimeStore(tmp_path / "store")
    made: list[Any] = []

    async def workflow(path: Path) -> Any:
        made.append(await app.runtime.create_workflow_run(load_workflow(path).require()))
        return made[-1]

    async with opened(folder, store, beginnings=Beginnings(workflow=workflow)) as (pilot, app, listed):
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("n")
        await until(pilot, lambda: isinstance(app.screen, HomeScreen))
        await until(pilot, lambda: not store.run_dir(made[0].id).exists())
        assert await store.list_runs() == []
        await until(pilot, lambda: all(row.run is None for row in listed.rows))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ChoiceDialog))
        await pilot.press("y")
        await until(pilot, lambda: app.run_shown is not None and app.run_shown.state.ended)


async def test_an_open_question_is_reached_with_enter(tmp_path: Path) -> None:
    store = FileRuntimeStore(tmp_path / "store")
    ask = {"message": "Which audience?", "fields": [{"name": "audience", "type": "text"}]}
    asking = {**PLAN, "steps": [{**PLAN["steps"][0], "demo": {"ask": ask}}]}  # type: ignore[dict-item]  # a plan is plain JSON
    runtime = PlanRuntime(
        store=store,
        make_agent=lambda name: DemoAgent(pace=0),
        sweep=nothing_to_sweep,
        options=RunOptions(workspace=tmp_path, agent="demo"),
    )
    async with runtime:
        await runtime.run_plan(PlanSpec.from_json(asking))
    async with opened(tmp_path, store) as (pilot, app, listed):
        assert "? 1 to answer" in "\n".join(texts(listed))
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, RunScreen))
        screen = app.screen
        assert isinstance(screen, RunScreen)
        assert isinstance(screen.run_handle, StoredRun)


async def test_a_thousand_runs_draw_only_what_is_in_sight(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = await stored(*(a_run(f"r{n:04}") for n in range(1_000)))
    drawn: list[int] = []
    original = HomeList.render_line

    def counted(listed: HomeList, y: int) -> Any:
        drawn.append(y)
        return original(listed, y)

    async with opened(tmp_path, store) as (pilot, _, listed):
        await pilot.pause()
        monkeypatch.setattr(HomeList, "render_line", counted)
        for key in ("j", "pagedown", "G", "g"):
            drawn.clear()
            await pilot.press(key)
            await pilot.pause()
            assert len(drawn) <= 3 * listed.size.height, key
        assert listed.cursor <= 1
        await pilot.press("G")
        assert listed.selected is not None
        assert listed.selected.key == "run:r0999"


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
async def test_who_needs_the_user_is_said_before_what_this_is(tmp_path: Path, width: int) -> None:
    async with opened(tmp_path, await stored(a_run("asks", "waiting_user", asks=1))) as (pilot, app, _):
        await pilot.resize_terminal(width, 20)
        title = app.screen.query_one("#home-title", Static)
        await until(pilot, lambda: title.size.width == width)
        assert "? 1 run needs you" in str(title.render())
        assert ("live" in str(title.render())) is (width >= 60)


@pytest.mark.parametrize("width", [32, 40, 60, 80, 120])
async def test_columns_of_runs_stand_under_their_names(tmp_path: Path, width: int) -> None:
    store = await stored(a_run("done", "completed"), a_run("lost", "failed"))
    async with opened(tmp_path, store, size=(width, 20)) as (_, _, listed):
        drawn = texts(listed)
        heading = next(line for line in drawn if line.startswith("Runs"))
        below = next(line for line in drawn if "completed" in line)
        assert heading.index("state") == below.index("completed")
        assert len(heading) == len(below), "ages end where their heading ends"
        assert ("done" in heading) == ("2/4" in below)
