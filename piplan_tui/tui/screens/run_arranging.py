"""Where things stand on the screen of a run: the detail beside the tree or on its own, the question that is open."""

from __future__ import annotations

import asyncio

from textual import events
from textual.await_remove import AwaitRemove
from textual.widget import AwaitMount

from piplan_tui.run import events as ev
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import PhaseState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.background import in_background
from piplan_tui.tui.key_order import keys_held
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.screens.answered_elsewhere import answered_elsewhere
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.run_steering import Steering
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.detail_pane import DetailPane
from piplan_tui.tui.widgets.tab_bar import TabBar
from piplan_tui.views.questions import ask_order

WIDE = 100
"""Columns from which the detail stands beside the tree."""
SHORT = 16
"""Lines below which the tree and a question have no room together."""
_LEAST_ASK_ROWS = 6
_ROWS_AROUND_ASK = 3
_LEAST_TREE_ROWS = 3
_ROWS_BESIDE_ASK = 5
"""Of the header, the reason of the row, and the keys."""


class Arranging(Steering):
    """By the width and the height of the terminal, and by what the user looks at."""

    def __init__(self, run: Run | StoredRun, runtime: PlanRuntime) -> None:
        super().__init__(run, runtime)
        self._put_off: set[str] = set()
        """Questions that the user left for later."""
        self._carrying = asyncio.Lock()

    @property
    def pane(self) -> DetailPane | None:
        """The detail beside the tree; there is none on a narrow screen."""
        return next(iter(self.query(DetailPane)), None)

    def _panes(self) -> list[DetailPane]:
        panes = [self.pane, *(screen.pane for screen in self._detail_screens)]
        return [pane for pane in panes if pane is not None]

    @property
    def _selected_phase(self) -> PhaseState | None:
        row = self.run_tree.selected
        return row.phase if row is not None and row.step is None else None

    @property
    def _detail_screens(self) -> list[DetailScreen]:
        """The screen of a step of this run, if it is open; a dialog may lie over it."""
        over = (screen for screen in self.app.screen_stack if isinstance(screen, DetailScreen))
        return [screen for screen in over if screen.is_above(self)]

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
        if self._is_wide(width) != (self.pane is not None) and self.ask_panels():
            in_background(self, self._carry_over, group="arrange")
        else:
            self._arrange_now(width)

    def ask_panels(self) -> list[AskPanel]:
        """Those of every place where a question can be."""
        panels = [self._open_panel, *(pane.ask_panel for pane in self._panes())]
        return [panel for panel in panels if panel is not None]

    async def _carry_over(self) -> None:
        """Questions go to where they belong now, with what was typed, the focus and all else of their forms."""
        async with self._carrying:
            if self._is_wide(self.size.width) == (self.pane is not None):
                return
            with keys_held(self.app):
                panels = self.ask_panels()
                for panel in panels:
                    await panel.keep_draft()
                answering = next((panel.ask for panel in panels if panel.has_focus_within), None)
                for panel in panels:
                    panel.leave_place()
                if (change := self._arrange_now(self.size.width)) is not None:
                    await change
                if answering is not None and answering.id in self.state.asks:
                    self._answer(answering)
                    for panel in self.ask_panels():
                        await panel.shown.wait()

    def _arrange_now(self, width: int) -> AwaitMount | AwaitRemove | None:
        change: AwaitMount | AwaitRemove | None = None
        wide = self._is_wide(width)
        self.set_class(wide, "-wide")
        if wide and self.pane is None:
            pane = DetailPane(self.run_handle, places=self.form_places)
            pane.show_step(self.run_tree.selected_step, self._selected_phase)
            change = self.query_one("#body").mount(pane)
            if self.app.screen in self._detail_screens:
                self.app.pop_screen()
        elif not wide and self.pane is not None:
            change = self.pane.remove()
            self.run_tree.focus()
        self._sync_ask_slot()
        return change

    def on_run_tree_moved(self) -> None:
        self.show_selected()

    def on_run_tree_opened(self) -> None:
        self.run_tree.follow = False  # who reads a step is not taken to another one
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
        narrow = not self._is_wide(self.size.width) and not self._detail_screens
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
        panel = AskPanel(self.run_handle, ask, self.form_places)
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

    def put_off_open_ask(self) -> bool:
        """Close the question that opened by itself, if there is one."""
        if (panel := self._open_panel) is None:
            return False
        self._put_off.add(panel.ask.id)
        panel.remove()
        return True

    def tell_answered(self, event: ev.AskAnswered) -> None:
        """Say what became of a question that is open here, if it was not answered here."""
        if event.ask_id in self.answers_sent or event.same_as in self.answers_sent:
            return
        for panel in self.ask_panels():
            if panel.ask.id == event.ask_id:
                said = answered_elsewhere(self.state, event, panel.draft)
                self.notify(said, severity="warning", markup=False)

    def do_answer(self) -> None:
        panel = self._open_panel
        self._answer(self._ask_of_row or (panel.ask if panel is not None else ask_order(self.state)[0]))

    @property
    def _ask_of_row(self) -> AskState | None:
        """The question of the step under the cursor."""
        step = self.run_tree.selected_step
        return next(
            (ask for ask in ask_order(self.state) if step is not None and ask.step_id == step.id), None
        )

    def show_ask_of_row(self) -> None:
        """Open the question of the row under the cursor in the place of the one that is open under the tree."""
        panel, ask = self._open_panel, self._ask_of_row
        if self.pane is not None or ask is None:
            return
        # what the run itself asks has no row from which it could be opened again
        if panel is not None and (panel.ask.id == ask.id or panel.ask.kind):
            return
        self._put_off.discard(ask.id)
        self._open_ask(ask, focus=panel is not None and panel.has_focus_within)

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
        if self.run_tree.selected_step is None:
            self.notify("Select a step first; only a step has tabs", severity="warning", markup=False)
        elif self.pane is not None:
            self.pane.choose(tab)
        else:
            self._open_detail(tab)

    def action_tab(self, tab: int) -> None:
        self._choose_tab(tab)

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        self._choose_tab(message.tab)
