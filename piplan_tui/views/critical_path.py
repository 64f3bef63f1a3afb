"""The chain of steps that decides how long a run takes, and how much of it was waiting for the user."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from piplan_tui.run.state import IN_PROGRESS, TERMINAL, RunState, StepState
from piplan_tui.views.formatting import format_duration
from piplan_tui.views.line import Span, one_line


@dataclass(frozen=True, slots=True)
class CriticalPath:
    """The longest chain through the dependencies, in the order in which its steps run. All in seconds.

    `left` is what is left of it by the pace of the steps that are done; `None` when none is, or nothing is left.
    """

    steps: tuple[StepState, ...]
    worked: float
    waited: float
    left: float | None


class StepTimes:
    """What every step of a run took and may still take, for asking again and again.

    A step that is done is measured once and not looked at again, and the order of the steps is found once; the rest
    is a pass over plain numbers, O(steps + dependencies) at every `read`.
    """

    def __init__(self) -> None:
        self._state: RunState | None = None
        self._settled: list[int] = []
        """By place of the step: how many attempts it had when it was done; -1 while it is not."""
        self._worked: list[float] = []
        self._waited: list[float] = []
        self._left: list[float] = []
        self._in_order: list[tuple[int, tuple[int, ...]]] = []
        """Places of steps, each after those it depends on, with the places of those."""
        self._guesses = False

    def read(self, state: RunState, now: datetime) -> None:
        """Bring the times up to date.

        What is not done is guessed to take what it took last time, or else what others took on average.
        """
        if state is not self._state or len(state.order) < len(self._settled):
            self._state, self._settled, self._worked, self._waited, self._in_order = state, [], [], [], []
        if len(state.order) != len(self._in_order):
            more = len(state.order) - len(self._settled)
            self._settled += [-1] * more
            self._worked += [0.0] * more
            self._waited += [0.0] * more
            self._in_order = _in_order(state)
        done, took = 0, 0.0
        open_steps: list[StepState] = []
        for step in state.order:
            if self._settled[step.index] != len(step.attempts) or step.status not in TERMINAL:
                self._measure(step, now)
                if step.status not in TERMINAL:
                    open_steps.append(step)
            if step.status == "completed" and step.attempts:
                done, took = done + 1, took + self._worked[step.index]
        self._guesses = done > 0
        self._left = [0.0] * len(state.order)
        if done and not state.ended:
            for step in open_steps:
                self._left[step.index] = _left(step, now, took / done)

    def _measure(self, step: StepState, now: datetime) -> None:
        waited = sum(attempt.waiting_seconds(now) for attempt in step.attempts)
        elapsed = sum(attempt.elapsed_seconds(now) for attempt in step.attempts)
        self._waited[step.index], self._worked[step.index] = waited, max(0.0, elapsed - waited)
        self._settled[step.index] = len(step.attempts) if step.status in TERMINAL else -1

    @property
    def work_left(self) -> float | None:
        """Seconds of work of all steps that are not done; `None` while nothing is known of any."""
        return sum(self._left) if self._guesses else None

    def critical_path(self) -> CriticalPath:
        """The chain whose steps take the longest together, as of the last `read`."""
        state = self._state
        if state is None:
            return CriticalPath((), 0.0, 0.0, None)
        takes = [sum(parts) for parts in zip(self._worked, self._waited, self._left, strict=True)]
        # seconds, and how many steps: with nothing known of any, the chain of most steps
        longest: list[tuple[float, int]] = [(0.0, 0)] * len(takes)
        before = [-1] * len(takes)
        for place, needed in self._in_order:
            seconds, count = 0.0, 0
            if needed:
                first = before[place] = max(needed, key=longest.__getitem__)
                seconds, count = longest[first]
            longest[place] = (seconds + takes[place], count + 1)
        place = max(range(len(takes)), key=longest.__getitem__, default=-1)
        chain: list[StepState] = []
        while place >= 0:
            chain.append(state.order[place])
            place = before[place]
        chain.reverse()
        known = self._guesses or state.ended
        open_or_tried = [
            step for step in chain if step.attempts or not (state.ended or step.status in TERMINAL)
        ]
        places = [step.index for step in open_or_tried]
        return CriticalPath(
            steps=tuple(open_or_tried),
            worked=sum(self._worked[place] for place in places),
            waited=sum(self._waited[place] for place in places),
            left=(sum(self._left[place] for place in places) or None) if known else None,
        )


def _left(step: StepState, now: datetime, usual: float) -> float:
    attempt = step.attempt
    started = attempt is not None and step.status in IN_PROGRESS
    before = (a for a in reversed(step.attempts) if a.status == "completed")
    # a step that is run again is likely to take what it took when it was last completed
    last = next((a.elapsed_seconds(now) - a.waiting_seconds(now) for a in before), usual)
    if attempt is None or not started:
        return max(0.0, last)
    return max(0.0, last - attempt.elapsed_seconds(now) + attempt.waiting_seconds(now))


def critical_path(state: RunState, now: datetime) -> CriticalPath:
    """The chain whose steps take the longest together, asked for once. O(steps + dependencies)."""
    times = StepTimes()
    times.read(state, now)
    return times.critical_path()


def _in_order(state: RunState) -> list[tuple[int, tuple[int, ...]]]:
    """Every step after those it depends on; plans need not name them in that order."""
    missing = {step.id: len(step.depends_on) for step in state.order}
    order = [step for step in state.order if not step.depends_on]
    for step in order:
        for after in state.dependents[step.index]:
            missing[after.id] -= 1
            if not missing[after.id]:
                order.append(after)
    return [(step.index, tuple(state.steps[name].index for name in step.depends_on)) for step in order]


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
        second += [Span(" · "), Span(f"waited for you {format_duration(path.waited)}", "attention")]
    if path.left is not None:
        second.append(Span(f" · about {format_duration(path.left)} of it left", "dim"))
    return [[Span("Critical path ", "strong"), Span(chain)], second]
