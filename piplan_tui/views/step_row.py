"""What the row of a step says: pure functions of `RunState`.

Texts that come from plans and agents are cleaned here and are always one line.
"""

from __future__ import annotations

import re
from datetime import datetime

from piplan_tui.run.attempt_state import AttemptState
from piplan_tui.run.routing import limit_of
from piplan_tui.run.state import SATISFIED, ProviderLimit, RunState, StepState
from piplan_tui.views.changes import overlap_warning
from piplan_tui.views.failure_row import failure_note, short_failure_note
from piplan_tui.views.formatting import (
    agent_label,
    format_clock,
    format_count,
    format_duration,
    format_money,
    format_tokens,
    ordinal,
    short_duration,
)
from piplan_tui.views.line import Span, names, one_line
from piplan_tui.views.questions import question
from piplan_tui.views.row_cells import RowCells

SILENT_AFTER = 180.0
"""Seconds without a word from an agent after which its row says so."""
SILENT_LOUD_AFTER = 600.0


def queue_positions(state: RunState) -> dict[str, int]:
    """Where each queued step stands in the queue, from 1. O(steps): compute it once for many rows."""
    queued = (step.id for step in state.order if step.status == "queued")
    return {step_id: position for position, step_id in enumerate(queued, 1)}


def step_cells(
    state: RunState,
    step: StepState,
    now: datetime,
    *,
    queue_position: int = 0,
    last_activity: datetime | None = None,
) -> RowCells:
    """The row of a step. `queue_position` counts from 1 (0: unknown)."""
    attempt = step.attempt
    note = step_note(state, step, now, queue_position=queue_position, last_activity=last_activity)
    usage = step.usage
    ended = attempt is not None and attempt.ended_at is not None
    tools = sum(a.tools for a in step.attempts)
    return RowCells(
        status=step.status,
        name=one_line(step.id),
        note=note.text,
        note_role=note.role,
        agent=agent_label(attempt.agent, attempt.model) if attempt else "",
        tokens=_known(format_tokens(usage.tokens), usage.tokens, ended),
        tools=format_count(tools) if tools else "",
        money=_known(format_money(usage.cost_usd), usage.cost_usd, ended),
        elapsed=format_clock(sum(a.elapsed_seconds(now) for a in step.attempts)) if attempt else "",
        short_note=_short_note(step, note.text),
    )


def _short_note(step: StepState, note: str) -> str:
    """What is said where the note has no room; empty where its beginning says most."""
    if step.status == "failed" and step.attempt:
        return short_failure_note(step, step.attempt)
    # at the end of these stand when it goes on, and what tells one call of many from the others
    return note if step.status == "retrying" or (note == one_line(step.title) and _named_after(step)) else ""


def _named_after(step: StepState) -> bool:
    """Whether the id is but the beginning of the title, as it is of an agent call of a workflow."""
    stem = re.sub(r"-\d+$", "", step.id)
    return "-".join(re.findall(r"[^\W_]+", step.title.lower())).startswith(stem)


def _known(text: str, value: object, ended: bool) -> str:
    # while an attempt runs its first report is still to come, which is not the same as unknown
    return text if ended or value is not None else ""


def step_note(
    state: RunState,
    step: StepState,
    now: datetime,
    *,
    queue_position: int = 0,
    last_activity: datetime | None = None,
) -> Span:
    """What the row says beside its name: what a running step does, why another one does not run."""
    status = step.status
    attempt = step.attempt
    if state.status == "pending":
        return Span(before_the_start(step), "dim")
    if step.overlaps and (shared := overlap_warning(state, step)):
        return Span(shared, "attention")
    if status == "running" and attempt:
        return _running_note(attempt, now, last_activity)
    if status == "retrying" and attempt:
        return Span(retry_note(attempt, now), "attention")
    if status == "waiting_user":
        return _waiting_note(state, step, now)
    if status == "pending":
        return Span(f"waits: {names(unmet_dependencies(state, step))}", "dim")
    if status == "queued":
        if step.continues:
            return Span("answered, continues next", "dim")
        if state.status not in ("paused", "interrupted") and (limit := limit_of(state, step)):
            return Span(limit_note(limit, now), "attention")
        return Span(_queue_note(state, queue_position), "dim")
    if status == "blocked":
        root = state.blocker(step)
        return Span(f"blocked by {one_line(root.id)}" if root else "blocked", "dim")
    if status == "failed" and attempt:
        return Span(failure_note(step, attempt), "failed")
    if status == "cancelled":
        return Span(reason("stopped", attempt), "dim")
    if status == "skipped":
        return Span("skipped: the run goes on without it", "dim")
    if status == "paused":
        return Span("paused", "dim")
    title = one_line(step.title)
    if title != one_line(step.id):
        return Span(title, "dim")
    return Span(one_line(attempt.summary) if attempt else "", "dim")


def before_the_start(step: StepState) -> str:
    """Title and dependencies of a step, in words, before the run has started."""
    title = one_line(step.title)
    after = f"after {names(step.depends_on)}" if step.depends_on else "can start at once"
    return after if title == one_line(step.id) else f"{after} · {title}"


def _running_note(attempt: AttemptState, now: datetime, last_activity: datetime | None) -> Span:
    tool = next(reversed(attempt.open_tools.values()), None)
    silent = (now - (last_activity or attempt.started_at)).total_seconds()
    if silent >= SILENT_AFTER:
        doing = f" ({one_line(tool.name)})" if tool else ""
        loud = silent >= SILENT_LOUD_AFTER
        text = f"{'!!!' if loud else '!'} silent {format_duration(silent)}{doing}"
        return Span(text, "failed" if loud else "attention")
    if tool is not None:
        return Span(f"{one_line(tool.name)} {one_line(tool.target)}".rstrip(), "plain")
    if attempt.reprompts:
        return Span(f"asked again for a result ({attempt.reprompts})", "plain")
    return Span("working", "dim")


def retry_note(attempt: AttemptState, now: datetime) -> str:
    """Which try of a refused request comes next, and when."""
    retry = attempt.provider_retry
    if retry is None:
        return "trying again"
    left = max(0.0, (retry.until - now).total_seconds())
    return f"{one_line(retry.error)}, try {retry.retry} of {retry.max_retries} in {format_clock(left)}"


def _waiting_note(state: RunState, step: StepState, now: datetime) -> Span:
    ask = state.asks.get(step.asks[0]) if step.asks else None
    if ask is None:
        return Span("NEEDS YOU", "attention")
    waited = short_duration((now - ask.opened_at).total_seconds())
    return Span(f"NEEDS YOU {waited}: {question(ask)}", "attention")


def _queue_note(state: RunState, position: int) -> str:
    if state.status == "paused":
        return (
            "the run is paused: its budget is spent" if state.paused_by == "budget" else "the run is paused"
        )
    if state.status == "interrupted":
        return "the run was interrupted"
    return f"queue {ordinal(position)}" if position else "queued"


def nearest_limit(state: RunState) -> ProviderLimit | None:
    """That of the provider which is asked again first; `None` while none refuses."""
    return min(state.limits.values(), key=lambda limit: limit.until, default=None)


def limit_note(limit: ProviderLimit, now: datetime) -> str:
    """What keeps a step that is ready from starting, with the local time at which it goes on."""
    if limit.until <= now:
        return "rate limit: one step tries whether it is over"
    until = limit.until.astimezone()
    same_day = until.date() == now.astimezone().date()
    return f"rate limit until {until:%H:%M}" if same_day else f"rate limit until {until:%b %d %H:%M}"


def reason(word: str, attempt: AttemptState | None) -> str:
    """A word and what the attempt gave as its reason."""
    said = one_line(attempt.error) if attempt else ""
    return f"{word}: {said}" if said else word


def unmet_dependencies(state: RunState, step: StepState) -> list[str]:
    """Ids of the dependencies that keep the step from starting, in the plan's order."""
    return [name for name in step.depends_on if state.steps[name].status not in SATISFIED]
