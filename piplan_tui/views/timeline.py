"""When each step worked and when it waited for the user: bars on one scale. Pure functions of `RunState`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime

from rich.cells import cell_len

from piplan_tui.run.attempt_state import AttemptState
from piplan_tui.run.state import HOLDS_SLOT, TERMINAL, RunState, StepState, StepStatus
from piplan_tui.views.fitting import fit_middle
from piplan_tui.views.formatting import GLYPHS, format_duration
from piplan_tui.views.line import STATUS_ROLES, Role, Span, one_line
from piplan_tui.views.phase_row import phase_status

Interval = tuple[float, float]
"""From and to, in seconds since the run's start."""

CRITICAL = "*"
"""Beside the name of a step on the critical path."""
WORKING, WAITING, FAILED = "█", "▒", GLYPHS["failed"]
_NICE = (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200, 86_400)
_LEAST_TICK = 9
_CLOCK = 7


@dataclass(frozen=True, slots=True)
class Bar:
    """One row: the times at which a step, or any step of a phase, worked, waited for the user and failed.

    `working` and `waiting` never overlap within one attempt; both are sorted.
    """

    name: str
    status: StepStatus
    working: tuple[Interval, ...]
    waiting: tuple[Interval, ...]
    failures: tuple[float, ...]
    took: float
    """Seconds: of a step, of all its attempts; of a phase, from its first start to its last end."""
    steps: int = 1
    key: tuple[str, str] = ("", "")
    """The phase, and the step where it is one."""
    critical: bool = False
    """Whether the step is one of those that decide how long the run takes."""

    @property
    def started(self) -> float | None:
        """When it first did anything."""
        return min((start for start, _ in (*self.working, *self.waiting)), default=None)


def step_bar(state: RunState, step: StepState, now: datetime) -> Bar:
    """The bar of one step, over all its attempts."""
    origin = state.started_at or now
    working: list[Interval] = []
    waiting: list[Interval] = []
    failures: list[float] = []
    took = 0.0
    for attempt in step.attempts:
        start, end = _since(origin, attempt.started_at), _since(origin, attempt.ended_at or now)
        took += end - start
        at = start
        for wait_start, wait_end in _waits(attempt, origin, now):
            if wait_start > at:
                working.append((at, wait_start))
            if wait_end > wait_start:
                waiting.append((wait_start, wait_end))
            at = max(at, wait_end)
        if end > at:
            working.append((at, end))
        if attempt.status == "failed":
            failures.append(end)
    return Bar(
        one_line(step.id),
        step.status,
        tuple(working),
        tuple(waiting),
        tuple(failures),
        took,
        key=(step.phase, step.id),
    )


class StepBars:
    """The bars of the steps of a run, for asking again and again: what does not change any more is made once."""

    def __init__(self) -> None:
        self._state: RunState | None = None
        self._kept: dict[tuple[str, bool, str], tuple[StepStatus, int, Bar]] = {}

    def bar(
        self, state: RunState, step: StepState, now: datetime, *, critical: bool = False, inset: str = ""
    ) -> Bar:
        """The bar of a step, with `inset` before its name."""
        if state is not self._state:
            self._state, self._kept = state, {}
        kept = self._kept.get((step.id, critical, inset))
        if kept is not None and kept[:2] == (step.status, len(step.attempts)):
            return kept[2]
        bar = step_bar(state, step, now)
        if critical or inset:
            bar = replace(bar, name=inset + bar.name, critical=critical)
        if step.status in TERMINAL or not step.attempts:
            self._kept[step.id, critical, inset] = step.status, len(step.attempts), bar
        return bar


def _since(origin: datetime, at: datetime) -> float:
    return max(0.0, (at - origin).total_seconds())


def _waits(attempt: AttemptState, origin: datetime, now: datetime) -> list[Interval]:
    open_wait = [(attempt.waiting_since, now)] if attempt.waiting_since else []
    return [(_since(origin, start), _since(origin, end)) for start, end in [*attempt.waits, *open_wait]]


def phase_bar(state: RunState, title: str, now: datetime, steps: StepBars | None = None) -> Bar:
    """One bar for a phase. It waits where a step of it waited and none worked."""
    phase = state.phases[title]
    made = steps or StepBars()
    bars = [made.bar(state, step, now) for step in phase.steps]
    working = _merged(interval for bar in bars for interval in bar.working)
    waiting = _merged(interval for bar in bars for interval in bar.waiting)
    busy = _merged((*working, *waiting))
    return Bar(
        one_line(title) or "(no phase)",
        phase_status(phase),
        tuple(working),
        tuple(_without(waiting, working)),
        tuple(sorted(failure for bar in bars for failure in bar.failures)),
        busy[-1][1] - busy[0][0] if busy else 0.0,
        steps=len(bars),
        key=(title, ""),
    )


def bars(
    state: RunState,
    now: datetime,
    *,
    grouped: bool,
    critical: Set[str] = frozenset(),
    steps: StepBars | None = None,
) -> list[Bar]:
    """A bar for every phase that has steps; unless `grouped`, below each the bars of its steps, in plan order.

    A plan with one phase has no bar for it. Steps with an id in `critical` are marked. O(steps), also with what is
    kept in `steps`, but then much cheaper.
    """
    made = steps or StepBars()
    phases = [phase for phase in state.phases.values() if phase.steps]
    shown: list[Bar] = []
    for phase in phases:
        if grouped or len(phases) > 1:
            shown.append(phase_bar(state, phase.title, now, made))
        if not grouped:
            inset = "  " if len(phases) > 1 else ""
            shown += [
                made.bar(state, step, now, critical=step.id in critical, inset=inset) for step in phase.steps
            ]
    return shown


def grouped_when_short(state: RunState, rows: int) -> bool:
    """Whether phases are shown in place of steps, because there are more steps than rows."""
    return len(state.order) > rows and sum(1 for phase in state.phases.values() if phase.steps) > 1


def _merged(intervals: Iterable[Interval]) -> list[Interval]:
    merged: list[Interval] = []
    for start, end in sorted(intervals):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


def _without(intervals: Sequence[Interval], holes: Sequence[Interval]) -> list[Interval]:
    """What is left of sorted, separate intervals when the holes, also sorted, are cut out of them."""
    left: list[Interval] = []
    first = 0
    for start, end in intervals:
        at = start
        while first < len(holes) and holes[first][1] <= start:
            first += 1
        for hole_start, hole_end in holes[first:]:
            if hole_start >= end:
                break
            if hole_start > at:
                left.append((at, hole_start))
            at = max(at, hole_end)
        if end > at:
            left.append((at, end))
    return left


@dataclass(frozen=True, slots=True)
class Scale:
    """How seconds become cells: `seconds` fill `cells`, after `name_width` cells of names."""

    seconds: float
    cells: int
    name_width: int
    live: bool
    """Whether the right edge is now."""

    def cell(self, at: float) -> int:
        return min(self.cells - 1, max(0, int(at / self.seconds * self.cells)))


def scale(state: RunState, now: datetime, width: int, shown: Iterable[Bar]) -> Scale:
    """The scale for lines of `width` cells."""
    longest = max((cell_len(bar.name) for bar in shown), default=0)
    name_width = max(8, min(longest, width // 3, 28))
    cells = max(4, width - name_width - _CLOCK - 5)
    return Scale(max(1.0, state.span_seconds(now)), cells, name_width, not state.ended)


def scale_line(on: Scale) -> list[Span]:
    """The line above the bars: marks at round times, and `now` at its right edge while the run goes on."""
    nice = (n for n in _NICE if n / on.seconds * on.cells >= _LEAST_TICK)
    every = next(nice, math.ceil(on.seconds))
    cells = [" "] * on.cells
    room = on.cells - (5 if on.live else 0)
    for n in range(int(on.seconds // every) + 1):
        label, at = _tick(n * every), on.cell(n * every)
        if at + len(label) <= room:
            cells[at : at + len(label)] = label
    if on.live:
        cells[-4:] = " now"
    return [Span(" " * (on.name_width + 4)), Span("".join(cells), "dim"), Span(" " * (_CLOCK + 1))]


def _tick(seconds: float) -> str:
    whole = int(seconds)
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if whole and whole % size == 0:
            return f"{whole // size}{unit}"
    return "0" if not whole else format_duration(whole)


def bar_line(bar: Bar, on: Scale, *, cursor: bool = False) -> list[Span]:
    """One row of exactly `name_width + cells + 12` cells: cursor, state, path, name, bar, how long it was busy."""
    cells: list[tuple[str, Role]] = [(" ", "plain")] * on.cells
    if on.live:
        cells[-1] = ("│", "dim")
    working: Role = "running" if bar.status in HOLDS_SLOT else "accent"
    for intervals, char, role in ((bar.working, WORKING, working), (bar.waiting, WAITING, "attention")):
        for start, end in intervals:
            first = on.cell(start)
            last = max(first + 1, math.ceil(min(end, on.seconds) / on.seconds * on.cells))
            for index in range(first, min(last, on.cells)):
                cells[index] = (char, role)
    for failure in bar.failures:
        cells[on.cell(failure)] = (FAILED, "failed")
    name = fit_middle(bar.name, on.name_width)
    took = format_duration(bar.took) if bar.started is not None else ""
    return [
        Span(">" if cursor else " ", "strong"),
        Span(GLYPHS[bar.status], STATUS_ROLES[bar.status]),
        Span(CRITICAL if bar.critical else " ", "strong"),
        Span(f"{name} ", "plain" if bar.key[1] else "strong"),
        *_joined(cells),
        Span(f" {took:>{_CLOCK}}", "dim"),
    ]


def _joined(cells: Iterable[tuple[str, Role]]) -> list[Span]:
    spans: list[Span] = []
    for char, role in cells:
        if spans and spans[-1].role == role:
            spans[-1] = Span(spans[-1].text + char, role)
        else:
            spans.append(Span(char, role))
    return spans
