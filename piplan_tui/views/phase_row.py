"""What the row of a phase says."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from piplan_tui.run.state import IN_PROGRESS, PhaseState, RunState, StepStatus
from piplan_tui.views.formatting import (
    GLYPHS,
    counted,
    format_clock,
    format_count,
    format_money,
    format_progress,
    format_tokens,
)
from piplan_tui.views.line import Span, names, one_line
from piplan_tui.views.row_cells import RowCells


def phase_status(phase: PhaseState) -> StepStatus:
    """The one state that says most about its steps: what moves, then what needs somebody."""
    if not phase.steps:
        return "pending"  # a workflow names its phases before it has made a call in them
    counts = phase.counts
    if counts.get("running") or counts.get("retrying"):
        return "running"
    for status in _PHASE_PRECEDENCE:
        if counts.get(status):
            return status
    return "completed"


_PHASE_PRECEDENCE: tuple[StepStatus, ...] = (
    "waiting_user",
    "failed",
    "paused",
    "queued",
    "pending",
    "blocked",
    "cancelled",
)


def phase_finished(phase: PhaseState) -> bool:
    """All steps ended well, so that folding the phase hides nothing of interest."""
    return bool(phase.steps) and phase.done == len(phase.steps)


def phase_in_progress(phase: PhaseState) -> bool:
    """Whether a step of it is at work, or waits for the user."""
    return any(phase.counts.get(status) for status in IN_PROGRESS)


def phase_dependencies(state: RunState) -> dict[str, tuple[str, ...]]:
    """For each phase, the other phases that its steps build on. O(edges); it never changes in a run."""
    found: dict[str, dict[str, None]] = {title: {} for title in state.phases}
    for step in state.order:
        for name in step.depends_on:
            other = state.steps[name].phase
            if other != step.phase:
                found[step.phase][other] = None
    order = {title: place for place, title in enumerate(state.phases)}
    return {title: tuple(sorted(others, key=order.__getitem__)) for title, others in found.items()}


def phase_title(state: RunState, title: str) -> str:
    """`2 Research`: the number is its place in the plan."""
    number = list(state.phases).index(title) + 1
    return f"{number} {one_line(title) or 'Other steps'}"


def phase_started_at(phase: PhaseState) -> datetime | None:
    """When its first attempt began. O(steps of the phase); constant once it is not `None`."""
    return min((a.started_at for step in phase.steps for a in step.attempts), default=None)


def phase_ended_at(phase: PhaseState) -> datetime | None:
    """When its last attempt ended. O(steps of the phase)."""
    ends = (a.ended_at for step in phase.steps for a in step.attempts if a.ended_at is not None)
    return max(ends, default=None)


def phase_seconds(phase: PhaseState, now: datetime) -> float | None:
    """From its first attempt until its last one ended, or until `now` while it is in progress; `None` before.

    O(steps of the phase).
    """
    started = phase_started_at(phase)
    if started is None:
        return None
    ended = now if phase_in_progress(phase) else phase_ended_at(phase) or now
    return (ended - started).total_seconds()


def phase_cells(
    state: RunState,
    phase: PhaseState,
    *,
    waits_for: Sequence[str] = (),
    elapsed_seconds: float | None = None,
) -> RowCells:
    """The row of a phase. `waits_for` are the titles of the phases it builds on."""
    counts = phase.counts
    status = phase_status(phase)
    note = ""
    if status == "pending" and state.status != "pending":
        open_phases = [
            phase_title(state, title) for title in waits_for if not phase_finished(state.phases[title])
        ]
        note = f"waits: {names(open_phases, 2)}" if open_phases else ""
    total = len(phase.steps)
    if state.status == "pending":
        progress = [Span(counted(total, "step"), "dim")]
    else:
        progress = [Span(format_progress(phase.done, total), "plain")]
    if waiting := counts.get("waiting_user"):
        progress.append(Span(f"{GLYPHS['waiting_user']}{waiting:,}", "attention"))
    if failed := counts.get("failed"):
        progress.append(Span(f"{GLYPHS['failed']}{failed:,}", "failed"))
    for other in ("blocked", "skipped"):
        if count := counts.get(other):
            progress.append(Span(f"{GLYPHS[other]}{count:,}", "dim"))
    usage = phase.usage
    return RowCells(
        status=status,
        name=phase_title(state, phase.title),
        note=note,
        note_role="dim",
        progress=tuple(progress),
        tokens="" if usage.tokens is None else format_tokens(usage.tokens),
        tools=format_count(phase.tools) if phase.tools else "",
        money="" if usage.cost_usd is None else format_money(usage.cost_usd),
        elapsed="" if elapsed_seconds is None else format_clock(elapsed_seconds),
    )
