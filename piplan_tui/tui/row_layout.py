"""Where the columns of the tree are at a width, and a row laid out in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len, set_cell_size

from piplan_tui.views.fitting import fit, fit_middle, fit_right
from piplan_tui.views.formatting import counted
from piplan_tui.views.line import STATUS_ROLES, Role, Span
from piplan_tui.views.row_cells import RowCells
from piplan_tui.views.step_work import WorkRow

_ELAPSED, _MONEY, _TOOLS, _TOKENS, _AGENT, _PROGRESS = 8, 8, 6, 7, 12, 11
_WIDE = 92
"""From how many cells there is room for what most rows have in common."""
_EAGER = 16
"""By how many cells a screen counts as wider when all columns are asked for."""
_LEAST_FOR_BOTH_ENDS = 20
"""Cells from which half a note says something."""
_STEP_PREFIX, _FLAT_PREFIX, _PHASE_PREFIX = 7, 4, 5


@dataclass(frozen=True, slots=True)
class Columns:
    """Widths in cells, with the gap to their left; 0 is a column that has no room."""

    width: int
    name: int
    agent: int
    tokens: int
    tools: int
    money: int
    elapsed: int
    flat: bool
    cursor_sign: str = ">"

    @property
    def right(self) -> int:
        """All columns after the note and the agent."""
        return self.tokens + self.tools + self.money + self.elapsed

    @property
    def prefix(self) -> int:
        return _FLAT_PREFIX if self.flat else _STEP_PREFIX


def columns_for(
    width: int,
    longest_name: int,
    *,
    flat: bool,
    numbers: bool = True,
    detail: int = 1,
    longest_agent: int = _AGENT - 1,
    one_agent: bool = False,
    cursor_sign: str = ">",
) -> Columns:
    """The columns that fit. Names get at most a quarter of the width; the note what is left.

    Without `numbers` there are none after the note: nothing has run yet. `detail` 0 leaves them out too, and 2
    keeps them on narrower screens, where the note has less room for it. Agents have all the room that the longest
    needs, up to a quarter of a wide screen; with `one_agent` in all rows they have none on one that is not wide.
    """
    numbers = numbers and detail > 0
    room = width + _EAGER if detail > 1 else width
    if width >= _WIDE:
        agent = min(max(longest_agent, len("agent")) + 1, max(_AGENT, width // 4)) if longest_agent else 0
    else:
        agent = 0 if one_agent and detail < 2 else _AGENT
    agent = agent if numbers and room >= 76 else 0
    tokens = _TOKENS if numbers and room >= 48 else 0
    tools = _TOOLS if numbers and room >= 92 else 0
    money = _MONEY if numbers and room >= 56 else 0
    elapsed = _ELAPSED if numbers and width >= 36 else 0
    left = width - _STEP_PREFIX - 1 - agent - tokens - tools - money - elapsed
    return Columns(
        width=width,
        name=min(longest_name, max(8, width // 4), max(1, left)),
        agent=agent,
        tokens=tokens,
        tools=tools,
        money=money,
        elapsed=elapsed,
        flat=flat,
        cursor_sign=cursor_sign,
    )


def glyph_column(columns: Columns, *, phase: bool) -> int:
    """The cell of the glyph, for a spinner that redraws nothing else."""
    return (_PHASE_PREFIX if phase else columns.prefix) - 2


def heading_line(columns: Columns, *, agents: Sequence[str] = (), instead: Sequence[Span] = ()) -> list[Span]:
    """What stands over the rows, exactly `columns.width` cells: the names of the columns that there are.

    `agents` are those at work, which are named here where they have no column; `instead` is said in their place,
    and in place of the columns where it needs the room.
    """
    pairs = (
        ("tokens", columns.tokens),
        ("tools", columns.tools),
        ("cost", columns.money),
        ("time", columns.elapsed),
    )
    named = [Span(_gap_left("agent", columns.agent), "dim")] if columns.agent else []
    named += [Span(fit_right(text, width), "dim") for text, width in pairs if width]
    room = max(0, columns.width - columns.agent - columns.right)
    if instead:
        if sum(cell_len(span.text) for span in instead) > room:
            named, room = [], columns.width
        return _exact([*_cut(instead, room), *named], columns.width)
    said = "" if columns.agent else _agents_at_work(agents, room - 2)
    return _exact([Span(f" {fit(said or 'step', max(0, room - 1))}", "dim"), *named], columns.width)


def _agents_at_work(agents: Sequence[str], room: int) -> str:
    """As much of who is at work as has room: all names, how many they are, a name that is cut."""
    if not agents:
        return ""
    if len(agents) > 1:
        listed = f"agents: {', '.join(agents)}"
        return listed if cell_len(listed) <= room else counted(len(agents), "agent")
    named = f"agent: {agents[0]}"
    return named if cell_len(named) <= room else agents[0]


def step_line(cells: RowCells, columns: Columns, *, glyph: str, cursor: bool) -> list[Span]:
    """A step's row, exactly `columns.width` cells."""
    marker = columns.cursor_sign if cursor else " "
    note = max(0, columns.width - columns.prefix - columns.name - 1 - columns.agent - columns.right)
    role = STATUS_ROLES[cells.status]
    return _exact(
        [
            Span(" " * (columns.prefix - 4)),
            Span(f"{marker} ", "strong"),
            Span(f"{glyph} ", role),
            Span(fit_middle(cells.name, columns.name) + " ", "strong" if cursor else _name_role(role)),
            Span(_note(cells, note), cells.note_role),
            Span(_gap_left(cells.agent, columns.agent), "dim"),
            *_numbers(cells, columns),
        ],
        columns.width,
    )


def phase_line(cells: RowCells, columns: Columns, *, glyph: str, cursor: bool, folded: bool) -> list[Span]:
    """A phase's row, exactly `columns.width` cells."""
    # what failed and what waits for the user is never left out; the rest is where there is room
    needed = sum(1 + cell_len(span.text) for span in cells.progress if span.role != "dim")
    middle = min(max(_PROGRESS, columns.agent, needed), max(0, columns.width - _PHASE_PREFIX - columns.right))
    progress = _clip(cells.progress, max(0, middle - 1))
    room = max(0, columns.width - _PHASE_PREFIX - middle - columns.right)
    title = fit(cells.name, min(room, cell_len(cells.name)))
    note_room = max(0, room - cell_len(title))
    return _exact(
        [
            Span(columns.cursor_sign if cursor else " ", "strong"),
            Span("▸ " if folded else "▾ ", "dim"),
            Span(f"{glyph} ", STATUS_ROLES[cells.status]),
            Span(title, "strong"),
            Span(_gap_left(cells.note, note_room, gap=2), cells.note_role),
            Span(" "),
            *progress,
            *_numbers(cells, columns),
        ],
        columns.width,
    )


def work_line(row: WorkRow | None, columns: Columns, *, cursor: bool) -> list[Span]:
    """A row inside a step, exactly `columns.width` cells; an empty one for what is over."""
    inset = columns.prefix + 2
    return _exact(
        [
            Span(" " * (columns.prefix - 4)),
            Span(columns.cursor_sign if cursor else " ", "strong"),
            Span(" " * 5),
            *_cut(row.spans if row else (), max(0, columns.width - inset - columns.elapsed)),
            Span(fit_right(row.elapsed if row else "", columns.elapsed), "dim"),
        ],
        columns.width,
    )


def _note(cells: RowCells, width: int) -> str:
    if not cells.short_note or cell_len(cells.note) <= width:
        return fit(cells.note, width)
    # once it is short it begins with what says most
    if cells.short_note != cells.note or width < _LEAST_FOR_BOTH_ENDS:
        return fit(cells.short_note, width)
    clause = cell_len(cells.note.partition(": ")[0]) + 1
    # what stands before a colon is not cut for the sake of a few cells after it
    end = 1 - (clause - 0.5) / (width - 1) if width / 2 < clause <= width * 3 / 4 else 1 / 2
    return fit_middle(cells.note, width, end=end)


def _name_role(role: Role) -> Role:
    return "plain" if role in ("dim", "done", "running") else role


def _numbers(cells: RowCells, columns: Columns) -> list[Span]:
    pairs = (
        (cells.tokens, columns.tokens),
        (cells.tools, columns.tools),
        (cells.money, columns.money),
        (cells.elapsed, columns.elapsed),
    )
    return [Span(fit_right(text, width), "dim") for text, width in pairs if width]


def _gap_left(text: str, width: int, gap: int = 1) -> str:
    return " " * min(gap, width) + fit(text, max(0, width - gap))


def _clip(spans: Sequence[Span], width: int) -> list[Span]:
    """The spans with a space between them, in exactly `width` cells; a span that does not fit is left out."""
    result: list[Span] = []
    left = width
    for span in spans:
        size = cell_len(span.text) + (1 if result else 0)
        if size > left:
            continue
        if result:
            result.append(Span(" "))
        result.append(span)
        left -= size
    return [*result, Span(" " * left)]


def _cut(spans: Sequence[Span], width: int) -> list[Span]:
    """The spans in exactly `width` cells, with an ellipsis where they do not fit."""
    result: list[Span] = []
    for span in spans:
        if (size := cell_len(span.text)) > width:
            return [*result, Span(fit(span.text, width), span.role)]
        result.append(span)
        width -= size
    return [*result, Span(" " * width)]


def _exact(spans: list[Span], width: int) -> list[Span]:
    """Cut at the right edge: on a screen narrower than the name there is no room for anything else."""
    result: list[Span] = []
    left = width
    for span in spans:
        size = cell_len(span.text)
        if size >= left:
            result.append(Span(set_cell_size(span.text, left), span.role))
            return result
        result.append(span)
        left -= size
    return [*result, Span(" " * left)]
