"""Where to begin: what needs the user, plans and workflows in this folder, and earlier runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import ClassVar

import anyio
from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.widgets import Static

from piplan_tui.plan.find import FoundPlan, find_plans
from piplan_tui.resources import examples_dir
from piplan_tui.run.clock import utc_now
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RUN_ENDED
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.protocol import RunInfo, RuntimeStore, StoreError
from piplan_tui.tui.actions import Where, bindings_for
from piplan_tui.tui.background import in_background
from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.own_runs import OwnRuns
from piplan_tui.tui.plain_list import MARK_CELLS, sentence_line, wants_plain_list
from piplan_tui.tui.refusals import ActionContext, HomeChoice
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.stakes import deleted_with_run
from piplan_tui.tui.widgets.home_list import LEFT_OUT, HomeList
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.search_bar import SearchBar
from piplan_tui.views.formatting import counted
from piplan_tui.views.home_layout import HomeWidths, heading_line, home_widths, plan_line, run_line
from piplan_tui.views.home_rows import (
    HomeRow,
    heading,
    home_rows,
    matches,
    needs_you,
    run_state,
    text_row,
)
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.spoken_rows import home_plan_sentence, home_run_sentence
from piplan_tui.workflow.find import find_workflows

REFRESH_SECONDS = 2.0
"""How often is looked whether a run changed."""
MAX_EXAMPLES = 5


class HomeScreen(ActionScreen):
    """One list, which keeps itself up to date. Everything is read in threads: the list never waits for a disk."""

    PLACES: ClassVar[tuple[Where, ...]] = ("tree", "home", "app")
    LEFT_OUT: ClassVar[frozenset[str]] = LEFT_OUT
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("home", "app")

    @dataclass
    class PlanChosen(Message):
        plan: FoundPlan

    @dataclass
    class DemoChosen(Message):
        """The demonstration is to be shown."""

    @dataclass
    class RunChosen(Message):
        run: Run | StoredRun
        resume: bool = False

    def __init__(
        self,
        runtime: PlanRuntime,
        options: RunOptions | None,
        *,
        own: OwnRuns | None = None,
        has_demo: bool = False,
        now: Callable[[], datetime] = utc_now,
    ) -> None:
        super().__init__()
        self._now = now
        self._runtime = runtime
        options = options or runtime.options
        self._folder = options.workspace if options else Path.cwd()
        self._own = own or OwnRuns()
        self._has_demo = has_demo
        self._runs: list[RunInfo] = []
        self._live: frozenset[str] = frozenset()
        self._plans: list[FoundPlan] = []
        self._examples: list[FoundPlan] = []
        self._widths = HomeWidths()
        self._filter = ""
        self._read = False
        self._problem = ""
        """Why runs could not be read the last time, which is said once."""
        self._reading = anyio.Lock()

    def compose(self) -> ComposeResult:
        yield Static(id="home-title", markup=False)
        yield HomeList(self._line, id="home-list")
        if wants_plain_list(self.app):
            yield Static(id="home-said", markup=False)
        yield KeyBar()

    @property
    def _list(self) -> HomeList:
        return self.query_one(HomeList)

    def on_mount(self) -> None:
        self._list.focus()
        self.update_key_bar()
        in_background(self, self._begin, group="read")

    def on_resize(self) -> None:
        if self._read:
            self._show_title()

    async def _begin(self) -> None:
        await self.do_refresh()
        while True:
            await anyio.sleep(REFRESH_SECONDS)
            # what is drawn below another screen would be drawn for nobody
            if self.is_current:
                await self._refresh_runs()

    def on_screen_resume(self) -> None:
        if self._read:
            in_background(self, self.do_refresh, group="look again", exclusive=True)

    # -- reading -----------------------------------------------------------------------------------

    async def do_refresh(self) -> None:
        """Read runs and plans again."""
        self._problem = ""
        await self._refresh_runs()
        self._plans, self._examples = await anyio.to_thread.run_sync(_plans_of, self._folder)
        self._read = True
        if self.query(HomeList):
            self._show()

    async def _refresh_runs(self) -> None:
        async with self._reading:
            try:
                runs = await self._runtime.store.list_runs()
                live = await _owned(self._runtime.store, runs)
            except StoreError as error:
                if str(error) != self._problem:
                    self._problem = str(error)
                    self.notify(self._problem, severity="error", markup=False)
                return
            self._problem = ""
            if not self.query(HomeList):
                return  # the screen was closed while the disk was read
            # ages move on by themselves, so that rows are drawn anew even when no run has changed
            changed = (runs, live) != (self._runs, self._live)
            self._runs, self._live = runs, live
            if self._read and changed:
                self._show()
            else:
                self._list.refresh()

    # -- drawing -----------------------------------------------------------------------------------

    def _line(self, row: HomeRow, width: int) -> Sequence[Span]:
        if wants_plain_list(self.app) and (row.run or row.plan):
            return sentence_line(self._sentence(row), width, cursor=None)
        if row.run is not None:
            return run_line(row.run, self._live, self._now(), width, self._widths)
        if row.plan is not None:
            return plan_line(row.plan, self._folder, width, self._widths)
        return (
            row.spans
            if wants_plain_list(self.app)
            else heading_line(row, width, self._widths, inset=MARK_CELLS)
        )

    def _sentence(self, row: HomeRow) -> str:
        if row.run is not None:
            return home_run_sentence(row.run, self._live, self._now())
        return home_plan_sentence(row.plan, self._folder) if row.plan is not None else ""

    def _show(self) -> None:
        rows = home_rows(self._runs, self._plans, self._live, folder=self._where)
        if not self._runs:
            rows = [*self._welcome(), *([text_row(), *rows] if rows else self._example_rows())]
        # of all rows, so that columns stay where they are while a filter is typed
        self._widths = home_widths(rows, self._live, self._folder)
        if words := self._filter.casefold().split():
            rows = [row for row in rows if matches(row, words, self._live)]
            if any(row.run is not None for row in rows):
                rows = [heading("Found", over_runs=True), *rows]
            rows = rows or [text_row(Span(f"Nothing here has {one_line(self._filter)} in it.", "dim"))]
        self._list.show(rows)
        self._show_title()
        self._say_selected()
        self.update_key_bar()

    def _show_title(self) -> None:
        needs = sum(1 for info in self._runs if needs_you(info))
        spans = [Span(" piplan", "strong"), Span("  run plans of agent steps, live", "dim")]
        if needs:
            said = f"{counted(needs, 'run')} {'needs' if needs == 1 else 'need'} you"
            spans.append(Span(f"   ? {said}", "attention"))
        if going_on := len(self._own.going_on):
            said = f"{counted(going_on, 'run')} {'goes' if going_on == 1 else 'go'} on here"
            spans.append(Span(f"   {said}", "running"))
        if self._filter:
            shown = sum(row.can_be_chosen for row in self._list.rows)
            total = len(self._runs) + len(self._plans)
            spans.append(Span(f"   / {one_line(self._filter)}: {shown:,} of {total:,}", "accent"))
        if wants_plain_list(self.app):
            said = ", ".join(span.text.strip(" ?/") for span in spans)
            spans = [Span(f" {said}")]
        elif sum(cell_len(span.text) for span in spans) > self.size.width and len(spans) > 2:
            del spans[1]  # what piplan is goes before what happens
        self.query_one("#home-title", Static).update(to_content(spans).truncate(self.size.width or 80))

    @property
    def _where(self) -> str:
        here = self._folder.absolute() == Path.cwd()
        return "here" if here else f"in {one_line(str(self._folder))}"

    def _welcome(self) -> list[HomeRow]:
        keymap = keymap_of(self.app)
        rows = [
            heading("Nothing has run yet."),
            text_row(Span("A plan is a file of steps with goals. Agents carry them out; you watch,")),
            text_row(Span("answer their questions, stop and retry. Finished work is never lost.")),
            text_row(),
        ]
        keys = [
            ("home.open", "opens what is under the cursor; it starts when you say so"),
            ("app.help", "all keys"),
        ]
        if self._has_demo:
            keys.insert(0, ("home.demo", "shows a demonstration: no model, no key, nothing to install"))
        for action_id, said in keys:
            rows.append(text_row(Span(f"{first_key(action_id, keymap):>7}  ", "accent"), Span(said)))
        return rows

    def _example_rows(self) -> list[HomeRow]:
        if not self._examples:
            return []
        found = [HomeRow("plan", f"plan:{plan.path}", plan=plan) for plan in self._examples]
        note = f"there is no plan or workflow {self._where}"
        return [text_row(), heading("Examples that come with piplan-tui", note), *found]

    # -- what is chosen ----------------------------------------------------------------------------

    def action_context(self) -> ActionContext:
        row = self._list.selected
        info = row.run if row is not None else None
        choice = HomeChoice(
            run_id=info.run_id if info else "",
            status=run_state(info, self._live) if info else "",
            is_live=info is not None and info.run_id in self._live,
            has_demo=self._has_demo,
            anything=row is not None,
            shown=True,
        )
        return ActionContext(home=choice)

    def on_home_list_moved(self) -> None:
        self.update_key_bar()
        self._say_selected()

    def _say_selected(self) -> None:
        """All of the row under the cursor, which its line may cut."""
        for said in self.query("#home-said").results(Static):
            said.update(f" {self._sentence(row)}" if (row := self._list.selected) is not None else "")

    async def on_home_list_chosen(self) -> None:
        await self.do_open()

    async def do_open(self) -> None:
        row = self._list.selected
        if row is not None and row.plan is not None:
            self.post_message(self.PlanChosen(row.plan))
        elif row is not None and row.run is not None:
            await self._open_run(row.run.run_id)

    async def do_resume(self) -> None:
        if (row := self._list.selected) is not None and row.run is not None:
            await self._open_run(row.run.run_id, resume=True)

    async def _open_run(self, run_id: str, *, resume: bool = False) -> None:
        if (own := self._own.get(run_id)) is not None and not own.state.ended:
            self.post_message(self.RunChosen(own))
            return
        try:
            run = await StoredRun.open(self._runtime.store, run_id, self._now)
        except StoreError as error:
            self.notify(str(error), severity="error", markup=False)
            return
        self.post_message(self.RunChosen(run, resume=resume))

    def do_demo(self) -> None:
        self.post_message(self.DemoChosen())

    # -- deleting ----------------------------------------------------------------------------------

    async def do_delete(self) -> None:
        """Ask; the run may have come to life meanwhile, which the store then refuses."""
        row = self._list.selected
        if row is None or (info := row.run) is None:
            return
        folder = self._runtime.store.attempts_dir(info.run_id)
        size = await anyio.to_thread.run_sync(_size_below, folder.parent) if folder is not None else None
        choices = [Choice("", "n", "Keep it"), Choice("delete", "D", "Delete the run")]
        title = f"Delete run {one_line(info.run_id)}?"

        def picked(pick: str | None) -> None:
            if pick == "delete":
                in_background(self, delete, group="delete")

        async def delete() -> None:
            try:
                await self._runtime.store.delete_run(info.run_id)
            except StoreError as error:
                self.notify(str(error), severity="error", markup=False)
            else:
                self.notify(f"Deleted run {one_line(info.run_id)}", markup=False)
            await self._refresh_runs()

        self.app.push_screen(ChoiceDialog(title, deleted_with_run(info, size), choices), picked)

    # -- the filter --------------------------------------------------------------------------------

    def do_filter(self) -> None:
        if bars := self.query(SearchBar):
            bars.first().focus_field()
        else:
            bar = SearchBar("", placeholder="id, title, state or file", text=self._filter)
            self.mount(bar, before=self.query_one(KeyBar))

    def on_search_bar_typed(self, message: SearchBar.Typed) -> None:
        self._filter = message.text
        self._show()

    def on_search_bar_done(self, message: SearchBar.Done) -> None:
        if message.given_up:
            self.do_back()
        self._list.focus()

    def do_back(self) -> None:
        """Show everything again."""
        if self._filter:
            self._filter = ""
            self._show()


def _plans_of(folder: Path) -> tuple[list[FoundPlan], list[FoundPlan]]:
    """Plans and workflows of the folder, and the examples, for when there are none."""
    found = [*find_plans(folder), *find_workflows(folder)]
    examples = find_plans(examples_dir(), MAX_EXAMPLES)
    return found, examples


def _size_below(folder: Path) -> int:
    """Bytes of the files in a folder and below it; symlinks are not followed."""
    size = 0
    for path in folder.rglob("*"):
        try:
            size += path.lstat().st_size if path.is_file() and not path.is_symlink() else 0
        except OSError:
            continue  # it was removed while the folder was read
    return size


async def _owned(store: RuntimeStore, runs: Sequence[RunInfo]) -> frozenset[str]:
    """Ids of the runs that a live process owns. Only of runs that have not ended is asked."""
    owned: set[str] = set()

    async def look(run_id: str) -> None:
        try:
            if await store.owner(run_id) is not None:
                owned.add(run_id)
        except StoreError:
            return  # it was deleted meanwhile

    async with anyio.create_task_group() as tasks:
        for info in runs:
            if info.status not in RUN_ENDED:
                tasks.start_soon(look, info.run_id)
    return frozenset(owned)
