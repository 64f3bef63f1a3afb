"""When a command can be given, and why it cannot be: sentences in which `{run.retry}` stands for a key."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from piplan_tui.run.state import (
    HOLDS_SLOT,
    RUN_ENDED,
    SATISFIED,
    TERMINAL,
    PhaseState,
    RunState,
    StepState,
    StepStatus,
)
from piplan_tui.views.line import one_line
from piplan_tui.views.phase_row import phase_title


@dataclass(frozen=True)
class HomeChoice:
    """What is under the cursor of the list to begin with; `status` is a run's state as it is now."""

    run_id: str = ""
    status: str = ""
    is_live: bool = False
    has_demo: bool = False
    anything: bool = False
    shown: bool = False
    """Whether that list is what is shown."""


@dataclass(frozen=True)
class ActionContext:
    """What a command is about when it is asked for."""

    state: RunState | None = None
    step: StepState | None = None
    phase: PhaseState | None = None
    """That of the row under the cursor."""
    refused: str = ""
    """Why nothing can be done to this run from here; empty when it can."""
    unowned: bool = False
    """Whether no process carries the run on."""
    searched: bool = False
    """Whether there is a search whose matches can be gone through."""
    can_start: bool = False
    home: HomeChoice = HomeChoice()


Refusal = Callable[[ActionContext], str]
"""A sentence for `with_keys`, or nothing."""


def always(context: ActionContext) -> str:
    return ""


def at_home(context: ActionContext) -> str:
    return "this is the list of all runs; {home.open} goes to one" if context.home.shown else ""


def no_step(context: ActionContext) -> str:
    return "" if context.step is not None else "select a step first"


def _of_run(check: Callable[[ActionContext, RunState], str]) -> Refusal:
    """A refusal of what is done to the run: looked at where there is one to which something can be done."""

    def refusal(context: ActionContext) -> str:
        if context.state is None:
            return "there is no run"
        return context.refused or check(context, context.state)

    return refusal


def _of_step(check: Callable[[StepState], str]) -> Refusal:
    """The same of what is done to the selected step."""

    def refusal(context: ActionContext, state: RunState) -> str:
        return check(context.step) if context.step is not None else no_step(context)

    return _of_run(refusal)


@_of_run
def cannot_retry(context: ActionContext, state: RunState) -> str:
    step = context.step
    if step is None:
        return _nothing_to_retry(state, context.phase)
    if step.status in HOLDS_SLOT:
        return f"{one_line(step.id)} is running; stop it before it is tried again"
    if step.status in ("pending", "queued", "blocked"):
        return f"{one_line(step.id)} has not been tried yet"
    return ""


def _nothing_to_retry(state: RunState, phase: PhaseState | None) -> str:
    if not _any_broken(state.counts):
        # a script that failed, or was stopped, between two calls is run again
        script = state.workflow is not None and state.status in ("failed", "cancelled")
        return "" if script else "no step failed or was stopped, so there is nothing to retry"
    if phase is None or _any_broken(phase.counts):
        return ""
    title = phase_title(state, phase.title)
    elsewhere = "; {run.next_failure} goes to what failed" if state.counts.get("failed") else ""
    return f"nothing failed or was stopped in {title}{elsewhere}"


def _any_broken(counts: Mapping[StepStatus, int]) -> bool:
    return bool(counts.get("failed") or counts.get("cancelled"))


def worth_a_retry(context: ActionContext) -> bool:
    """Whether a retry is what the user may want here: of this row, or of anything in a run that ended badly."""
    state = context.state
    return has_failed(context) or (state is not None and state.status in ("failed", "cancelled"))


def resumes(context: ActionContext) -> bool:
    """Whether pause means the contrary, because nothing starts now."""
    state = context.state
    return state is not None and (context.unowned or state.status not in ("running", "waiting_user"))


def elsewhere_failed(context: ActionContext) -> bool:
    """Whether there is a failure to go to besides the one under the cursor."""
    failed = context.state.counts.get("failed", 0) if context.state else 0
    here = context.step is not None and context.step.status == "failed"
    return failed > (1 if here else 0)


def elsewhere_asked(context: ActionContext) -> bool:
    """Whether another step than the one under the cursor has a question."""
    asks = context.state.asks.values() if context.state else ()
    here = context.step.id if context.step else ""
    return any(ask.step_id and ask.step_id != here for ask in asks)


def no_search(context: ActionContext) -> str:
    return "" if context.searched else "nothing is searched for; {run.search} begins a search"


def has_failed(context: ActionContext) -> bool:
    if context.step is None:
        return context.phase is None or _any_broken(context.phase.counts)
    return context.step.status in ("failed", "cancelled")


@_of_step
def cannot_skip(step: StepState) -> str:
    if step.status in SATISFIED:
        return f"{one_line(step.id)} is already {step.status}"
    if step.status in HOLDS_SLOT:
        return f"{one_line(step.id)} is running; stop it first"
    return ""


@_of_run
def cannot_stop(context: ActionContext, state: RunState) -> str:
    if state.cancelling:
        return "the run is being stopped already"
    if state.ended and (context.step is None or context.step.status in TERMINAL):
        return f"the run is {state.status}; nothing runs"
    return ""


@_of_run
def cannot_pause(context: ActionContext, state: RunState) -> str:
    if state.ended:
        return f"the run is {state.status}; " + "{run.retry} retries a step"
    return "the run is being stopped" if state.cancelling else ""


def no_log(context: ActionContext) -> str:
    step = context.step
    if step is not None and not step.attempts:
        return f"{one_line(step.id)} has not been tried, so it has no log"
    return no_step(context)


@_of_step
def cannot_steer(step: StepState) -> str:
    if step.status in HOLDS_SLOT:
        return ""
    return f"{one_line(step.id)} does not run, so there is nobody to tell"


@_of_step
def cannot_edit(step: StepState) -> str:
    if step.status in ("pending", "queued", "blocked") and not step.attempts:
        return ""
    if step.status in HOLDS_SLOT:
        return f"{one_line(step.id)} is running; " + "{run.steer} tells its agent something"
    return f"{one_line(step.id)} has been tried; " + "{run.retry} tries it again with an edited goal"


def no_ask(context: ActionContext) -> str:
    if context.state is None or not context.state.asks or context.state.ended:
        return "no question is open"
    return ""


def cannot_answer(context: ActionContext) -> str:
    return no_ask(context) or context.refused


def no_result(context: ActionContext) -> str:
    state = context.state
    return "" if state is not None and state.ended else "the run has not ended, so it has no result yet"


def says_more(context: ActionContext) -> bool:
    """Whether the run gave more than its steps show."""
    state = context.state
    return state is not None and state.workflow is not None and state.status in ("completed", "failed")


def no_failure(context: ActionContext) -> str:
    return "" if context.state and context.state.counts.get("failed") else "no step has failed"


def cannot_start(context: ActionContext) -> str:
    return "" if context.can_start else "the plan has problems; mend them and it is read again"


def nothing_chosen(context: ActionContext) -> str:
    return "" if context.home.anything else "there is nothing to open"


def cannot_resume(context: ActionContext) -> str:
    home = context.home
    if not home.run_id:
        return "choose a run first; a plan is started with {home.open}"
    if home.is_live:
        return f"{one_line(home.run_id)} goes on already; " + "{home.open} shows it"
    if home.status in RUN_ENDED:
        # of one that failed or was stopped it is asked what is tried again
        return f"{one_line(home.run_id)} is completed" if home.status == "completed" else ""
    return ""


def cannot_delete(context: ActionContext) -> str:
    home = context.home
    if not home.run_id:
        return "choose a run first; files of plans are not deleted here"
    if home.is_live:
        return f"{one_line(home.run_id)} is going on; stop it first"
    return ""


def no_demo(context: ActionContext) -> str:
    return "" if context.home.has_demo else "there is no demonstration here"
