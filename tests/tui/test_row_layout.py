"""Rows in columns."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.tui.row_layout import columns_for, glyph_column, phase_line, step_line, work_line
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
