"""Why is this not running? One line for the selected row."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from piplan_tui.run.routing import limit_of
from piplan_tui.run.state import RunState, StepState
from piplan_tui.views.formatting import format_duration, ordinal
from piplan_tui.views.line import MAX_NAMES, Span, first_line, one_line
from piplan_tui.views.step_row import before_the_start, limit_note, reason, retry_note, unmet_dependencies


@dataclass(frozen=True, slots=True)
class Why:
    """One line about the selected row, and the ids of the actions that would help with their labels."""

    spans: tuple[Span, ...]
    hints: tuple[tuple[str, str], ...] = ()


def why(state: RunState, step: StepState, now: datetime, *, queue_position: int = 0) -> Why:
    """Why the step stands where it stands, and what the user can do about it."""
    name = Span(one_line(step.id), "strong")
    answer: tuple[str, str] = ("run.answer", "answer")
    if state.status == "pending":
        return Why((name, Span(f" {before_the_start(step)}")))
    match step.status:
        case "pending":
            return _why_pending(state, step, now, name)
        case "queued":
            if state.status not in ("paused", "interrupted") and (limit := limit_of(state, step)):
                waits = Span(f" waits: {limit_note(limit, now)}", "attention")
                return Why(
                    (name, waits, Span(f" · {one_line(limit.provider)}: {one_line(limit.reason)}", "dim"))
                )
            return _why_queued(state, name, queue_position, step.continues)
        case "waiting_user":
            waited = _waited(state, step, now)
            return Why((name, Span(f" waits for you {waited}", "attention"), *_frees(state, step)), (answer,))
        case "failed":
            return _why_failed(state, step, name)
        case "blocked":
            return _why_blocked(state, step, name)
        case "retrying" if step.attempt:
            return Why((name, Span(f" {retry_note(step.attempt, now)}")), (("run.stop", "stop"),))
        case "cancelled":
            spans = (name, Span(f" {reason('stopped', step.attempt)}"), *_frees(state, step, "blocks"))
            return Why(spans, (("run.retry", "retry"), ("run.skip", "go on without it")))
        case "skipped":
            return Why((name, Span(f" was skipped: {_what_follows(state, step)}")))
        case "running" if step.attempt:
            number = f", attempt {len(step.attempts)}" if len(step.attempts) > 1 else ""
            return Why((name, Span(f" runs{number}"), *_frees(state, step)), (("run.stop", "stop"),))
        case _:
            said = one_line(step.attempt.summary) if step.attempt else ""
            return Why((name, Span(f" {said}" if said else " is done")))


def _what_follows(state: RunState, step: StepState) -> str:
    if state.workflow is not None:
        return "the script got no answer of it"
    if not state.dependents[step.index]:
        return "no step needs its files"
    return (
        "the steps after it ran without its files"
        if state.ended
        else "the steps after it run without its files"
    )


def _why_pending(state: RunState, step: StepState, now: datetime, name: Span) -> Why:
    needs = unmet_dependencies(state, step)
    spans = [name, Span(" needs ")]
    hints: dict[str, str] = {}
    for index, dependency_id in enumerate(needs[:MAX_NAMES]):
        if index:
            spans.append(Span(", " if index < len(needs) - 1 else " and "))
        dependency = state.steps[dependency_id]
        spans.append(Span(one_line(dependency_id), "strong"))
        if dependency.status == "waiting_user":
            spans.append(Span(f" (waits for you {_waited(state, dependency, now)})", "attention"))
            hints["run.next_ask"] = "go to it"
        else:
            spans.append(Span(f" ({_state_word(dependency)})", "dim"))
    if len(needs) > MAX_NAMES:
        spans.append(Span(f" and {len(needs) - MAX_NAMES:,} more"))
    return Why(tuple(spans), tuple(hints.items()))


def _why_queued(state: RunState, name: Span, position: int, continues: bool) -> Why:
    if state.status == "paused":
        return Why((name, Span(" is ready; the run is paused")), (("run.pause", "resume"),))
    if state.status == "interrupted":
        return Why((name, Span(" is ready; the run was interrupted")), (("run.pause", "resume"),))
    place = f" is {ordinal(position)} in the queue: " if position else " is queued: "
    if continues:
        place = " was answered and continues: "
    return Why((name, Span(f"{place}{state.slots_used} of {state.slots} slots are used")))


def _why_failed(state: RunState, step: StepState, name: Span) -> Why:
    attempt = step.attempt
    error = first_line(attempt.error) if attempt else ""
    blocks = _frees(state, step, "blocks")
    spans = (name, Span(f" failed: {error}" if error else " failed", "failed"), *blocks)
    return Why(spans, (("run.retry", "retry"), ("run.skip", "go on without it")))


def _why_blocked(state: RunState, step: StepState, name: Span) -> Why:
    root = state.blocker(step)
    if root is None:
        return Why((name, Span(" is blocked")))
    said = one_line(root.attempt.error) if root.attempt else ""
    detail = f" ({root.status}: {said})" if said else f" ({root.status})"
    spans = (name, Span(" is blocked by "), Span(one_line(root.id), "strong"), Span(detail, "failed"))
    return Why(spans, (("run.next_failure", "go to it"),))


def _frees(state: RunState, step: StepState, verb: str = "frees") -> tuple[Span, ...]:
    after = state.dependents[step.index]
    if verb == "frees":
        # what something else blocks as well is not free when this is done
        after = [dependent for dependent in after if dependent.status != "blocked"]
    if not after:
        return ()
    more = f" + {len(after) - 1:,}" if len(after) > 1 else ""
    return (Span(f" · {verb} {one_line(after[0].id)}{more}", "dim"),)


def _waited(state: RunState, step: StepState, now: datetime) -> str:
    ask = state.asks.get(step.asks[0]) if step.asks else None
    return format_duration((now - ask.opened_at).total_seconds()) if ask else ""


def _state_word(step: StepState) -> str:
    return {"waiting_user": "waits for you"}.get(step.status, step.status)
