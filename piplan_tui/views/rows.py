"""What a row of the tree says: pure functions of `RunState`, without widths, colours or keys.

Texts that come from plans and agents are cleaned here and are always one line.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from piplan_tui.clean import clean_text
from piplan_tui.run.model import Usage
from piplan_tui.run.routing import limit_of
from piplan_tui.run.state import (
    SATISFIED,
    AskState,
    AttemptState,
    PhaseState,
    ProviderLimit,
    RunState,
    StepState,
    StepStatus,
)
from piplan_tui.views.formatting import GLYPHS, format_clock, format_duration, format_money, format_tokens

Role = Literal["plain", "dim", "strong", "accent", "running", "attention", "failed", "done"]
"""What a piece of text is, for whoever colours it. Never the only sign of a state."""

SILENT_AFTER = 180.0
"""Seconds without a word from an agent after which its row says so."""
SILENT_LOUD_AFTER = 600.0
MAX_NAMES = 3
_PREVIEW = 300


@dataclass(frozen=True, slots=True)
class Span:
    """A piece of a line."""

    text: str
    role: Role = "plain"


@dataclass(frozen=True, slots=True)
class RowCells:
    """The columns of a row. Empty text means that there is nothing to say, never zero."""

    status: StepStatus
    name: str
    note: str
    note_role: Role
    progress: tuple[Span, ...] = ()
    agent: str = ""
    tokens: str = ""
    tools: str = ""
    money: str = ""
    elapsed: str = ""

    @property
    def glyph(self) -> str:
        return GLYPHS[self.status]


STATUS_ROLES: dict[StepStatus, Role] = {
    "pending": "dim",
    "queued": "dim",
    "running": "running",
    "waiting_user": "attention",
    "paused": "dim",
    "retrying": "attention",
    "completed": "done",
    "reused": "done",
    "failed": "failed",
    "blocked": "dim",
    "skipped": "dim",
    "cancelled": "dim",
}


def one_line(text: str) -> str:
    """Foreign text for a row: cleaned, on one line, without blanks around it, of bounded length."""
    return clean_text(text[:_PREVIEW], keep_newlines=False).strip()


def ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `11th`."""
    if 10 <= number % 100 <= 20:
        return f"{number}th"
    return f"{number}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(number % 10, 'th') }"


def queue_positions(state: RunState) -> dict[str, int]:
    """Where each queued step stands in the queue, from 1. O(steps): compute it once for many rows."""
    queued = (step.id for step in state.order if step.status == "queued")
    return {step_id: position for position, step_id in enumerate(queued, 1)}


# -- a step ----------------------------------------------------------------------------------------


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
    usage = _usage(step.attempts)
    ended = attempt is not None and attempt.ended_at is not None
    tools = sum(a.tools for a in step.attempts)
    return RowCells(
        status=step.status,
        name=one_line(step.id),
        note=note.text,
        note_role=note.role,
        agent=agent_label(attempt.agent, attempt.model) if attempt else "",
        tokens=_known(format_tokens(usage.tokens), usage.tokens, ended),
        tools=str(tools) if tools else "",
        money=_known(format_money(usage.cost_usd), usage.cost_usd, ended),
        elapsed=format_clock(attempt.elapsed_seconds(now)) if attempt else "",
    )


def _usage(attempts: Sequence[AttemptState]) -> Usage:
    total = Usage()
    for attempt in attempts:
        if attempt.usage is not None:
            total = total.plus(attempt.usage)
    return total


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
    if status == "running" and attempt:
        return _running_note(attempt, now, last_activity)
    if status == "retrying" and attempt:
        return Span(retry_note(attempt, now), "attention")
    if status == "waiting_user":
        return _waiting_note(state, step, now)
    if status == "pending":
        return Span(f"waits: {_names(unmet_dependencies(state, step))}", "dim")
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
        return Span(_failed_note(step, attempt), "failed")
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
    after = f"after {_names(step.depends_on)}" if step.depends_on else "can start at once"
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
        return "the run is paused"
    if state.status == "interrupted":
        return "the run was interrupted"
    return f"queue {ordinal(position)}" if position else "queued"


def limit_note(limit: ProviderLimit, now: datetime) -> str:
    """What keeps a step that is ready from starting, with the local time at which it goes on."""
    if limit.until <= now:
        return "rate limit: one step tries whether it is over"
    until = limit.until.astimezone()
    same_day = until.date() == now.astimezone().date()
    return f"rate limit until {until:%H:%M}" if same_day else f"rate limit until {until:%b %d %H:%M}"


def _failed_note(step: StepState, attempt: AttemptState) -> str:
    error = one_line(attempt.error) or "failed"
    return f"{error}, {len(step.attempts)} tries" if len(step.attempts) > 1 else error


def reason(word: str, attempt: AttemptState | None) -> str:
    """A word and what the attempt gave as its reason."""
    said = one_line(attempt.error) if attempt else ""
    return f"{word}: {said}" if said else word


def _names(ids: Iterable[str], limit: int = MAX_NAMES) -> str:
    known = list(ids)
    text = ", ".join(one_line(name) for name in known[:limit])
    return f"{text} + {len(known) - limit:,} more" if len(known) > limit else text


def short_duration(seconds: float) -> str:
    """One unit: `40s`, `3m`, `2h`, `5d`."""
    total = max(0, int(seconds))
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if total >= size:
            return f"{total // size}{unit}"
    return f"{total}s"


def unmet_dependencies(state: RunState, step: StepState) -> list[str]:
    """Ids of the dependencies that keep the step from starting, in the plan's order."""
    return [name for name in step.depends_on if state.steps[name].status not in SATISFIED]


def question(ask: AskState) -> str:
    """What an ask wants to know, on one line, whatever shape its request has."""
    request = ask.request
    if isinstance(request, dict):
        for key in ("title", "message", "question", "prompt", "text"):
            if isinstance(value := request.get(key), str) and value.strip():
                return one_line(value)
        questions = request.get("questions")
        if isinstance(questions, list) and questions:
            return question(AskState(ask.id, ask.step_id, ask.attempt, questions[0], ask.opened_at, ask.live))
    if isinstance(request, str) and request.strip():
        return one_line(request)
    return "an answer"


_DATE_SUFFIX = re.compile(r"-(?:\d{8}|\d{4}-\d{2}-\d{2}|latest)$")


def agent_label(agent: str, model: str) -> str:
    """`pi sonnet-4-5` from `pi` and `anthropic/claude-sonnet-4-5-20250929`."""
    kind, _, rest = agent.partition(":")
    short_agent = (rest if kind == "acp" and rest else kind).split("/")[-1]
    short_model = _DATE_SUFFIX.sub("", model.rstrip("/").split("/")[-1]).removeprefix("claude-")
    return one_line(short_agent if short_model in ("", short_agent) else f"{short_agent} {short_model}")


# -- a phase ---------------------------------------------------------------------------------------


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
        note = f"waits: {_names(open_phases, 2)}" if open_phases else ""
    total = len(phase.steps)
    if state.status == "pending":
        progress = [Span(f"{total} step{'s' if total != 1 else ''}", "dim")]
    else:
        progress = [Span(f"{phase.done}/{total}", "plain")]
    if waiting := counts.get("waiting_user"):
        progress.append(Span(f"{GLYPHS['waiting_user']}{waiting}", "attention"))
    if failed := counts.get("failed"):
        progress.append(Span(f"{GLYPHS['failed']}{failed}", "failed"))
    usage = phase.usage
    return RowCells(
        status=status,
        name=phase_title(state, phase.title),
        note=note,
        note_role="dim",
        progress=tuple(progress),
        tokens="" if usage.tokens is None else format_tokens(usage.tokens),
        tools=str(phase.tools) if phase.tools else "",
        money="" if usage.cost_usd is None else format_money(usage.cost_usd),
        elapsed="" if elapsed_seconds is None else format_clock(elapsed_seconds),
    )


# -- questions --------------------------------------------------------------------------------------


def ask_order(state: RunState) -> list[AskState]:
    """Open asks, the one to answer first in front: urgency, then how many steps it frees, then age."""

    def rank(ask: AskState) -> tuple[int, int, datetime]:
        request: Any = ask.request
        urgency = request.get("urgency") if isinstance(request, dict) else None
        level = {"high": 0, "low": 2}.get(urgency if isinstance(urgency, str) else "", 1)
        step = state.steps.get(ask.step_id)
        return level, -len(state.dependents[step.index]) if step else 0, ask.opened_at

    return sorted(state.asks.values(), key=rank)
