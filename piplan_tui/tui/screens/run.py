"""A run, live: header, tree, detail, questions."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, Horizontal, Vertical
from textual.message import Message
from textual.timer import Timer

from piplan_tui.run import events as ev
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.actions import BY_ID, Where, bindings_for
from piplan_tui.tui.background import in_background
from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.screens.run_arranging import Arranging
from piplan_tui.tui.screens.run_looking import LookingAround
from piplan_tui.tui.screens.run_opening import Opening
from piplan_tui.tui.screens.run_redoing import Redoing
from piplan_tui.tui.screens.run_view import RunWatcher
from piplan_tui.tui.terminal_title import title_for
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.column_headings import ColumnHeadings
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_header import RunHeader
from piplan_tui.tui.widgets.run_tree import RunTree
from piplan_tui.tui.widgets.why_line import WhyLine
from piplan_tui.views.questions import ask_order, question
from piplan_tui.views.run_note import run_note
from piplan_tui.views.spoken import CALM_SECONDS
from piplan_tui.views.why import Why, why

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


class RunScreen(Arranging, Redoing, Opening, LookingAround):
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
        super().__init__(run, runtime)
        self._title = ""
        self._problem = ""
        self._unsubscribe: Callable[[], None] = lambda: None
        self._flush_due = False
        self._last_flush = 0.0
        self._rung: set[str] = set()
        self._step_touched = True
        self._spinner: Timer | None = None

    def compose(self) -> ComposeResult:
        run = self.run_handle
        yield RunHeader(run.state, now=run.now)
        tree = RunTree(run.state, now=run.now, last_activity=self._last_activity)
        with Horizontal(id="body"), Vertical(id="left"):
            yield ColumnHeadings(tree)
            yield tree
            yield WhyLine()
            yield WhyLine(id="run-note")
            yield Container(id="ask-slot")
        yield KeyBar()

    def _last_activity(self, step_id: str) -> datetime | None:
        return self.run_handle.last_activity(step_id)

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
        gc.unfreeze()  # or else nothing that belonged to this screen would ever be let go of

    def use_run(self, run: Run) -> None:
        super().use_run(run)
        if not self.is_attached:
            return  # it was closed while the run was taken over
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
        if isinstance(event, ev.AskAnswered):
            self.tell_answered(event)
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
        self.query_one(ColumnHeadings).bring_up_to_date()
        if (panel := self._open_panel) is not None:
            panel.limit_rows(self._ask_rows)
        self.query_one(RunHeader).bring_up_to_date()
        if self._step_touched:
            self._step_touched = False
            self.show_selected()
        self._signal()
        if self._spinner is not None and self.state.slots_used and self.app.animation_level != "none":
            self._spinner.resume()
        self._tell_watchers()

    def _tell_watchers(self) -> None:
        """Screens over this one hear of the run from here, so that none of them shows an older state."""
        stack = self.app.screen_stack
        for screen in stack[stack.index(self) :] if self in stack else ():
            if isinstance(screen, RunWatcher) and screen.is_attached:
                screen.run_changed()

    def show_selected(self) -> None:
        step = self.run_tree.selected_step
        phase = self._selected_phase
        for pane in self._panes():
            if pane.step is step and pane.phase is phase:
                pane.refresh_step()
            else:
                pane.show_step(step, phase)
        self._sync_ask_slot()
        self._show_why()
        self.update_key_bar()

    def _show_why(self) -> None:
        tree, state = self.run_tree, self.state
        line = self.query_one(WhyLine)
        step = tree.selected_step
        if step is None:
            line.why = Why(())
        else:
            position = tree.queue_position(step)
            line.why = why(state, step, self.run_handle.now(), queue_position=position)
        self.query_one(ColumnHeadings).chosen = tree.outline.filter
        note = self.query_one("#run-note", WhyLine)
        note.why = run_note(state)
        note.set_class(bool(note.why.spans), "-says")
        line.sentence = tree.said_of_selected if wants_plain_list(self.app) else ""
        away = tree.running_out_of_sight
        line.corner = (
            f"{away}{' · ' if away else ''}"
            f"{first_key('run.follow', keymap_of(self.app))} follow {'on' if tree.follow else 'off'}"
        )

    def _tick(self) -> None:
        if self.state.ended:
            return
        self.run_tree.tick()
        self._tell_problem()
        self.query_one(RunHeader).bring_up_to_date()
        self._show_why()
        for pane in self._panes():
            pane.tick()
        for panel in self.query_one("#ask-slot").query(AskPanel):
            panel.tick()
        self.update_key_bar()  # its owner may be gone without a word
        self._tell_watchers()

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

    # -- levels ----------------------------------------------------------------------------------------

    async def do_back(self) -> None:
        if self.run_tree.outline.filter != "all":
            self.run_tree.set_filter("all")
            self.show_selected()
            return
        if self.focused is self.run_tree and self.put_off_open_ask():
            return
        if self.focused is self.run_tree and self.has_home_below:
            await self.perform(BY_ID["app.home"])
        else:
            self.run_tree.focus()
