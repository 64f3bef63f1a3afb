"""The commands that change what a step is told: retry it in another way, edit it, steer its agent."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from piplan_tui.agents.registry import KNOWN_AGENTS, is_agent_name
from piplan_tui.run.run import Run
from piplan_tui.run.state import StepState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.refusals import cannot_retry
from piplan_tui.tui.screens.choice import Choice, ChoiceDialog
from piplan_tui.tui.screens.run_steering import Steering
from piplan_tui.tui.screens.typing import TypedField, TypingDialog
from piplan_tui.tui.stakes import (
    again_after,
    again_with_downstream,
    broken_steps,
    retry_all_spans,
    retry_spans,
)
from piplan_tui.views.formatting import agent_label, counted
from piplan_tui.views.line import one_line
from piplan_tui.views.phase_row import phase_title


class Redoing(Steering):
    """Each of them says what it will do before it does it."""

    def do_retry(self) -> None:
        row = self.run_tree.selected
        if row is not None and row.step is not None:
            self._ask_how_to_retry(row.step)
        elif row is not None and (broken := broken_steps(row.phase.steps)):
            self._ask_to_retry(f"Retry what failed in {phase_title(self.state, row.phase.title)}?", broken)
        else:
            self.ask_to_retry_all()

    def _ask_how_to_retry(self, step: StepState) -> None:
        choices = [
            Choice("same", "y", "Same again"),
            Choice("goal", "g", "With an edited goal…", opens=True),
            Choice("agent", "a", "With another agent or model…", opens=True),
        ]
        if again_after(self.state, step):
            effect = again_with_downstream(self.state, step)
            choices.append(Choice("downstream", "w", "With everything downstream", effect))
        choices += self._all_broken([step])
        title = f"Retry {one_line(step.id)}"
        self.app.push_screen(
            ChoiceDialog(title, retry_spans(self.state, step), choices), lambda pick: self._retry(pick, step)
        )

    def take_up(self) -> None:
        """Go on with a run that was left; of one that has ended, ask what is tried again."""
        if not self.state.ended:
            self.do_pause()
        elif refused := cannot_retry(replace(self.action_context(), step=None, phase=None)):
            self.refuse(refused)
        else:
            self.ask_to_retry_all()

    def ask_to_retry_all(self) -> None:
        """Offer to run again whatever failed or was stopped in the whole run."""
        self._ask_to_retry("Retry all that failed?", broken_steps(self.state.order))

    def _ask_to_retry(self, title: str, broken: Sequence[StepState]) -> None:
        again = "Try it again" if len(broken) == 1 else "Try them again"
        choices = [Choice("these", "y", again), Choice("", "n", "Not now"), *self._all_broken(broken)]
        dialog = ChoiceDialog(title, retry_all_spans(self.state, broken), choices)
        self.app.push_screen(dialog, lambda pick: self._retry_these(pick, [step.id for step in broken]))

    def _all_broken(self, those: Sequence[StepState]) -> list[Choice]:
        """The same for the whole run, when more than these failed or were stopped."""
        every = broken_steps(self.state.order)
        if not {step.id for step in every} - {step.id for step in those}:
            return []
        effect = f"{counted(len(every), 'step')} that failed or were stopped"
        return [Choice("all", "A", "All of the run", effect)]

    def _retry_these(self, pick: str | None, ids: Sequence[str]) -> None:
        if pick == "these":
            self.control(lambda run: run.retry(ids))
        elif pick == "all":
            self.control(lambda run: run.retry(()))

    def _retry(self, pick: str | None, step: StepState) -> None:
        if pick == "same":
            self.control(lambda run: run.retry([step.id]))
        elif pick == "all":
            self.control(lambda run: run.retry(()))
        elif pick == "downstream":
            self.control(lambda run: run.retry([step.id], with_downstream=True))
        elif pick == "goal":
            self._ask_goal(
                f"Retry {one_line(step.id)} with this goal",
                step,
                lambda goal: self.control(lambda run: run.retry([step.id], goal=goal)),
            )
        elif pick == "agent":
            self._ask_agent(step)

    def _ask_goal(self, title: str, step: StepState, then: Callable[[str], None]) -> None:
        field = TypedField("goal", "Goal", step.current_goal, block=True)

        def given(texts: Mapping[str, str] | None) -> None:
            if texts is not None:
                then(texts["goal"])

        dialog = TypingDialog(title, (), [field], check=_no_goal)
        self.app.push_screen(dialog, given)

    def _ask_agent(self, step: StepState) -> None:
        attempt = step.attempt
        agent = step.agent_override or (attempt.agent if attempt else "") or self.state.agent
        model = step.model_override or (attempt.model if attempt else "") or self.state.model
        fields = [
            TypedField("agent", "Agent", agent, hint=KNOWN_AGENTS),
            TypedField("model", "Model", model, hint="empty: the agent's own"),
        ]

        def given(texts: Mapping[str, str] | None) -> None:
            if texts is not None:
                chosen, wanted = texts["agent"], texts["model"]
                self.control(lambda run: run.retry([step.id], agent=chosen, model=wanted))

        title = f"Retry {one_line(step.id)} with"
        self.app.push_screen(TypingDialog(title, (), fields, check=_unusable_agent), given)

    def do_edit(self) -> None:
        step = self.run_tree.selected_step
        if step is not None:
            self._ask_goal(
                f"Goal of {one_line(step.id)}, for this run only",
                step,
                lambda goal: self.control(lambda run: run.edit_step(step.id, goal)),
            )

    def do_steer(self) -> None:
        step = self.run_tree.selected_step
        if step is None:
            return
        field = TypedField("text", "Text", hint="what it should know or do differently")

        def given(texts: Mapping[str, str] | None) -> None:
            if texts is not None:
                self.control(lambda run: self._steer(run, step, texts["text"]))

        title = f"Tell {one_line(step.id)}, while it works"
        self.app.push_screen(TypingDialog(title, (), [field], check=_nothing_said), given)

    async def _steer(self, run: Run | StoredRun, step: StepState, text: str) -> None:
        told = await run.steer(step.id, text)
        if told:
            later = "; it hears it when its turn ends" if told == "queued" else ""
            self.notify(f"Told {one_line(step.id)}{later}", markup=False)
            return
        attempt = step.attempt
        agent = agent_label(attempt.agent, "") if attempt else ""
        self.notify(
            f"{agent or 'This agent'} cannot be told anything now. Stop {one_line(step.id)} and retry it with "
            "an edited goal",
            severity="warning",
            markup=False,
        )


def _no_goal(texts: Mapping[str, str]) -> str:
    return "" if texts["goal"] else "a step needs a goal; write what it is to do"


def _nothing_said(texts: Mapping[str, str]) -> str:
    return "" if texts["text"] else "there is nothing to say yet; Esc leaves"


def _unusable_agent(texts: Mapping[str, str]) -> str:
    if is_agent_name(texts["agent"]):
        return ""
    return f'"{one_line(texts["agent"])}" is no agent; use {KNOWN_AGENTS}'
