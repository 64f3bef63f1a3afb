"""How a step is tried, and how that ends."""

from __future__ import annotations

from piplan_tui.run import events as ev
from piplan_tui.run.attempt_state import AttemptState, Remark
from piplan_tui.run.reduce.attempts import attempt_of, end_attempt
from piplan_tui.run.reduce.run import set_run_status
from piplan_tui.run.reduce.step_status import rest, set_status
from piplan_tui.run.state import RunState


def step_context(state: RunState, e: ev.StepContext) -> None:
    if step := state.steps.get(e.step_id):
        step.next_input = e.input


def step_started(state: RunState, e: ev.StepStarted) -> None:
    if step := state.steps.get(e.step_id):
        _set_run_moving(state)
        step.attempts.append(
            AttemptState(
                number=e.attempt,
                status="running",
                started_at=e.at,
                agent=e.agent,
                model=e.model,
                input=step.next_input,
            )
        )
        step.overlaps = {}
        step.next_input = None
        step.continues = False
        set_status(state, step, "running")


def step_resumed(state: RunState, e: ev.StepResumed) -> None:
    if (step := state.steps.get(e.step_id)) and (attempt := step.attempt):
        _set_run_moving(state)
        attempt.status = "running"
        attempt.input = step.next_input or attempt.input
        step.next_input = None
        step.continues = False
        set_status(state, step, "running")


def _set_run_moving(state: RunState) -> None:
    if state.status == "waiting_user":
        set_run_status(state, "running")


def step_completed(state: RunState, e: ev.StepCompleted) -> None:
    if ended := end_attempt(state, e, "completed"):
        step, attempt = ended
        step.handoff = e.handoff
        step.value = e.value
        if attempt is not None:
            attempt.summary = e.summary
        set_status(state, step, "completed")


def step_failed(state: RunState, e: ev.StepFailed) -> None:
    if ended := end_attempt(state, e, "failed"):
        step, attempt = ended
        if attempt is not None:
            attempt.error, attempt.error_kind, attempt.error_detail = e.error, e.kind, e.detail
        set_status(state, step, "failed")


def step_cancelled(state: RunState, e: ev.StepCancelled) -> None:
    if ended := end_attempt(state, e, "cancelled"):
        step, attempt = ended
        if attempt is not None:
            attempt.error = e.reason
        set_status(state, step, "cancelled")


def step_skipped(state: RunState, e: ev.StepSkipped) -> None:
    if step := state.steps.get(e.step_id):
        if step.attempt is not None and step.attempt.ended_at is None:
            end_attempt(state, e, "cancelled")
        set_status(state, step, "skipped")


def step_interrupted(state: RunState, e: ev.StepInterrupted) -> None:
    if ended := end_attempt(state, e, "interrupted"):
        step, attempt = ended
        if attempt is not None:
            attempt.error, attempt.error_kind = e.reason, e.kind
        # its session is gone, and a question that was withdrawn with it is no answer to go on with
        step.continues = False
        rest(state, step)


def step_retried(state: RunState, e: ev.StepRetried) -> None:
    if step := state.steps.get(e.step_id):
        step.continues = False
        step.handoff = None
        step.value, step.reused_from = None, ""
        if e.goal is not None:
            step.goal_override = e.goal
        if e.agent is not None:
            step.agent_override = e.agent
        if e.model is not None:
            step.model_override = e.model
        rest(state, step)


def step_steered(state: RunState, e: ev.StepSteered) -> None:
    if found := attempt_of(state, e):
        found[1].remarks.append(Remark(at=e.at, text=e.text, heard=e.heard, by=e.by))


def step_edited(state: RunState, e: ev.StepEdited) -> None:
    if step := state.steps.get(e.step_id):
        step.goal_override = e.goal


def step_reused(state: RunState, e: ev.StepReused) -> None:
    if step := state.steps.get(e.step_id):
        step.value, step.reused_from = e.value, f"{e.from_run}/{e.from_step}"
        set_status(state, step, "reused")


def step_changed(state: RunState, e: ev.StepChanged) -> None:
    if found := attempt_of(state, e):
        found[1].changes = e.changes


def step_overlapped(state: RunState, e: ev.StepOverlapped) -> None:
    if found := attempt_of(state, e):
        found[0].overlaps[e.path] = e.others
