"""Tables in plain text: runs, agents, the steps of a run. Columns are as wide as what stands in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from rich.cells import cell_len

from piplan_tui.run.state import SATISFIED, RunState
from piplan_tui.store.protocol import RunInfo
from piplan_tui.views.formatting import (
    ASCII_GLYPHS,
    GLYPHS,
    format_clock,
    format_money,
    format_progress,
    format_tokens,
    short_duration,
)
from piplan_tui.views.line import one_line
from piplan_tui.views.phase_row import phase_title
from piplan_tui.views.step_row import queue_positions, step_cells


def table(header: Sequence[str], rows: Iterable[Sequence[str]], *, right: Iterable[int] = ()) -> list[str]:
    """Lines of a table. `right` are the columns aligned to the right; the last column is not padded."""
    lines = [list(header), *(list(row) for row in rows)] if header else [list(row) for row in rows]
    if not lines:
        return []
    widths = [max(cell_len(line[column]) for line in lines) for column in range(len(lines[0]))]
    aligned_right = set(right)
    return ["  ".join(_padded(line, widths, aligned_right)).rstrip() for line in lines]


def _padded(line: Sequence[str], widths: Sequence[int], right: set[int]) -> Iterable[str]:
    for column, (text, width) in enumerate(zip(line, widths, strict=True)):
        blank = " " * (width - cell_len(text))
        yield blank + text if column in right else text + blank


def runs_table(infos: Sequence[RunInfo], owned: Mapping[str, bool], now: datetime) -> list[str]:
    """A line per run. `owned` tells of each run whether a live process owns it."""
    rows = []
    for info in infos:
        counts: Mapping[str, int] = info.counts
        rows.append(
            [
                one_line(info.run_id),
                info.current_status(owned=owned.get(info.run_id, False)).replace("waiting_user", "needs you"),
                format_progress(sum(counts.get(status, 0) for status in SATISFIED), info.steps),
                str(info.open_asks or ""),
                format_tokens(info.tokens),
                format_money(info.cost_usd),
                format_clock(info.elapsed_at(now, owned=owned.get(info.run_id, False))),
                short_duration((now - info.updated_at).total_seconds()),
                one_line(info.title),
            ]
        )
    header = ["RUN", "STATE", "DONE", "ASKS", "TOKENS", "COST", "TIME", "AGE", "TITLE"]
    return table(header, rows, right=(2, 3, 4, 5, 6, 7))


def steps_table(state: RunState, now: datetime, *, ascii_only: bool = False) -> list[str]:
    """Every step of a run under the title of its phase, with its state and why it stands there."""
    glyphs = ASCII_GLYPHS if ascii_only else GLYPHS
    positions = queue_positions(state)
    rows: list[list[str]] = []
    headings: dict[int, str] = {}
    for title, phase in state.phases.items():
        if len(state.phases) > 1 or title:
            headings[len(rows)] = phase_title(state, title)
        for step in phase.steps:
            cells = step_cells(state, step, now, queue_position=positions.get(step.id, 0))
            rows.append(
                [
                    f"  {glyphs[step.status]} {cells.name}",
                    cells.agent,
                    cells.tokens,
                    cells.money,
                    cells.elapsed,
                    cells.note,
                ]
            )
    lines: list[str] = []
    for index, line in enumerate(table([], rows, right=(2, 3, 4))):
        if index in headings:
            lines.append(headings[index])
        lines.append(line)
    return lines


def agents_table(agents: Iterable[tuple[str, bool, str, str, str]]) -> list[str]:
    """A line per agent: its name, whether it is installed, its version, where it is, what would help."""
    rows = [
        [
            name,
            "yes" if installed else "no",
            one_line(version),
            one_line(" · ".join(filter(None, (where, hint)))),
        ]
        for name, installed, version, where, hint in agents
    ]
    return table(["AGENT", "INSTALLED", "VERSION", ""], rows)
