"""The tree keeps the reader's place."""

from __future__ import annotations

from typing import Any

import pytest
from textual.app import App, ComposeResult
from textual.pilot import Pilot

from piplan_tui.run import events as ev
from piplan_tui.tui.widgets.run_tree import RunTree
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import step

pytestmark = pytest.mark.anyio


class TreeApp(App[None]):
    CSS = "RunTree { scrollbar-size-vertical: 1; overflow-x: hidden; }"

    def __init__(self, run: RunDouble) -> None:
        super().__init__()
        self.run_double = run

    def compose(self) -> ComposeResult:
        yield RunTree(self.run_double.state, now=self.run_double.now)


def three_phases(size: int = 4) -> RunDouble:
    run = RunDouble([step(f"{p}{n}", f"Step {n}", p) for p in "abc" for n in range(size)], max_concurrency=99)
    run.emit(ev.RunStarted())
    return run


def finish(run: RunDouble, tree: RunTree, *ids: str) -> None:
    for name in ids:
        run.started(name)
        run.completed(name)
        tree.touch(name, structure=True)
    tree.flush()


def at(tree: RunTree) -> str:
    step = tree.selected_step
    return step.id if step else "-"


async def test_a_phase_that_finishes_above_the_cursor_does_not_pull_it_away() -> None:
    run = three_phases()
    async with TreeApp(run).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.select_step("b1")
        line = tree.cursor - tree.scroll_offset.y
        finish(run, tree, "a0", "a1", "a2", "a3")
        await pilot.pause()
        assert at(tree) == "b1"
        assert tree.cursor - tree.scroll_offset.y == line
        await pilot.press("j")
        assert tree.rows.index_of(("a", "a0")) is None, "it folds once the reader moves"
        assert at(tree) == "b2"


async def test_rows_that_come_above_scroll_so_that_the_cursor_stays() -> None:
    run = three_phases(8)
    async with TreeApp(run).run_test(size=(60, 10)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.outline.folded["a"] = True
        tree.touch(None)
        tree.flush()
        tree.select_step("b6")
        await pilot.pause()
        line = tree.cursor - tree.scroll_offset.y
        run.started("a3")
        run.failed("a3")
        tree.touch("a3", structure=True)
        tree.flush()
        await pilot.pause()
        assert tree.rows.index_of(("a", "a3")) is not None, "a failure outranks folding"
        assert at(tree) == "b6"
        assert tree.cursor - tree.scroll_offset.y == line


async def test_folding_by_keys() -> None:
    async with TreeApp(three_phases()).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.focus()
        tree.select_step("a2")
        await pilot.press("h")
        assert tree.selected is not None
        assert tree.selected.key == ("a", "")
        assert len(tree.rows) == 11
        await pilot.press("l")
        assert len(tree.rows) == 15
        await pilot.press("l")
        assert at(tree) == "a0"
        await pilot.press("k", "enter")
        assert len(tree.rows) == 11


async def test_an_edited_plan_keeps_the_cursor_on_its_step() -> None:
    run = RunDouble([step(name, name.upper()) for name in "abcd"])
    async with TreeApp(run).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.select_step("c")
        tree.show(RunDouble([step(name, name.upper()) for name in "xabcd"]).state)
        assert at(tree) == "c"
        tree.show(RunDouble([step(name, name.upper()) for name in "ab"]).state)
        await pilot.pause()
        assert at(tree) in ("a", "b")


async def test_a_run_that_grows_gets_new_rows() -> None:
    run = RunDouble([step("a", "A")])
    async with TreeApp(run).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        bigger = RunDouble([step("a", "A"), step("a-much-longer-name", "B")])
        tree.show(bigger.state)
        await pilot.pause()
        assert len(tree.rows) == 2
        assert tree.columns.name > 8, "names get the room they need"


async def test_mouse() -> None:
    async with TreeApp(three_phases()).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        await pilot.click(RunTree, offset=(10, 2))
        assert at(tree) == "a1"
        assert not tree.follow
        await pilot.click(RunTree, offset=(1, 0))
        assert len(tree.rows) == 11


async def spins(pilot: Pilot[Any]) -> bool:
    return pilot.app.query_one(RunTree).spin()


async def test_spinners_turn_only_while_something_visible_runs() -> None:
    run = three_phases(20)
    async with TreeApp(run).run_test(size=(60, 10)) as pilot:
        tree = pilot.app.query_one(RunTree)
        assert not await spins(pilot)
        run.started("c19")
        tree.touch("c19", structure=True)
        tree.follow = False
        tree.flush()
        assert not await spins(pilot), "what runs is out of sight"
        tree.select_step("c19")
        await pilot.pause()
        assert await spins(pilot)


def words(tree: RunTree) -> list[str]:
    return ["".join(s.text for s in tree.render_line(y)).rstrip() for y in range(tree.size.height)]


def under(tree: RunTree) -> str:
    return tree.selected.work if tree.selected else "-"


async def test_what_goes_on_inside_a_running_step_unfolds_and_stays_live() -> None:
    run = RunDouble([step(name, name.upper()) for name in "abc"], max_concurrency=9)
    run.emit(ev.RunStarted())
    run.started("a")
    run.started("b")
    run.tool("b", "bash", "npm test", call_id="1")
    run.tool("b", "read", "brief.md", call_id="2")
    async with TreeApp(run).run_test(size=(60, 10)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.focus()
        tree.select_step("a")
        await pilot.press("l")
        assert len(tree.rows) == 3, "nothing goes on inside it"
        await pilot.press("j", "l")
        assert [line.split() for line in words(tree)[2:4]] == [
            ["bash", "npm", "test", "0:00"],
            ["read", "brief.md", "0:00"],
        ]
        assert words(tree)[2].index("bash") > words(tree)[1].index("b ")
        await pilot.press("l", "j")
        assert (at(tree), under(tree), tree.cursor) == ("b", "tool:2", 3)

        run.emit(ev.SessionToolEnded(step_id="b", attempt=1, call_id="1", ok=True))
        tree.touch("b")
        tree.flush()
        assert (at(tree), under(tree), tree.cursor) == ("b", "tool:2", 2), "it stays on its row"
        run.tool("b", "grep", "price", call_id="3")
        run.emit(ev.SessionToolEnded(step_id="b", attempt=1, call_id="2", ok=True))
        tree.touch("b")
        tree.flush()
        assert (at(tree), under(tree), tree.cursor) == ("b", "tool:3", 2), "what is in its place now"

        await pilot.press("h")
        assert (at(tree), under(tree), len(tree.rows)) == ("b", "", 3)
        await pilot.press("l", "l")
        run.completed("b")
        tree.touch("b", structure=True)
        tree.flush()
        assert (at(tree), under(tree), len(tree.rows)) == ("b", "", 3), "it folds when the step ends"


async def test_a_row_inside_a_step_opens_the_step() -> None:
    opened: list[str] = []

    class Opening(TreeApp):
        def on_run_tree_opened(self, message: RunTree.Opened) -> None:
            opened.append(message.row.key[1])

    run = three_phases()
    run.started("b1")
    run.tool("b1", "bash", "npm test", call_id="1")
    async with Opening(run).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.focus()
        tree.select_step("b1")
        await pilot.press("l", "l")
        assert under(tree) == "tool:1"
        assert not tree.rows[tree.cursor + 1].work
        tree.set_filter("running")
        assert (at(tree), under(tree)) == ("b1", "tool:1")
        await pilot.press("enter")
        await pilot.pause()
        assert opened == ["b1"]
        await pilot.press("h", "h")
        assert tree.selected is not None
        assert tree.selected.key == ("b", ""), "first the step, then its phase"


async def test_the_last_row_is_the_last_row_and_the_cursor_goes_on_from_there() -> None:
    run = three_phases()
    run.started("a0")
    run.asks("a0", {"message": "Which one?"})
    run.started("a1")
    async with TreeApp(run).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.focus()
        tree.flush()
        await pilot.press("G")
        assert at(tree) == "c3"
        assert tree.follow
        run.tool("a1", "read", "notes.md")
        tree.touch("a1", structure=True)
        tree.flush()
        assert at(tree) == "c3", "nothing has started or asked since"
        run.later(1).started("a2")
        tree.touch("a2", structure=True)
        tree.flush()
        assert at(tree) == "a2"


async def test_a_phase_whose_rows_show_has_the_sign_of_an_open_one() -> None:
    run = three_phases()
    async with TreeApp(run).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.focus()
        tree.select_step("a0")
        finish(run, tree, "a0", "a1", "a2", "a3")
        await pilot.press("k")
        assert at(tree) == "-"
        line = tree.render_line(0).text
        assert tree.rows.index_of(("a", "a0")) is not None
        assert "▾" in line
        await pilot.press("enter")
        assert tree.rows.index_of(("a", "a0")) is None
        assert "▸" in tree.render_line(0).text


async def test_a_row_that_had_to_be_unfolded_is_told_of() -> None:
    run = three_phases()
    moved: list[str] = []

    class Listening(TreeApp):
        def on_run_tree_moved(self, message: RunTree.Moved) -> None:
            moved.append(message.row.key[1] if message.row else "-")

    async with Listening(run).run_test(size=(60, 20)) as pilot:
        tree = pilot.app.query_one(RunTree)
        tree.select_step("b1")
        finish(run, tree, "a0", "a1", "a2", "a3")
        await pilot.press("j")
        assert tree.rows.index_of(("a", "a0")) is None
        tree.select_step("a2")
        await pilot.pause()
        assert moved[-1] == "a2"
