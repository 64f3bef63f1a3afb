"""The detail of a step as a screen of its own, where it has no room beside the tree."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType

from piplan_tui.run.run import Run
from piplan_tui.run.state import StepState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.actions import Action, Where, bindings_for
from piplan_tui.tui.refusals import ActionContext
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.screens.run_view import RunView, RunWatcher
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.detail_pane import INPUT, DetailPane
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_header import RunHeader
from piplan_tui.tui.widgets.tab_bar import TabBar


class DetailScreen(RunWatcher, ActionScreen):
    """Enter opens it, Esc leaves it. The run screen below keeps it up to date."""

    PLACES: ClassVar[tuple[Where, ...]] = ("detail", "run", "app")
    # these are about the tree, which is not in sight
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset(
        f"run.{name}"
        for name in (
            "search",
            "next_match",
            "previous_match",
            "filter",
            "follow",
            "fold_finished",
            "peek",
            "more",
            "less",
        )
    )
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("detail", "run", "app", without=LEFT_OUT)

    def __init__(
        self,
        below: RunView,
        step: StepState | None,
        *,
        give_answer: Callable[[AskPanel.Answered], None],
        tab: int | None = None,
    ) -> None:
        super().__init__()
        self._give_answer = give_answer
        self._below = below
        self._step = step
        self._tab = tab

    @property
    def _run(self) -> Run | StoredRun:
        return self._below.run_handle

    def is_above(self, run_view: RunView) -> bool:
        """Whether that is the screen of the run whose step this shows."""
        return self._below is run_view

    def compose(self) -> ComposeResult:
        yield RunHeader(self._run.state, now=self._run.now)
        pane = DetailPane(self._run, places=self._below.form_places)
        pane.show_step(self._step)
        yield pane
        yield KeyBar()

    @property
    def pane(self) -> DetailPane | None:
        return next(iter(self.query(DetailPane)), None)

    def on_mount(self) -> None:
        self.update_key_bar()
        if self._tab is not None:
            self.query_one(DetailPane).choose(self._tab)
        else:
            self.query_one(DetailPane).focus_content()

    def run_changed(self) -> None:
        """Header and keys; the pane hears of its step by itself."""
        header = self.query_one(RunHeader)
        header.state = self._run.state
        header.bring_up_to_date()
        self.update_key_bar()

    def action_context(self) -> ActionContext:
        return self._below.action_context()

    async def perform(self, action: Action) -> None:
        """What is done to the run is done by its screen, whose cursor is on this step."""
        if action.id == "run.answer" and not action.refusal(self.action_context()):
            self.action_tab(INPUT)
        elif action.where == "run":
            await self._below.perform(action)
        else:
            await super().perform(action)

    def bar_labels(self) -> dict[str, str]:
        return {**self._below.bar_labels(), "detail.back": "back", "ask.later": "back"}

    def action_tab(self, tab: int) -> None:
        self.query_one(DetailPane).choose(tab)

    def on_tab_bar_chosen(self, message: TabBar.Chosen) -> None:
        self.action_tab(message.tab)

    def do_back(self) -> None:
        self.dismiss()

    def on_ask_panel_answered(self, message: AskPanel.Answered) -> None:
        self._give_answer(message)

    def on_ask_panel_later(self, message: AskPanel.Later) -> None:
        self.dismiss()
