"""What the parts of the run screen share."""

from __future__ import annotations

from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.refusals import ActionContext
from piplan_tui.tui.screens.action_screen import BOTTOM_SCREENS, ActionScreen
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.ask_place import FormPlace
from piplan_tui.tui.widgets.run_tree import RunTree


class RunWatcher:
    """A screen that lies over the run's and shows something of it; the run's screen says when that changed."""

    def run_changed(self) -> None:
        """Something happened to the run, or a second went by. Called at most ten times a second."""
        raise NotImplementedError


class RunView(ActionScreen):
    """A screen on a run, with its tree."""

    def __init__(self, run: Run | StoredRun, runtime: PlanRuntime) -> None:
        super().__init__()
        self.run_handle = run
        self.runtime = runtime
        self.form_places: dict[str, FormPlace] = {}
        """Where the user was in forms that are being moved to another place on the screen, by question."""
        self.searched_for = ""
        """What was looked for among the steps last."""

    def show_ask_of_row(self) -> None:
        """Open the question of the row under the cursor, where the row does not show it."""
        raise NotImplementedError

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
            unowned=isinstance(run, StoredRun) and run.owner is None,
            searched=bool(self.searched_for),
        )

    @property
    def has_home_below(self) -> bool:
        """Whether it was opened from the list of all runs, whatever is open over it."""
        return self in self.app.screen_stack[BOTTOM_SCREENS:]

    def bar_labels(self) -> dict[str, str]:
        labels: dict[str, str] = {}
        focused = self.focused
        if any(panel.has_focus_within for panel in self.query(AskPanel)):
            # the form says itself how to move in it, and how to leave it
            labels |= {"ask.later": "", "run.answer": "", "tree.open": ""}
        elif isinstance(focused, RunTree):
            labels["detail.back"] = "all runs" if self.has_home_below else ""
        else:
            labels["detail.back"] = "to the tree"
        run = self.run_handle
        if isinstance(run, StoredRun) and run.owner is not None and not run.state.ended:
            labels["app.quit"] = "detach, it goes on"
        return labels

    def show_selected(self) -> None:
        """Bring what is about the selected step up to date."""
