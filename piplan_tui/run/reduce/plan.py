"""What the run is made of: its steps and phases, from a plan at once or from a script call by call."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from piplan_tui.run import events as ev
from piplan_tui.run.reduce.step_status import set_status
from piplan_tui.run.state import PhaseState, RunState, StepState


class _KnownOfStep(msgspec.Struct, rename="camel"):
    """What a run needs of a step's document."""

    id: Annotated[str, msgspec.Meta(min_length=1)]
    title: str | None = None
    goal: str = ""
    depends_on: list[str] = msgspec.field(default_factory=list)


def plan_created(state: RunState, e: ev.PlanCreated) -> None:
    state.plan = {key: value for key, value in e.plan.items() if key != "steps"}
    if state.order:
        raise ValueError("the run has its plan already")
    for document in e.plan.get("steps", ()):
        _add_step(state, document)
    for step in state.order:
        for dependency in step.depends_on:
            if dependency not in state.steps:
                raise ValueError(f"step {step.id} depends on {dependency}, which is no step of the plan")
            state.dependents[state.steps[dependency].index].append(step)
        step.unmet = len(step.depends_on)
    for step in state.order:
        if step.unmet == 0:
            set_status(state, step, "queued")


def _add_step(state: RunState, document: dict[str, Any]) -> StepState:
    """A new step at the end of the order, `pending` until its dependencies are looked at."""
    known = msgspec.convert(document, _KnownOfStep)
    if known.id in state.steps:
        raise ValueError(f"two steps have the id {known.id}")
    step = StepState(
        index=len(state.order),
        id=known.id,
        title=known.title or known.id,
        goal=known.goal,
        phase=_phase_title(document.get("phase")),
        depends_on=tuple(dict.fromkeys(known.depends_on)),
        document=document,
    )
    state.steps[step.id] = step
    state.order.append(step)
    state.dependents.append([])
    phase = _phase(state, step.phase)
    phase.steps.append(step)
    for counts in (phase.counts, state.counts):
        counts["pending"] = counts.get("pending", 0) + 1
    return step


def _phase(state: RunState, title: str) -> PhaseState:
    phase = state.phases.get(title)
    if phase is None:
        phase = state.phases[title] = PhaseState(title)
    return phase


def workflow_created(state: RunState, e: ev.WorkflowCreated) -> None:
    state.workflow = e
    state.plan = {"id": state.plan_id, "title": state.title, "summary": e.description}
    for phase in e.phases:
        _phase(state, _phase_title(phase.get("title"))).detail = _phase_title(phase.get("detail"))


def workflow_nested(state: RunState, e: ev.WorkflowNested) -> None:
    state.nested.setdefault(e.name, e)


def phase_started(state: RunState, e: ev.PhaseStarted) -> None:
    state.phase = e.title
    phase = _phase(state, e.title)
    phase.started_at = phase.started_at or e.at


def step_created(state: RunState, e: ev.StepCreated) -> None:
    if e.step_id not in state.steps:
        step = _add_step(state, {**e.document, "id": e.step_id, "dependsOn": []})
        set_status(state, step, "queued")


def _phase_title(value: Any) -> str:
    return value if isinstance(value, str) else ""
