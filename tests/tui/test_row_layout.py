"""Rows in columns."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.tui.row_layout import (
    columns_for,
    glyph_column,
    heading_line,
    phase_line,
    step_line,
    work_line,
)
from piplan_tui.views.line import Span
from piplan_tui.views.row_cells import RowCells
from piplan_tui.views.step_work import WorkRow

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Mn", "Me")), max_size=40)
cells = st.builds(
    RowCells,
    status=st.sampled_from(["running", "failed", "pending"]),
    name=texts,
    note=texts,
    note_role=st.just("dim"),
    progress=st.lists(st.builds(Span, texts)).map(tuple),
    agent=texts,
    tokens=texts,
    tools=texts,
    money=texts,
    elapsed=texts,
)


@given(cells, st.integers(1, 220), st.booleans(), st.booleans(), st.booleans())
def test_a_row_is_exactly_as_wide_as_its_columns(
    row: RowCells, width: int, flat: bool, cursor: bool, numbers: bool
) -> None:
    columns = columns_for(width, 12, flat=flat, numbers=numbers)
    for line in (
        step_line(row, columns, glyph="✓", cursor=cursor),
        phase_line(row, columns, glyph="✓", cursor=cursor, folded=True),
        work_line(
            WorkRow("tool:1", "tool", (Span(row.name), Span(row.note)), row.elapsed), columns, cursor=cursor
        ),
        work_line(None, columns, cursor=cursor),
    ):
        assert cell_len("".join(span.text for span in line)) == width


def test_the_spinner_is_where_the_glyph_is() -> None:
    row = RowCells("running", "name", "", "dim")
    for flat in (True, False):
        columns = columns_for(80, 12, flat=flat)
        text = "".join(span.text for span in step_line(row, columns, glyph="@", cursor=False))
        assert text.index("@") == glyph_column(columns, phase=False)
        text = "".join(span.text for span in phase_line(row, columns, glyph="@", cursor=False, folded=False))
        assert text.index("@") == glyph_column(columns, phase=True)


def test_numbers_of_phases_and_steps_are_in_the_same_columns() -> None:
    row = RowCells("running", "name", "note", "dim", (), "pi", "8.1k", "3", "$0.11", "2:04")
    for width in (40, 50, 66, 80, 120):
        columns = columns_for(width, 12, flat=False)
        one = "".join(span.text for span in step_line(row, columns, glyph="✓", cursor=False))
        other = "".join(span.text for span in phase_line(row, columns, glyph="✓", cursor=False, folded=False))
        assert one[width - columns.right :] == other[width - columns.right :]


def said(line: list[Span]) -> str:
    return "".join(span.text for span in line)


@given(st.integers(1, 220), st.integers(0, 2), st.lists(texts, max_size=4), texts)
def test_headings_are_exactly_as_wide_as_the_rows(
    width: int, detail: int, agents: list[str], instead: str
) -> None:
    columns = columns_for(width, 12, flat=False, detail=detail, one_agent=len(agents) == 1)
    assert cell_len(said(heading_line(columns, agents=agents))) == width
    assert cell_len(said(heading_line(columns, agents=agents, instead=[Span(instead)]))) == width


@pytest.mark.parametrize("width", [30, 36, 40, 50, 60, 79, 92, 110, 200])
@pytest.mark.parametrize("detail", [0, 1, 2])
@pytest.mark.parametrize("agent", ["pi", "pi sonnet-4-5"])
def test_each_heading_ends_where_its_numbers_end(width: int, detail: int, agent: str) -> None:
    columns = columns_for(width, 12, flat=False, detail=detail, longest_agent=len(agent))
    numbers = {"tokens": "18.6k", "tools": "37", "cost": "$0.11", "time": "2:04"}
    row = RowCells("running", "name", "note", "dim", (), agent, *numbers.values())
    below = said(step_line(row, columns, glyph="x", cursor=False))
    heading = said(heading_line(columns, agents=[agent]))
    shown = [name for name, text in numbers.items() if f" {text} " in f"{below} "]
    assert heading[width - columns.right :].split() == shown
    for name in shown:
        assert heading.index(name) + len(name) == below.rindex(numbers[name]) + len(numbers[name])
    if columns.agent:
        assert heading.index("agent ") == below.index("pi ")


def test_agents_without_a_column_stand_in_the_heading_as_far_as_there_is_room() -> None:
    def left(width: int, *agents: str) -> str:
        columns = columns_for(width, 12, flat=False, one_agent=len(agents) == 1, longest_agent=13)
        return said(heading_line(columns, agents=agents))[: width - columns.right - columns.agent].strip()

    assert left(79) == "step"
    assert left(79, "pi sonnet-4-5") == "agent: pi sonnet-4-5"
    assert left(30, "pi a-model-with-a-name") == "pi a-model-with-a-name"
    assert left(36, "pi a-model-with-a-very-long-name") == "pi a-model-with-a-very-lon…"
    assert left(66, "pi sonnet-4-5", "codex") == "agents: pi sonnet-4-5, codex"
    assert left(48, "pi sonnet-4-5", "codex") == "agents: pi sonnet-4-5, codex"
    assert left(48, "pi sonnet-4-5", "codex", "demo") == "3 agents"
    assert left(79, "pi sonnet-4-5", "codex") == "step", "each row says its own"


@pytest.mark.parametrize("width", [30, 40, 50, 60, 80, 120])
def test_rows_of_a_fan_out_can_be_told_apart_and_keep_their_reasons(width: int) -> None:
    name = "review-the-request-path-of-the-orders-api"
    whole = "the model's provider of codex failed the request: 503 upstream is down"
    rows = [
        RowCells("failed", f"{name}-{n}", whole, "failed", short_note="…503 upstream is down")
        for n in range(8, 13)
    ]
    columns = columns_for(width, len(name) + 3, flat=False)
    drawn = [said(step_line(row, columns, glyph="x", cursor=False)) for row in rows]
    assert len({line[columns.prefix : columns.prefix + columns.name] for line in drawn}) == len(rows)
    assert all("503" in line for line in drawn)


def test_a_note_is_cut_where_it_says_least() -> None:
    def drawn(note: str, short: str) -> str:
        row = RowCells("failed", "a", note, "failed", short_note=short)
        columns = columns_for(36, 1, flat=True, numbers=False)
        return said(step_line(row, columns, glyph="x", cursor=False))[6:].rstrip()

    note = "the handoff files cannot be written: no space left"
    assert drawn(note, "") == "the handoff files cannot be w…"
    assert drawn(note, note) == "the handoff fil… no space left"
    assert drawn(note, "…no space left") == "…no space left"
    note = "pi is not installed: npm install -g pi"
    assert drawn(note, note) == "pi is not installed:…all -g pi"
    assert drawn("short", "…rt") == "short"
