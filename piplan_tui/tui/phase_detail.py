"""What is said of a phase where a step would be shown: how its steps stand, who needs the user, what failed."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from piplan_tui.run.state import PhaseState, RunState, StepState
from piplan_tui.views.formatting import (
    GLYPHS,
    STATUS_WORDS,
    counted,
    format_duration,
    format_money,
    format_tokens,
)
from piplan_tui.views.line import STATUS_ROLES, Span, first_line, one_line
from piplan_tui.views.phase_row import phase_seconds, phase_status, phase_title
from piplan_tui.views.questions import question
from piplan_tui.views.step_row import step_note

_MOST = 200
"""Steps that are named."""


def phase_title_line(state: RunState, phase: PhaseState) -> list[Span]:
    """The phase in one line: state, number and title."""
    status = phase_status(phase)
    return [
        Span(f"{GLYPHS[status]} ", STATUS_ROLES[status]),
        Span(phase_title(state, phase.title), "strong"),
        Span(" · phase", "dim"),
    ]


def phase_lines(state: RunState, phase: PhaseState, now: datetime) -> list[Span]:
    """Steps by state, totals, open questions, failures with their reasons, and every step. O(steps of the phase)."""
    spans = [Span("Steps\n", "strong"), *_counts(phase), Span(f"\n{_totals(phase, now)}", "dim")]
    waiting = [step for step in phase.steps if step.asks]
    if waiting:
        spans.append(Span("\n\nNeeds you\n", "strong"))
        spans += _lines((step, _asked(state, step, now)) for step in waiting)
    failed = [step for step in phase.steps if step.status == "failed"]
    if failed:
        spans.append(Span("\n\nFailed\n", "strong"))
        spans += _lines((step, _reason(step)) for step in failed)
    if phase.detail:
        spans += [Span("\n\nAbout\n", "strong"), Span(one_line(phase.detail))]
    spans.append(Span("\n\nAll of it\n", "strong"))
    spans += _lines((step, step_note(state, step, now).text) for step in phase.steps[:_MOST])
    if len(phase.steps) > _MOST:
        spans.append(Span(f"\n… {len(phase.steps) - _MOST:,} more", "dim"))
    return spans


def _counts(phase: PhaseState) -> list[Span]:
    if not phase.steps:
        return [Span("none yet", "dim")]
    spans: list[Span] = []
    for status, count in phase.counts.items():
        if count:
            said = f"{GLYPHS[status]} {count:,} {STATUS_WORDS[status]}"
            spans += [Span("  " if spans else ""), Span(said, STATUS_ROLES[status])]
    return spans


def _totals(phase: PhaseState, now: datetime) -> str:
    seconds = phase_seconds(phase, now)
    if seconds is None:
        return "not started"
    usage = phase.usage
    facts = [
        format_duration(seconds),
        f"{format_tokens(usage.tokens)} tokens" if usage.tokens is not None else "",
        format_money(usage.cost_usd) if usage.cost_usd is not None else "",
        counted(phase.tools, "tool call") if phase.tools else "",
    ]
    return " · ".join(fact for fact in facts if fact)


def _asked(state: RunState, step: StepState, now: datetime) -> str:
    ask = state.asks.get(step.asks[0])
    if ask is None:
        return ""
    return f"{question(ask)} (for {format_duration((now - ask.opened_at).total_seconds())})"


def _reason(step: StepState) -> str:
    return first_line(step.attempt.error) if step.attempt else ""


def _lines(said: Iterable[tuple[StepState, str]]) -> list[Span]:
    spans: list[Span] = []
    for step, note in said:
        spans.append(Span("\n" if spans else ""))
        spans.append(Span(f"{GLYPHS[step.status]} ", STATUS_ROLES[step.status]))
        spans += [Span(one_line(step.id)), Span(f"  {note}" if note else "", "dim")]
    return spans
