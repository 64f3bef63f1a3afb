"""What stands on the normal screen when a run has been left: where it ended and what comes next."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from piplan_tui.clean import clean_text
from piplan_tui.run.model import Usage
from piplan_tui.run.state import PhaseState, RunState, StepState
from piplan_tui.views.formatting import (
    ASCII_GLYPHS,
    GLYPHS,
    RUN_WORDS,
    STATUS_WORDS,
    agent_label,
    counted,
    format_clock,
    format_duration,
    format_money,
    format_progress,
    format_tokens,
)
from piplan_tui.views.line import one_line
from piplan_tui.views.lists import table
from piplan_tui.views.next_commands import next_commands
from piplan_tui.views.phase_row import (
    phase_seconds,
    phase_status,
    phase_title,
)
from piplan_tui.views.run_result import result_excerpt

LogPath = Callable[[str, int], Path | None]
MAX_FAILED = 10
_DETAIL_LINES = 5


@dataclass(slots=True)
class Totals:
    """Times in seconds. `by_model` maps an agent and its model, as shown, to what they used."""

    wall_seconds: float
    agent_seconds: float
    blocked_by_user_seconds: float
    usage: Usage
    tools: int
    attempts: int
    by_model: dict[str, Usage]


def totals(state: RunState, now: datetime) -> Totals:
    """What the run took, all attempts included. O(attempts)."""
    by_model: dict[str, Usage] = {}
    agent_seconds = 0.0
    count = 0
    for step in state.order:
        for attempt in step.attempts:
            count += 1
            agent_seconds += max(0.0, attempt.elapsed_seconds(now) - attempt.waiting_seconds(now))
            if attempt.usage is not None:
                label = agent_label(attempt.agent, attempt.model)
                by_model[label] = by_model.get(label, Usage()).plus(attempt.usage)
    blocked = state.blocked_by_user_seconds
    if state.waiting_since is not None:
        blocked += max(0.0, (now - state.waiting_since).total_seconds())
    return Totals(
        wall_seconds=state.elapsed_seconds(now),
        agent_seconds=agent_seconds,
        blocked_by_user_seconds=blocked,
        usage=state.usage,
        tools=state.tools,
        attempts=count,
        by_model=dict(sorted(by_model.items())),
    )


def summary(
    state: RunState,
    now: datetime,
    *,
    log_path: LogPath | None = None,
    ascii_only: bool = False,
    live: bool = False,
    shown: bool = False,
) -> list[str]:
    """The lines to print after a run, whatever it was watched with; see `next_commands` for the flags."""
    word = RUN_WORDS[state.status]
    reason = f": {one_line(state.reason)}" if state.reason else ""
    lines = [f"run {one_line(state.run_id)} {word}{reason}", one_line(state.title), ""]
    lines += _phase_lines(state, now, ascii_only)
    if failed := _failed_lines(state, log_path):
        lines += ["", *failed]
    lines += ["", *_total_lines(state, now)]
    if result := result_excerpt(state):
        lines += ["", *result]
    if following := next_commands(state, live=live, shown=shown):
        lines += ["", *(f"{'next:' if index == 0 else '     '} {c}" for index, c in enumerate(following))]
    return lines


def result_line(state: RunState, now: datetime) -> str:
    """The result of a run on one line."""
    word = RUN_WORDS[state.status].lower()
    usage = state.usage
    parts = [
        f"{state.done:,} of {len(state.order):,} steps",
        format_duration(state.elapsed_seconds(now)),
    ]
    if usage.tokens is not None:
        parts.append(f"{format_tokens(usage.tokens)} tokens")
    if usage.cost_usd is not None:
        parts.append(format_money(usage.cost_usd))
    reason = f": {one_line(state.reason)}" if state.reason else ""
    return f"run {one_line(state.run_id)} {word}, {', '.join(parts)}{reason}"


def _phase_lines(state: RunState, now: datetime, ascii_only: bool) -> list[str]:
    glyphs = ASCII_GLYPHS if ascii_only else GLYPHS
    rows = []
    for title, phase in state.phases.items():
        seconds = phase_seconds(phase, now)
        begun = seconds is not None
        usage = phase.usage
        rows.append(
            [
                f"  {glyphs[phase_status(phase)]} {_phase_name(state, title)}",
                format_progress(phase.done, len(phase.steps)),
                format_tokens(usage.tokens) if begun else "",
                format_money(usage.cost_usd) if begun else "",
                "" if seconds is None else format_clock(seconds),
                _other_counts(phase),
            ]
        )
    return table([], rows, right=(1, 2, 3, 4))


def _phase_name(state: RunState, title: str) -> str:
    return phase_title(state, title) if len(state.phases) > 1 else one_line(title) or "Steps"


def _other_counts(phase: PhaseState) -> str:
    """`1 failed, 4 blocked`: what is not done."""
    return ", ".join(
        f"{count:,} {word}"
        for status, word in STATUS_WORDS.items()
        if status not in ("completed", "pending") and (count := phase.counts.get(status))
    )


def _failed_lines(state: RunState, log_path: LogPath | None) -> list[str]:
    failed = [step for step in state.order if step.status == "failed"]
    lines: list[str] = []
    for step in failed[:MAX_FAILED]:
        lines += failed_step_lines(step, log_path)
    if len(failed) > MAX_FAILED:
        lines.append(f"  and {counted(len(failed) - MAX_FAILED, 'more step')} failed")
    return lines


def failed_step_lines(step: StepState, log_path: LogPath | None) -> list[str]:
    """A failed step with its last error, what the agent last said on stderr, and where its log is."""
    attempt = step.attempt
    tries = f" (attempt {attempt.number})" if attempt and attempt.number > 1 else ""
    error = clean_text(attempt.error).strip() if attempt else ""
    first, *rest = error.splitlines() or ["failed without a reason"]
    lines = [
        f"failed: {one_line(step.id)}{tries}: {first}",
        *(f"    {line}" for line in rest[:_DETAIL_LINES]),
    ]
    if attempt and attempt.error_detail:
        detail = clean_text(attempt.error_detail).strip().splitlines()
        lines += [f"    | {line}" for line in detail[-_DETAIL_LINES:]]
    path = log_path(step.id, attempt.number) if log_path and attempt else None
    if path is not None:
        lines.append(f"    log: {clean_text(str(path), keep_newlines=False)}")
    return lines


def _total_lines(state: RunState, now: datetime) -> list[str]:
    total = totals(state, now)
    usage = total.usage
    parts = [
        f"{format_duration(total.wall_seconds)} in all",
        f"{format_duration(total.agent_seconds)} agent time",
        f"{format_duration(total.blocked_by_user_seconds)} blocked by you",
        f"{format_tokens(usage.tokens)} tokens",
        format_money(usage.cost_usd),
    ]
    lines = [f"total: {', '.join(parts)}"]
    rows = [
        [f"  {label}", f"{format_tokens(used.tokens)} tokens", format_money(used.cost_usd)]
        for label, used in total.by_model.items()
    ]
    return lines + table([], rows, right=(1, 2))
