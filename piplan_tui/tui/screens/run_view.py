"""What the parts of the run screen share."""

from __future__ import annotations

from dataclasses import replace

from piplan_tui.run.run import Run
from piplan_tui.run.state import RunState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.refusals import ActionContext
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.ask_place import FormPlace
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_tree import RunTree


class RunView(ActionScreen):
    """A screen on a run, with its tree."""

    run_handle: Run | StoredRun
    form_places: dict[str, FormPlace]
    """Where the user was in forms that are being moved to another place on the screen, by question."""

    @property
    def state(self) -> RunState:
        return self.run_handle.state

    @property
    def run_tree(self) -> RunTree:
        return self.query_one(RunTree)

    @property
    def selected_id(self) -> str:
        """The step under the cursor; empty on a phase."""
        step = self.run_tree.selected_step
        return step.id if step else ""

    def action_context(self) -> ActionContext:
        run = self.run_handle
        refused = run.refused if isinstance(run, StoredRun) else ""
        row = self.run_tree.selected
        return ActionContext(
            state=self.state,
            step=row.step if row else None,
            phase=row.phase if row else None,
            refused=refused,
        )

    def update_key_bar(self) -> None:
        super().update_key_bar()
        if any(panel.has_focus_within for panel in self.query(AskPanel)):
            for bar in self.query(KeyBar):
                # the form says itself how to move in it
                bar.actions = [
                    action
                    for action in bar.actions
                    if action.where not in ("tree", "detail") and action.id != "run.answer"
                ]
        run = self.run_handle
        if isinstance(run, StoredRun) and run.owner is not None and not run.state.ended:
            for bar in self.query(KeyBar):
                bar.actions = [
                    replace(action, bar="detach, it goes on") if action.id == "app.quit" else action
                    for action in bar.actions
                ]

    def show_selected(self) -> None:
        """Bring what is about the selected step up to date."""
