"""The chain of steps that decides how long a run takes, and how much of it was waiting for the user."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from piplan_tui.run.state import TERMINAL, RunState, StepState
from piplan_tui.views.formatting import format_duration
from piplan_tui.views.line import Span, one_line

_STARTED = frozenset({"running", "retrying", "waiting_user"})


@dataclass(frozen=True, slots=True)
class StepTime:
    """Seconds of one step over all its attempts. `left` is a guess, and `None` when there is none."""

    worked: float
    waited: float
    left: float | None


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The longest chain through the dependencies, in the order in which its steps run. All in seconds.

    `left` is what is left of it by the pace of the steps that are done; `None` when none is, or nothing is left.
    """

    steps: tuple[StepState, ...]
    worked: float
    waited: float
    left: float | None


def step_times(state: RunState, now: datetime) -> dict[str, StepTime]:
    """What every step took, and what it may still take: as long as those that are done took on average."""
    worked: dict[str, float] = {}
    waited: dict[str, float] = {}
    for step in state.order:
        waited[step.id] = sum(attempt.waiting_seconds(now) for attempt in step.attempts)
        elapsed = sum(attempt.elapsed_seconds(now) for attempt in step.attempts)
        worked[step.id] = max(0.0, elapsed - waited[step.id])
    done = [worked[step.id] for step in state.order if step.status == "completed" and step.attempts]
    usual = sum(done) / len(done) if done else None
    return {
        step.id: StepTime(worked[step.id], waited[step.id], _left(state, step, now, usual))
        for step in state.order
    }


def _left(state: RunState, step: StepState, now: datetime, usual: float | None) -> float | None:
    if state.ended or step.status in TERMINAL:
        return 0.0
    if usual is None:
        return None
    attempt = step.attempt
    if attempt is None or step.status not in _STARTED:
        return usual
    return max(0.0, usual - attempt.elapsed_seconds(now) + attempt.waiting_seconds(now))


def critical_path(state: RunState, now: datetime) -> CriticalPath:
    """The chain whose steps take the longest together. O(steps + dependencies)."""
    times = step_times(state, now)
    # seconds, and how many steps: with nothing known of any, the chain of most steps
    longest: dict[str, tuple[float, int]] = {}
    before: dict[str, StepState | None] = {}
    for step in _in_order(state):
        needed = (state.steps[name] for name in step.depends_on)
        first = before[step.id] = max(needed, key=lambda s: longest[s.id], default=None)
        seconds, count = longest[first.id] if first else (0.0, 0)
        time = times[step.id]
        longest[step.id] = (seconds + time.worked + time.waited + (time.left or 0.0), count + 1)
    last: StepState | None = max(state.order, key=lambda s: longest[s.id], default=None)
    chain: list[StepState] = []
    while last is not None:
        chain.append(last)
        last = before[last.id]
    chain.reverse()
    taken = [step for step in chain if times[step.id].left != 0.0 or step.attempts]
    lefts = [left for step in taken if (left := times[step.id].left) is not None]
    known = len(lefts) == len(taken)
    return CriticalPath(
        steps=tuple(taken),
        worked=sum(times[step.id].worked for step in taken),
        waited=sum(times[step.id].waited for step in taken),
        left=(sum(lefts) or None) if known else None,
    )


def _in_order(state: RunState) -> Sequence[StepState]:
    """Every step after those it depends on; plans need not name them in that order."""
    missing = {step.id: len(step.depends_on) for step in state.order}
    order = [step for step in state.order if not step.depends_on]
    for step in order:
        for after in state.dependents[step.index]:
            missing[after.id] -= 1
            if not missing[after.id]:
                order.append(after)
    return order


def critical_path_spans(path: CriticalPath, width: int) -> list[list[Span]]:
    """Two lines: the chain, as much of it as fits, and where its time went."""
    if not path.steps:
        return [[Span("Critical path: nothing has run yet", "dim")], []]
    names = [one_line(step.id) for step in path.steps]
    shown = list(names)
    while len(shown) > 2 and len(" > ".join(shown)) + len("Critical path  … > ") > width:
        shown.pop(0)
    chain = ("… > " if len(shown) < len(names) else "") + " > ".join(shown)
    second = [Span("worked "), Span(format_duration(path.worked), "strong")]
    if path.waited >= 1:
        second += [Span(" · "), Span(f"blocked by you {format_duration(path.waited)}", "attention")]
    if path.left is not None:
        second.append(Span(f" · about {format_duration(path.left)} left", "dim"))
    return [[Span("Critical path ", "strong"), Span(chain)], second]
