"""A run in sentences, for somebody who hears the screen: every fact is a word, and each row is one line.

Moments that are given here may be rounded with `calm`, so that a clock does not change a line every second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from rich.cells import cell_len

from piplan_tui.run.attempt_state import AttemptState
from piplan_tui.run.model import Usage
from piplan_tui.run.routing import limit_of
from piplan_tui.run.state import PhaseState, RunState, RunStatus, StepState
from piplan_tui.views.changes import overlap_warning
from piplan_tui.views.formatting import counted, ordinal
from piplan_tui.views.header import short_run_id
from piplan_tui.views.line import MAX_NAMES, one_line
from piplan_tui.views.phase_row import phase_finished, phase_title
from piplan_tui.views.questions import question
from piplan_tui.views.step_row import SILENT_AFTER, limit_note, nearest_limit, reason, unmet_dependencies

CALM_SECONDS = 10
"""How often a clock may change what a line says."""

_RUN_SAID: dict[RunStatus, str] = {
    "pending": "not started",
    "running": "running",
    "waiting_user": "waiting for you",
    "paused": "paused",
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "interrupted": "interrupted",
}


def calm(now: datetime) -> datetime:
    """The last full ten seconds."""
    return now - timedelta(seconds=now.second % CALM_SECONDS, microseconds=now.microsecond)


def said_duration(seconds: float) -> str:
    """`40 seconds`, `3 minutes`, `1 hour 2 minutes`, `2 days 3 hours`."""
    total = max(0, int(seconds))
    if total < 60:
        return counted(total, "second")
    minutes = total // 60
    if minutes < 60:
        return counted(minutes, "minute")
    hours, minute = divmod(minutes, 60)
    if hours < 24:
        return counted(hours, "hour") + (f" {counted(minute, 'minute')}" if minute else "")
    days, hour = divmod(hours, 24)
    return counted(days, "day") + (f" {counted(hour, 'hour')}" if hour else "")


def said_clock(seconds: float) -> str:
    """A duration that goes on, to be read off a calm clock; empty before its first ten seconds."""
    if seconds < CALM_SECONDS:
        return ""
    return said_duration(seconds - seconds % CALM_SECONDS if seconds < 60 else seconds)


def said_tokens(tokens: int) -> str:
    """`812 tokens`, `27,000 tokens`: two digits and zeros from ten thousand on."""
    digits = len(str(tokens))
    return counted(round(tokens, 2 - digits) if digits > 4 else tokens, "token")


def said_money(usd: float) -> str:
    """`0.36 dollars`, `0.0042 dollars`, `1,204 dollars`."""
    if 0 < usd < 0.01:
        return f"{usd:.4f} dollars"
    return f"{usd:,.2f} dollars" if usd < 1_000 else f"{usd:,.0f} dollars"


def header_sentences(
    state: RunState, now: datetime, width: int, *, left: float | None = None, elsewhere: int = 0
) -> tuple[str, str]:
    """The run, what is most important first: what fits into `width` cells, and the rest.

    `left` is for how many more seconds it may go on, `elsewhere` how many questions other runs have.
    """
    counts, asks = state.counts, len(state.asks)
    failed, usage = counts.get("failed", 0), state.usage
    word = "being cancelled" if state.cancelling else _RUN_SAID[state.status]
    more = [
        one_line(state.plan_id) or one_line(state.title),
        word,
        _progress(state.done, counts.get("completed", 0), len(state.order)),
        counted(asks, "question") if asks else "",
        f"{failed:,} failed" if failed else "",
        f"{counted(elsewhere, 'question')} in other runs" if elsewhere else "",
        *_used(usage),
    ]
    more.append(one_line(state.reason))
    if state.status == "running" and (limit := nearest_limit(state)) is not None:
        more.append(f"{one_line(limit.provider)}: {limit_note(limit, now)}")
    if left is not None:
        after = " after your answer" if asks else ""
        more.append(f"about {said_duration(max(CALM_SECONDS, round(left, -1)))} left{after}")
    if state.started_at is not None:
        elapsed = state.elapsed_seconds(now)
        more.append(f"took {said_duration(elapsed)}" if state.ended else _for(elapsed))
    if state.title != state.plan_id:
        more.append(one_line(state.title))
    if state.run_id:
        more.append(f"run {short_run_id(state.run_id)}")
    parts = [part for part in more if part]
    fitting = 1
    while fitting < len(parts) and cell_len(", ".join(parts[: fitting + 1])) <= width:
        fitting += 1
    return ", ".join(parts[:fitting]), ", ".join(parts[fitting:])


def phase_sentence(
    state: RunState, phase: PhaseState, *, waits_for: Sequence[str] = (), folded: bool = False
) -> str:
    """The row of a phase. `waits_for` are the titles of the phases it builds on."""
    counts, total = phase.counts, len(phase.steps)
    parts = [f"phase {phase_title(state, phase.title)}"]
    if state.status == "pending":
        parts.append(counted(total, "step"))
    else:
        asking = counts.get("waiting_user", 0)
        parts += [
            _progress(phase.done, counts.get("completed", 0), total),
            f"{asking:,} {'asks' if asking == 1 else 'ask'} you" if asking else "",
            *(
                f"{counts[status]:,} {status}"
                for status in ("failed", "running", "retrying", "queued", "paused", "blocked", "cancelled")
                if counts.get(status)
            ),
        ]
        waiting = [title for title in waits_for if not phase_finished(state.phases[title])]
        if waiting and counts.get("pending") == total:
            parts.append(f"waits for {_listed(f'phase {phase_title(state, title)}' for title in waiting)}")
    return sentence(*parts, "folded" if folded else "")


def step_sentence(
    state: RunState,
    step: StepState,
    now: datetime,
    *,
    queue_position: int = 0,
    last_activity: datetime | None = None,
) -> str:
    """The row of a step. `queue_position` counts from 1 (0: unknown)."""
    title, name = one_line(step.title), one_line(step.id)
    stands = _where_it_stands(state, step, now, queue_position, last_activity)
    return sentence(f"step {name}", *stands, f"titled {title}" if title not in ("", name) else "")


def _where_it_stands(
    state: RunState, step: StepState, now: datetime, position: int, last_activity: datetime | None
) -> list[str]:
    attempt = step.attempt
    if state.status == "pending":
        return [f"after {_listed(step.depends_on)}" if step.depends_on else "can start at once"]
    match step.status:
        case "running":
            return ["running", overlap_warning(state, step), *_running(attempt, now, last_activity)]
        case "retrying":
            return ["retrying", overlap_warning(state, step), *_retrying(attempt, now)]
        case "waiting_user":
            return _waiting(state, step, now)
        case "pending":
            return ["pending", f"waits for {_listed(unmet_dependencies(state, step))}"]
        case "queued":
            return ["queued", _queued(state, step, now, position)]
        case "blocked":
            root = state.blocker(step)
            return [f"blocked by {one_line(root.id)}, which {root.status}" if root else "blocked"]
        case "failed":
            attempts = counted(len(step.attempts), "attempt")
            error = one_line(attempt.error) if attempt else ""
            return ["failed", error, f"after {attempts}" if len(step.attempts) > 1 else ""]
        case "cancelled":
            return [reason("cancelled", attempt)]
        case "skipped":
            return ["skipped", "the run goes on without it"]
        case "reused":
            return [f"reused from {one_line(step.reused_from)}" if step.reused_from else "reused"]
        case "completed":
            return _completed(step, now)
        case "paused":
            return ["paused"]


def _running(attempt: AttemptState | None, now: datetime, last_activity: datetime | None) -> list[str]:
    if attempt is None:
        return []
    tool = next(reversed(attempt.open_tools.values()), None)
    uses = f"uses {one_line(tool.name)} {one_line(tool.target)}".rstrip() if tool else "working"
    silent = (now - (last_activity or attempt.started_at)).total_seconds()
    return [
        f"warning: silent for {said_duration(silent)}" if silent >= SILENT_AFTER else "",
        uses,
        _for(attempt.elapsed_seconds(now)),
    ]


def _for(seconds: float) -> str:
    length = said_clock(seconds)
    return f"for {length}" if length else ""


def _retrying(attempt: AttemptState | None, now: datetime) -> list[str]:
    retry = attempt.provider_retry if attempt is not None else None
    if retry is None:
        return []
    wait = said_duration((retry.until - now).total_seconds())
    return [one_line(retry.error), f"try {retry.retry} of {retry.max_retries} in {wait}"]


def _waiting(state: RunState, step: StepState, now: datetime) -> list[str]:
    ask = state.asks.get(step.asks[0]) if step.asks else None
    if ask is None:
        return ["waiting for you"]
    waited = said_clock((now - ask.opened_at).total_seconds())
    return [f"waiting for you {waited}".rstrip(), f"asks: {question(ask)}"]


def _queued(state: RunState, step: StepState, now: datetime, position: int) -> str:
    if step.continues:
        return "answered, continues next"
    if state.status == "paused":
        return "the run is paused"
    if state.status == "interrupted":
        return "the run was interrupted"
    if (limit := limit_of(state, step)) is not None:
        return limit_note(limit, now)
    return f"{ordinal(position)} in the queue" if position else ""


def _completed(step: StepState, now: datetime) -> list[str]:
    attempt = step.attempt
    took = f" in {said_duration(attempt.elapsed_seconds(now))}" if attempt is not None else ""
    return [f"completed{took}", *_used(step.usage)]


def _used(usage: Usage) -> list[str]:
    tokens, usd = usage.tokens, usage.cost_usd
    return ["" if tokens is None else said_tokens(tokens), "" if usd is None else said_money(usd)]


def _progress(done: int, completed: int, total: int) -> str:
    # what was reused or skipped is done, and not completed
    return f"{done:,} of {total:,} {'completed' if done == completed else 'done'}"


def _listed(ids: Iterable[str]) -> str:
    known = [one_line(name) for name in ids]
    more = [f"{len(known) - MAX_NAMES:,} more"] if len(known) > MAX_NAMES else []
    shown = [*known[:MAX_NAMES], *more]
    return " and ".join([", ".join(shown[:-1]), shown[-1]] if len(shown) > 1 else shown)


def sentence(*parts: str) -> str:
    """The parts that say anything, with commas between."""
    return ", ".join(part for part in parts if part)
