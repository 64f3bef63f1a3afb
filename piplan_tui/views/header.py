"""The two lines above a run, as chips that drop one at a time when the screen gets narrow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from rich.cells import cell_len, set_cell_size

from piplan_tui.run.state import RunState, RunStatus, StepStatus
from piplan_tui.views.estimate import estimate_text
from piplan_tui.views.formatting import (
    GLYPHS,
    RUN_WORDS,
    format_clock,
    format_money,
    format_progress,
    format_tokens,
)
from piplan_tui.views.line import STATUS_ROLES, Role, Span, one_line
from piplan_tui.views.step_row import limit_note, nearest_limit

NEVER = 1_000
"""The rank of a chip that no width drops."""
_GAP = 2
_SHORTEST = 4


@dataclass(frozen=True, slots=True)
class Chip:
    """A part of a line. The lowest `rank` is dropped first.

    A chip with `grow` may be cut to `least` cells (further when nothing is left to drop) and takes the room
    that is left, up to its text.
    `bar` (0 to 1) makes it a progress bar that fills its room. `right` begins the part at the right edge.
    """

    spans: tuple[Span, ...]
    rank: int
    least: int = 0
    grow: bool = False
    bar: float | None = None
    right: bool = False
    gap: int = _GAP

    @property
    def width(self) -> int:
        return sum(cell_len(span.text) for span in self.spans)

    @property
    def minimum(self) -> int:
        return min(self.least, self.width) if self.grow and self.bar is None else self.least or self.width


def fit_chips(chips: Sequence[Chip], width: int) -> list[Span]:
    """One line of exactly `width` cells: drops chips until their least widths fit, then shares what is left."""
    kept = list(chips)
    inner = max(0, width - 2)
    while len(kept) > 1 and _minimum(kept) > inner:
        lowest = min(kept, key=lambda chip: chip.rank)
        if lowest.rank >= NEVER:
            break
        kept.remove(lowest)
    spare = max(0, inner - _minimum(kept))
    missing = max(0, _minimum(kept) - inner)
    line: list[Span] = [Span(" ")]
    used = 0
    for index, chip in enumerate(kept):
        room = chip.minimum
        if chip.grow:
            wanted = 40 if chip.bar is not None else chip.width
            extra = max(0, min(spare, wanted - room))
            shrink = min(missing, max(0, room - _SHORTEST))
            room, spare, missing = room + extra - shrink, spare - extra, missing - shrink
        if index:
            before = chip.gap
            if chip.right:
                before += spare
                spare = 0
            line.append(Span(" " * before))
            used += before
        line += _bar(chip.bar, room) if chip.bar is not None else _cut(chip.spans, room)
        used += room
    line.append(Span(" " * max(0, width - 1 - used)))
    return _cut(line, width)


def _minimum(chips: Sequence[Chip]) -> int:
    return sum(chip.minimum for chip in chips) + sum(chip.gap for chip in chips[1:])


def _bar(share: float, room: int) -> list[Span]:
    inner = max(0, room - 2)
    filled = min(inner, round(share * inner))
    if share > 0 and filled == 0:
        filled = 1
    if share < 1 and filled == inner:
        filled = max(0, inner - 1)
    return [Span("["), Span("#" * filled, "accent"), Span("-" * (inner - filled), "dim"), Span("]")]


def _cut(spans: Sequence[Span], room: int) -> list[Span]:
    """The spans in exactly `room` cells; `…` marks what is cut off."""
    total = sum(cell_len(span.text) for span in spans)
    if total <= room:
        return [*spans, Span(" " * (room - total))] if total < room else list(spans)
    result: list[Span] = []
    left = room - 1
    for span in spans:
        size = cell_len(span.text)
        if size >= left:
            result.append(Span(set_cell_size(span.text, left), span.role))
            break
        result.append(span)
        left -= size
    return [*result, Span("…", "dim")] if room > 0 else []


_COUNT_ORDER: tuple[tuple[StepStatus, int], ...] = (
    ("completed", 90),
    ("reused", 60),
    ("running", 92),
    ("retrying", 70),
    ("waiting_user", NEVER),
    ("failed", NEVER),
    ("blocked", 62),
    ("paused", 50),
    ("queued", 64),
    ("skipped", 52),
    ("cancelled", 54),
    ("pending", 66),
)


def header_lines(
    state: RunState, now: datetime, width: int, *, left: float | None = None, elsewhere: int = 0
) -> tuple[list[Span], list[Span]]:
    """Title, file, run, state and clock; then counts, progress, slots, tokens, money, estimate and the reason.

    `left` is for how many more seconds the run is likely to go on, if that is known; `elsewhere` is how many
    questions other runs have.
    Each line is exactly `width` cells wide. The counts of failed steps and of open asks are always there.
    """
    return fit_chips(_first_line(state, now), width), fit_chips(
        _second_line(state, now, left, elsewhere), width
    )


def _first_line(state: RunState, now: datetime) -> list[Chip]:
    plan_id, title = one_line(state.plan_id), one_line(state.title)
    name: tuple[Span, ...] = (Span(plan_id or title, "strong"),)
    if plan_id and title and title != plan_id:
        name = (*name, Span(f" · {title}"))
    chips = [Chip(name, NEVER, least=28, grow=True)]
    if state.source:
        chips.append(Chip((Span(one_line(state.source.replace("\\", "/").split("/")[-1]), "dim"),), 20))
    right = True
    if state.run_id:
        chips.append(Chip((Span(f"run {short_run_id(state.run_id)}", "dim"),), 30, right=True))
        right = False
    clock = f" {format_clock(state.elapsed_seconds(now))}" if state.started_at else ""
    chips.append(Chip((*run_word(state), Span(clock)), NEVER, right=right))
    return chips


def run_word(state: RunState) -> tuple[Span, ...]:
    """The state of the run in capitals."""
    if state.cancelling:
        return (Span("CANCELLING", "attention"),)
    return (Span(RUN_WORDS[state.status], _RUN_ROLES.get(state.status, "strong")),)


_RUN_ROLES: dict[RunStatus, Role] = {
    "failed": "failed",
    "waiting_user": "attention",
    "interrupted": "attention",
}


def short_run_id(run_id: str) -> str:
    """As much of a run's id as a person needs to name it."""
    return one_line(run_id)[:12]


def _second_line(state: RunState, now: datetime, left: float | None, elsewhere: int) -> list[Chip]:
    chips: list[Chip] = []
    for status, rank in _COUNT_ORDER:
        count = len(state.asks) if status == "waiting_user" else state.counts.get(status, 0)
        if count:
            text = f"{GLYPHS[status]}{count:,}"
            chips.append(Chip((Span(text, STATUS_ROLES[status]),), rank, gap=1))
    if elsewhere:
        text = f"{GLYPHS['waiting_user']}{elsewhere:,} elsewhere"
        chips.append(Chip((Span(text, "attention"),), 95))
    total = len(state.order)
    share = state.done / total if total else 0.0
    chips.append(Chip((Span("#" * 40),), 40, least=12, grow=True, bar=share))
    chips.append(Chip((Span(format_progress(state.done, total)),), 80, gap=1))
    if not state.ended:
        chips.append(Chip((Span(f"slots {state.slots_used}/{state.slots}", "dim"),), 24))
    if (tokens := state.usage.tokens) is not None:
        of = f" of {format_tokens(state.budget_tokens)}" if state.budget_tokens is not None else " tok"
        chips.append(Chip((Span(f"{format_tokens(tokens)}{of}"),), 36))
    cap = state.budget_usd
    if state.usage.cost_usd is not None:
        of = f" of {format_money(cap)}" if cap is not None else ""
        chips.append(Chip((Span(f"{format_money(state.usage.cost_usd)}{of}"),), 38))
    if left is not None:
        chips.append(Chip((Span(estimate_text(left, asks=len(state.asks)), "dim"),), 10))
    if state.status == "running" and (limit := nearest_limit(state)) is not None:
        text = f"{one_line(limit.provider)}: {limit_note(limit, now)}"
        chips.append(Chip((Span(text, "attention"),), 46, least=12, grow=True, right=True))
    if reason := one_line(state.reason):
        role: Role = "failed" if state.status == "failed" else "dim"
        chips.append(Chip((Span(reason, role),), 45, least=12, grow=True, right=True))
    return chips
