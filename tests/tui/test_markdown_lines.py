from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.tui.markdown_lines import MarkdownLine, looks_like_markdown, markdown_lines
from tests.support.processor_time import takes_less_than

SIGNS = st.text(st.sampled_from("ab *_`#>-+1.|:[]()!<&~\\\n\t\x1b\u200d文👩"), max_size=80)


def drawn(text: str, width: int = 40) -> list[str]:
    return [f"{line.lead}{line.text}" for line in markdown_lines(text, width)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("# Head *x*\ntext", ["# Head x", "", "text"]),
        ("one\ntwo\n\nthree", ["one", "two", "", "three"]),
        ("- a\n- b\n  - c\n\nend", ["• a", "• b", "  • c", "", "end"]),
        ("3. x\n4. y", ["3. x", "4. y"]),
        ("> q\n> r", ["│ q", "│ r"]),
        ("```py\nx = 1\n  y\n```", ["  x = 1", "    y"]),
        ("[l](http://x.org) **b** `c`", ["l (http://x.org) b c"]),
        ("![alt](http://x.org/p.png)", ["[alt] (http://x.org/p.png)"]),
        ("<b>[/] [@click=app.quit]x[/]</b>", ["<b>[/] [@click=app.quit]x[/]</b>"]),
        ("[x](javascript:alert)", ["[x](javascript:alert)"]),
        ("\x1b[31mred\x1b]0;t\x07", ["red"]),
        ("| a | b |\n|---|--:|\n| 文 | 1 |", ["a        b", "────  ────", "文       1"]),
    ],
)
def test_it_reads_as_it_was_meant(text: str, lines: list[str]) -> None:
    assert drawn(text) == lines


def test_styles_are_where_the_signs_were() -> None:
    [line] = markdown_lines("a **b** *c* `d` ~~e~~", 40)
    assert {(line.text[start:end], style) for start, end, style in line.marks} == {
        ("b", "strong"),
        ("c", "emphasis"),
        ("d", "code"),
        ("e", "strike"),
    }


@pytest.mark.parametrize("width", [20, 40, 120])
def test_a_table_fits(width: int) -> None:
    table = "| Vendor | Price | Notes |\n|---|--:|---|\n" + "| a vendor | 12 | " + "many words " * 9 + "|\n"
    assert max(cell_len(line) for line in drawn(table, width)) <= width


@settings(max_examples=200, deadline=None)
@given(SIGNS | st.text(max_size=60), st.integers(1, 60))
@example("1.", 1)
@example("`\t`", 1)
def test_any_text_becomes_clean_lines(text: str, width: int) -> None:
    for line in markdown_lines(text, width):
        assert isinstance(line, MarkdownLine)
        assert not any(ord(c) < 32 or 127 <= ord(c) < 160 for c in f"{line.lead}{line.rest}{line.text}")
        assert len(line.lead) == len(line.rest)
        assert all(0 <= start <= end <= len(line.text) for start, end, _ in line.marks)
    looks_like_markdown(text)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("[" * 20_000, id="brackets"),
        pytest.param("*a " * 20_000, id="stars"),
        pytest.param("> " * 5_000, id="quotes"),
        pytest.param("|a" * 5_000 + "|\n" + "|-" * 5_000 + "|", id="table"),
        pytest.param("_*" * 20_000, id="emphasis"),
        pytest.param("![" * 9_999, id="pictures"),
    ],
)
def test_no_text_is_slow(text: str) -> None:
    with takes_less_than(3):
        markdown_lines(text, 80)
