"""Which steps a retry runs again, and why some cannot be."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.state import BROKEN, SATISFIED, RunState, StepState


def steps_to_retry(state: RunState, chosen: Sequence[StepState], *, with_downstream: bool) -> list[StepState]:
    """These steps, or else all that failed or were cancelled, in plan order; `with_downstream`, also every
    step after them that has ended.

    Raises:
        ControlRefused: one of them has not ended, or there is nothing to try again.
    """
    chosen = chosen or [step for step in state.order if step.status in ("failed", "cancelled")]
    if not chosen and state.workflow is not None and state.status in ("failed", "cancelled"):
        # the script itself failed, or was stopped between two calls: it is run again
        return []
    if not chosen:
        raise ControlRefused("no step failed or was cancelled, so there is nothing to try again")
    steps = {step.index: step for step in chosen}
    if with_downstream:
        ended = (SATISFIED | BROKEN) - {"blocked"}
        steps |= {step.index: step for step in downstream(state, chosen) if step.status in ended}
    for step in steps.values():
        if step.status in ("running", "retrying"):
            raise ControlRefused(f"step {step.id} is {step.status}; stop it before it is tried again")
        if step.status == "blocked":
            raise ControlRefused(f"step {step.id} has not been tried yet: it is blocked by {step.blocked_by}")
        if step.status in ("pending", "queued"):
            raise ControlRefused(f"step {step.id} has not been tried yet: it is {step.status}")
    return [steps[index] for index in sorted(steps)]


def downstream(state: RunState, steps: Iterable[StepState]) -> list[StepState]:
    """Every step that depends on one of these, directly or not, in plan order."""
    seen: dict[int, StepState] = {}
    todo = list(steps)
    while todo:
        for dependent in state.dependents[todo.pop().index]:
            if dependent.index not in seen:
                seen[dependent.index] = dependent
                todo.append(dependent)
    return [seen[index] for index in sorted(seen)]
