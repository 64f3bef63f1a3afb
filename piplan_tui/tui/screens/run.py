"""A run, live: header, tree, detail, questions."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.await_remove import AwaitRemove
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer
from textual.widget import AwaitMount

from piplan_tui.run import events as ev
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import AskState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.actions import BY_ID, Where, bindings_for
from piplan_tui.tui.background import in_background
from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.screens.action_screen import BOTTOM_SCREENS
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.run_looking import LookingAround
from piplan_tui.tui.screens.run_opening import Opening
from piplan_tui.tui.screens.run_redoing import Redoing
from piplan_tui.tui.terminal_title import title_for
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_header import RunHeader
from piplan_tui.tui.widgets.run_tree import RunTree
from piplan_tui.tui.widgets.tab_bar import TabBar
from piplan_tui.tui.widgets.why_line import WhyLine
from piplan_tui.views.questions import ask_order, question
from piplan_tui.views.run_note import run_note
from piplan_tui.views.spoken import CALM_SECONDS
from piplan_tui.views.why import Why, why

WIDE = 100
"""Columns from which the detail stands beside the tree."""
SHORT = 16
"""Lines below which the tree and a question have no room together."""
_LEAST_ASK_ROWS = 6
_ROWS_AROUND_ASK = 3
_LEAST_TREE_ROWS = 3
_ROWS_BESIDE_ASK = 5
"""Of the header, the reason of the row, and the keys."""
_FLUSH_SECONDS = 0.1
_SPIN_SECONDS = 0.2
_ROW_ONLY = (
    ev.SessionUsage,
    ev.SessionToolStarted,
    ev.SessionToolEnded,
    ev.SessionStarted,
    ev.SessionReprompted,
)
"""Events after which only the row of their step looks different."""


class RunScreen(Redoing, Opening, LookingAround):
    """Subscribes to the run; whatever happens, draws at most ten times a second."""

    PLACES: ClassVar[tuple[Where, ...]] = ("tree", "run", "detail", "app")
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset({"detail.back"})
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("run", "detail", "app")

    class Changed(Message):
        """Something happened; stands for any number of events."""

        def can_replace(self, message: Message) -> bool:
            return isinstance(message, RunScreen.Changed)

    class TitleChanged(Message):
        """The terminal's title is to say something else."""

    @dataclass
    class Asked(Message):
        """Somebody is to be told of a new question."""

        run_id: str
        title: str
        text: str

    def __init__(self, run: Run | StoredRun, runtime: PlanRuntime) -> None:
        super().__init__()
        self.run_handle = run
        self.runtime = runtime
        self._title = ""
        self._problem = ""
        self._unsubscribe: Callable[[], None] = lambda: None
        self._flush_due = False
        self._last_flush = 0.0
        self._rung: set[str] = set()
        self._put_off: set[str] = set()
        self._step_touched = True
        self._spinner: Timer | None = None

    def compose(self) -> ComposeResult:
        run = self.run_handle
        yield RunHeader(run.state, now=run.now)
        with Horizontal(id="body"), Vertical(id="left"):
            yield RunTree(run.state, now=run.now, last_activity=self._last_activity)
            yield WhyLine()
            yield WhyLine(id="run-note")
            yield Container(id="ask-slot")
        yield KeyBar()

    def _last_activity(self, step_id: str) -> datetime | None:
        return self.run_handle.last_activity(step_id)

    @property
    def pane(self) -> DetailPane | None:
        """The detail beside the tree; there is none on a narrow screen."""
        return next(iter(self.query(DetailPane)), None)

    def on_mount(self) -> None:
        self._rung = set(self.state.asks)
        self._listen()
        self.set_interval(CALM_SECONDS if wants_plain_list(self.app) else 1.0, self._tick)
        self._spinner = self.set_interval(_SPIN_SECONDS, self._spin, pause=True)
        self.run_tree.focus()
        self._arrange(self.size.width)
        self.run_tree.show(self.state)  # what happened before it was listened to
        self.run_tree.touch(None)
        self._flush()
        # a collection of the oldest generation would hold up a key for as long as it takes to look at every step
        self.call_after_refresh(gc.freeze)

    def on_unmount(self) -> None:
        self._unsubscribe()

    def use_run(self, run: Run) -> None:
        super().use_run(run)
        self.workers.cancel_group(self, "follow")
        self._listen()
        self.query_one(RunHeader).state = run.state
        self.run_tree.show(run.state)
        for pane in self._panes():
            pane.use(run)
        self._flush()

    # -- events ------------------------------------------------------------------------------------

    def _listen(self) -> None:
        self._unsubscribe()
        self._unsubscribe = self.run_handle.subscribe(self._on_run_event)
        if isinstance(self.run_handle, StoredRun):
            in_background(self, partial(self._follow, self.run_handle), exclusive=True, group="follow")

    async def _follow(self, run: StoredRun) -> None:
        try:
            await run.follow()
        except* StoreError as gone:
            self.notify(str(gone.exceptions[0]), severity="error", markup=False)

    def _on_run_event(self, event: ev.RuntimeEvent) -> None:
        # called by the run for every event, so it only takes note
        step_id = event.step_id if isinstance(event, ev.StepEvent) else None
        self.run_tree.touch(step_id, structure=not isinstance(event, _ROW_ONLY))
        if step_id is None or not isinstance(event, _ROW_ONLY) or step_id == self.selected_id:
            self._step_touched = True
        if not self._flush_due:
            self._flush_due = True
            self.post_message(self.Changed())

    def on_run_screen_changed(self) -> None:
        wait = self._last_flush + _FLUSH_SECONDS - time.monotonic()
        if wait > 0:
            self.set_timer(wait, self._flush)
        else:
            self._flush()

    def _flush(self) -> None:
        self._flush_due = False
        self._last_flush = time.monotonic()
        if not self.is_attached:
            return
        self.run_tree.flush()
        if (panel := self._open_panel) is not None:
            panel.limit_rows(self._ask_rows)
        self.query_one(RunHeader).bring_up_to_date()
        if self._step_touched:
            self._step_touched = False
            self.show_selected()
        self._signal()
        if self._spinner is not None and self.state.slots_used and self.app.animation_level != "none":
            self._spinner.resume()

    def show_selected(self) -> None:
        step = self.run_tree.selected_step
        for pane in self._panes():
            if pane.step is step:
                pane.refresh_step()
            else:
                pane.show_step(step)
        self._sync_ask_slot()
        self._show_why()
        self.update_key_bar()

    def _panes(self) -> list[DetailPane]:
        panes = [self.pane] if self.pane else []
        if (screen := self._detail_screen) is not None and screen.pane is not None:
            panes.append(screen.pane)
        return panes

    @property
    def _detail_screen(self) -> DetailScreen | None:
        """The screen of a step, when it is open, and about a step of this run."""
        screen = self.app.screen
        return screen if isinstance(screen, DetailScreen) and screen.is_above(self) else None

    def _show_why(self) -> None:
        tree, state = self.run_tree, self.state
        line = self.query_one(WhyLine)
        step = tree.selected_step
        if step is None:
            line.why = Why(())
        else:
            position = tree.queue_position(step)
            line.why = why(state, step, self.run_handle.now(), queue_position=position)
        shown = "" if tree.outline.filter == "all" else f"only {tree.outline.filter} · "
        note = self.query_one("#run-note", WhyLine)
        note.why = run_note(state)
        note.set_class(bool(note.why.spans), "-says")
        line.sentence = tree.said_of_selected if wants_plain_list(self.app) else ""
        line.corner = (
            f"{shown}{first_key('run.follow', keymap_of(self.app))} follow {'on' if tree.follow else 'off'}"
        )

    def _tick(self) -> None:
        if self.state.ended or (isinstance(self.run_handle, StoredRun) and self.run_handle.owner is None):
            return
        self.run_tree.tick()
        self._tell_problem()
        self.query_one(RunHeader).bring_up_to_date()
        self._show_why()
        for pane in self._panes():
            pane.tick()
        for panel in self.query_one("#ask-slot").query(AskPanel):
            panel.tick()

    def _tell_problem(self) -> None:
        run = self.run_handle
        problem = "" if isinstance(run, StoredRun) else run.problem
        if problem and problem != self._problem:
            self.notify(f"{problem} – the run goes on once it can be stored", severity="error", markup=False)
        self._problem = problem

    def _spin(self) -> None:
        if not self.run_tree.spin() and self._spinner is not None:
            self._spinner.pause()

    def _signal(self) -> None:
        """Once per question: that it is there. Always: the title."""
        new = self.state.asks.keys() - self._rung
        if new:
            self._rung |= new
            asks = [ask for ask in ask_order(self.state) if ask.id in new]
            if asks:  # equal permissions are one question, which was told already
                more = f" (and {len(asks) - 1} more)" if len(asks) > 1 else ""
                text = f"{asks[0].asker} asks: {question(asks[0])}{more}"
                self.post_message(
                    self.Asked(self.run_handle.id, self.state.plan_id or self.state.title, text)
                )
        title = title_for(self.state)
        if title != self._title:
            self._title = title
            self.post_message(self.TitleChanged())

    # -- arrangement -------------------------------------------------------------------------------

    def on_resize(self, event: events.Resize) -> None:
        self._arrange(event.size.width)
        self._make_room()
        if (panel := self._open_panel) is not None:
            panel.limit_rows(self._ask_rows)

    def on_descendant_focus(self) -> None:
        self._make_room()

    def _make_room(self) -> None:
        """On a short screen, the question takes the place of the tree while it is being answered."""
        panel = self._open_panel
        self.set_class(self.size.height < SHORT, "-short")
        self.set_class(panel is not None and panel.has_focus_within, "-answering")

    def _is_wide(self, width: int) -> bool:
        # what stands side by side would be read out line by line, half of one and half of the other
        return width >= WIDE and not wants_plain_list(self.app)

    def _arrange(self, width: int) -> None:
        panel = self._open_panel or (self.pane.ask_panel if self.pane else None)
        if self._is_wide(width) != (self.pane is not None) and panel is not None and panel.has_focus_within:
            in_background(self, partial(self._carry_over, panel), group="arrange", exclusive=True)
        else:
            self._arrange_now(width)

    async def _carry_over(self, panel: AskPanel) -> None:
        """The question that is being answered goes to where it belongs now, with what was typed."""
        await panel.keep_draft()
        if (change := self._arrange_now(self.size.width)) is not None:
            await change
        if panel.ask.id in self.state.asks:
            self._answer(panel.ask)

    def _arrange_now(self, width: int) -> AwaitMount | AwaitRemove | None:
        change: AwaitMount | AwaitRemove | None = None
        wide = self._is_wide(width)
        self.set_class(wide, "-wide")
        if wide and self.pane is None:
            pane = DetailPane(self.run_handle)
            pane.show_step(self.run_tree.selected_step)
            change = self.query_one("#body").mount(pane)
            if self._detail_screen is not None:
                self.app.pop_screen()
        elif not wide and self.pane is not None:
            change = self.pane.remove()
            self.run_tree.focus()
        self._sync_ask_slot()
        return change

    def on_run_tree_moved(self) -> None:
        self.show_selected()

    def on_run_tree_opened(self) -> None:
        if self.pane is not None:
            self.pane.focus_content()
        else:
            self._open_detail()

    def _open_detail(self, tab: int | None = None) -> None:
        step = self.run_tree.selected_step
        screen = DetailScreen(self, step, give_answer=self.give_answer, tab=tab)
        self.app.push_screen(screen, lambda _: self._sync_ask_slot())
        self._sync_ask_slot()

    # -- questions ---------------------------------------------------------------------------------

    @property
    def _open_panel(self) -> AskPanel | None:
        return next(iter(self.query_one("#ask-slot").query(AskPanel)), None)

    def _sync_ask_slot(self) -> None:
        """On a narrow screen one question is open under the tree, and stays until it is closed."""
        panel = self._open_panel
        narrow = not self._is_wide(self.size.width) and self._detail_screen is None
        # what the run itself asks belongs to no step, whose detail could show it
        here = [ask for ask in ask_order(self.state) if narrow or ask.kind]
        if panel is not None and all(panel.ask.id != ask.id for ask in here):
            if panel.has_focus_within:
                self.run_tree.focus()
            panel.remove()
            panel = None
        if panel is None:
            waiting = [ask for ask in here if ask.id not in self._put_off]
            if waiting:
                self._open_ask(waiting[0])

    @property
    def _ask_rows(self) -> int:
        if self.size.height < SHORT:
            return max(1, self.size.height - _ROWS_AROUND_ASK)
        # half of the screen, so that the tree stays in sight; more where the tree does not need the other half
        free = self.size.height - _ROWS_BESIDE_ASK - max(_LEAST_TREE_ROWS, len(self.run_tree.rows))
        return max(_LEAST_ASK_ROWS, self.size.height // 2, free)

    def _open_ask(self, ask: AskState, *, focus: bool = False) -> None:
        slot = self.query_one("#ask-slot")
        slot.query(AskPanel).remove()
        panel = AskPanel(self.run_handle, ask)
        panel.limit_rows(self._ask_rows)
        slot.mount(panel)
        if focus:
            panel.focus_form()

    def on_ask_panel_answered(self, message: AskPanel.Answered) -> None:
        self.give_answer(message)

    def on_ask_panel_later(self, message: AskPanel.Later) -> None:
        self._put_off.add(message.ask_id)
        self.run_tree.focus()
        if (panel := self._open_panel) is not None:
            panel.remove()

    def do_answer(self) -> None:
        step = self.run_tree.selected_step
        asks = ask_order(self.state)
        ask = next((a for a in asks if step is not None and a.step_id == step.id), asks[0])
        self._answer(ask)

    def _answer(self, ask: AskState) -> None:
        self._put_off.discard(ask.id)
        self.run_tree.select_step(ask.step_id)
        if self.pane is not None and not ask.kind:
            self.pane.show_step(self.run_tree.selected_step)
            self.pane.choose(1)
        elif (panel := self._open_panel) is not None and panel.ask.id == ask.id:
            panel.focus_form()
        else:
            self._open_ask(ask, focus=True)

    # -- tabs and levels ------------------------------------------------------------------------------

    def _choose_tab(self, tab: int) -> None:
        if self.pane is not None:
            self.pane.choose(tab)
        elif self.run_tree.selected_step is not None:
            self._open_detail(tab)

    def action_tab(self, tab: int) -> None:
        self._choose_tab(tab)

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        self._choose_tab(message.tab)

    async def do_back(self) -> None:
        on_home = len(self.app.screen_stack) > BOTTOM_SCREENS
        if self.focused is self.run_tree and on_home:
            await self.perform(BY_ID["app.home"])
        else:
            self.run_tree.focus()
