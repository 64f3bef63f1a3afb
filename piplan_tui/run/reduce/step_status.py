"""Moves of a step from one status to another, and what they mean for the steps that depend on it."""

from __future__ import annotations

import heapq

from piplan_tui.run.state import BROKEN, SATISFIED, RunState, StepState, StepStatus


def set_status(state: RunState, step: StepState, status: StepStatus) -> None:
    """Move a step, and with it those of its dependents that this lets start, blocks or frees."""
    moves: list[tuple[StepState, StepStatus | None, str]] = [(step, status, "")]
    while moves:
        step, wanted, blocked_by = moves.pop()
        old = step.status
        # a dependent's is decided only now: another move may have changed its dependencies meanwhile
        new = wanted or (_resting(step) if old in _NOT_STARTED else old)
        if old == new:
            continue
        step.status = new
        step.blocked_by = blocked_by if new == "blocked" else ""
        _count(state.counts, old, new)
        _count(state.phases[step.phase].counts, old, new)
        if new == "queued":
            step.queued_seq = state.seq
            step.queued_at = state.at
            heapq.heappush(state._ready, step.index)
        met = (new in SATISFIED) - (old in SATISFIED)
        broke = (new in BROKEN) - (old in BROKEN)
        if not met and not broke:
            continue
        for dependent in state.dependents[step.index]:
            dependent.unmet -= met
            dependent.broken += broke
            moves.append((dependent, None, step.blocked_by or step.id))


_NOT_STARTED = frozenset({"pending", "queued", "blocked"})


def _count(counts: dict[StepStatus, int], old: StepStatus, new: StepStatus) -> None:
    counts[old] -= 1
    counts[new] = counts.get(new, 0) + 1


def _resting(step: StepState) -> StepStatus:
    """Where a step that does not run stands, from its dependencies alone."""
    if step.broken:
        return "blocked"
    return "pending" if step.unmet else "queued"


def rest(state: RunState, step: StepState) -> None:
    """Put a step back to wait for its turn."""
    set_status(state, step, _resting(step))
