"""The commands that change a run."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual.message import Message

from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import TERMINAL, StepState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.store.protocol import StoreError
from piplan_tui.tui.background import in_background
from piplan_tui.tui.refusals import resumes
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.screens.run_view import RunView
from piplan_tui.tui.stakes import lost_with_run, lost_with_step, without_step
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.views.line import one_line


class Steering(RunView):
    """Asks things of the run. A stored run is taken over first, as late as that."""

    @dataclass
    class TakenOver(Message):
        """A stored run is now this process's own."""

        run: Run

    def __init__(self, run: Run | StoredRun, runtime: PlanRuntime) -> None:
        super().__init__(run, runtime)
        self.answers_sent: set[str] = set()
        """Questions that were answered on this screen."""

    def use_run(self, run: Run) -> None:
        """Show this handle of the same run from now on."""
        self.run_handle = run

    def give_answer(self, message: AskPanel.Answered) -> None:
        """Send an answer; what is wrong with it comes back to the form."""

        async def send(run: Run | StoredRun) -> None:
            self.answers_sent.add(message.ask_id)
            try:
                await run.answer(
                    message.ask_id,
                    message.values,
                    action=message.action,
                    action_id=message.action_id,
                    note=message.note,
                    surface="tui",
                )
            except AnswerInvalid as invalid:
                self.answers_sent.discard(message.ask_id)
                message.panel.show_errors(invalid.errors)
            else:
                self.run_tree.focus()

        self.control(send)

    def control(
        self, call: Callable[[Run | StoredRun], Awaitable[object]], then: Callable[[], None] | None = None
    ) -> None:
        """Ask something of the run; what it refuses is said in a sentence."""

        async def work() -> None:
            try:
                run, taken_over = await self._take_over()
                await call(run)
                if taken_over is not None:
                    await taken_over.start()
            except (ControlRefused, StoreError, AgentFailure) as refused:
                self.notify(str(refused), severity="error", markup=False)
            else:
                if then is not None:
                    then()

        in_background(self, work, group="control")

    async def _take_over(self) -> tuple[Run | StoredRun, Run | None]:
        """What carries out commands, and once more if the run was taken over for it because nobody owns it."""
        handle = self.run_handle
        if not isinstance(handle, StoredRun) or handle.owner is not None:
            return handle, None
        run = await self.runtime.open_run(handle.id)
        self.use_run(run)
        self.post_message(self.TakenOver(run))
        return run, run

    def do_pause(self) -> None:
        if resumes(self.action_context()):
            self.control(lambda run: run.resume())
        else:
            self.control(lambda run: run.pause())

    def do_skip(self) -> None:
        step = self.run_tree.selected_step
        if step is None:
            return
        choices = [
            Choice("skip", "y", f"Go on without {one_line(step.id)}"),
            Choice("", "n", "Do not skip it"),
        ]
        title = f"Go on without {one_line(step.id)}?"
        self.app.push_screen(
            ChoiceDialog(title, without_step(self.state, step), choices), lambda pick: self._skip(pick, step)
        )

    def _skip(self, pick: str | None, step: StepState) -> None:
        if pick == "skip":
            self.control(lambda run: run.skip(step.id))

    def do_stop(self) -> None:
        step = self.run_tree.selected_step
        stoppable = step if step is not None and step.status not in TERMINAL else None
        now = self.run_handle.now()
        choices = [Choice("", "n", "Keep going")]
        if stoppable is not None:
            choices.append(Choice("step", "S", f"Stop {one_line(stoppable.id)}"))
            body = lost_with_step(self.state, stoppable, now)
        else:
            body = lost_with_run(self.state, now)
        if not self.state.ended:
            choices.append(Choice("run", "R", "Stop the whole run", "no step starts any more"))
        title = f"Stop {one_line(stoppable.id)}?" if stoppable else "Stop the run?"
        self.app.push_screen(ChoiceDialog(title, body, choices), lambda pick: self._stop(pick, stoppable))

    def _stop(self, pick: str | None, step: StepState | None) -> None:
        if pick == "step" and step is not None:
            self.control(lambda run: run.cancel_step(step.id))
        elif pick == "run":
            self.control(lambda run: run.cancel(reason="stopped by you"))
