"""A run as a plan that can be run again: of a workflow, the calls that its script made."""

from __future__ import annotations

import math
from datetime import datetime
from itertools import accumulate
from typing import Any

from piplan_tui.plan.spec import PlanSpec, PlanStepSpec
from piplan_tui.run.state import RunState, StepState

# what a call is recognised by in another run of its script means nothing in a plan
_OF_THE_SCRIPT = frozenset({"key", "place"})


class NothingToExport(Exception):
    """The run has no step. `str()` is one sentence."""


def as_plan(state: RunState) -> PlanSpec:
    """The plan of a run. A workflow's calls become steps with the prompts and phases that they had.

    Which results a prompt was made of is not known, so a step depends on every call that had ended when it
    was made, directly or through others.

    Raises:
        NothingToExport: the script has not called any agent (yet).
    """
    if state.workflow is None:
        return PlanSpec.from_json({**state.plan, "steps": [step.document for step in state.order]})
    if not state.order:
        raise NothingToExport(f"run {state.run_id} has no step: its script has not called any agent")
    needs = _dependencies(state.order)
    return PlanSpec.from_json(
        {
            "id": state.plan_id,
            "title": state.title,
            "summary": state.workflow.description,
            "executionMode": state.mode,
            "steps": [
                _step(step, [needed.id for needed in needs[step.id]]).to_json() for step in state.order
            ],
        }
    )


def _step(step: StepState, needs: list[str]) -> PlanStepSpec:
    document: dict[str, Any] = {"id": step.id, "title": step.title, "goal": step.goal}
    if needs:
        document["dependsOn"] = needs
    if step.phase:
        document["phase"] = step.phase
    call = step.document.get("call")
    if isinstance(call, dict) and (options := {k: v for k, v in call.items() if k not in _OF_THE_SCRIPT}):
        document["call"] = options
    return PlanStepSpec.from_json(document)


def _dependencies(steps: list[StepState]) -> dict[str, list[StepState]]:
    """What each step needs, without what it needs through another. O(n log n), but for the edges themselves."""
    moments: list[tuple[datetime, int, bool]] = []
    for step in steps:
        begun, ended = _span(step)
        moments.append((begun, step.index, False))
        if ended is not None:
            moments.append((ended, step.index, True))
    # at one moment the earlier call comes first, so that what ended just before a call was made counts
    moments.sort()
    begin = {index: rank for rank, (_, index, is_end) in enumerate(moments) if not is_end}
    ended_in_order = [(rank, steps[index]) for rank, (_, index, is_end) in enumerate(moments) if is_end]
    latest_begin = list(accumulate((begin[step.index] for _, step in ended_in_order), max, initial=-math.inf))
    needs: dict[str, list[StepState]] = {}
    count = 0
    for step in sorted(steps, key=lambda step: begin[step.index]):
        while count < len(ended_in_order) and ended_in_order[count][0] < begin[step.index]:
            count += 1
        # who had ended when the latest of them began is needed through that one
        after = latest_begin[count]
        direct: list[StepState] = []
        for rank, ended_step in reversed(ended_in_order[:count]):
            if rank < after:
                break
            direct.append(ended_step)
        needs[step.id] = sorted(direct, key=lambda step: step.index)
    return needs


def _span(step: StepState) -> tuple[datetime, datetime | None]:
    """From when the call was made to its end; `None` when it has not ended."""
    attempts = step.attempts
    if not attempts:
        assert step.queued_at is not None
        return step.queued_at, step.queued_at if step.status == "reused" else None
    begun = attempts[0].started_at
    return min(begun, step.queued_at or begun), attempts[-1].ended_at
