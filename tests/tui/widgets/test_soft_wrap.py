from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len, split_graphemes

from piplan_tui.tui.widgets.soft_wrap import clip, graphemes, soft_wrap

TEXTS = st.text(st.sampled_from("ab  文字🚀é\u0301\u200d👩👧-"), max_size=60) | st.text(
    st.characters(exclude_categories=["Cc", "Cs"]), max_size=40
)


def rows_of(text: str, width: int) -> list[str]:
    return [text[start:end] for start, end in soft_wrap(text, width)]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("", [""]),
        ("short", ["short"]),
        ("one two three", ["one two", "three"]),
        ("abcdefghijkl", ["abcdefgh", "ijkl"]),
        ("      indented", ["      in", "dented"]),
        ("第二个供应商按令牌", ["第二个供", "应商按令", "牌"]),
        ("ab 第二个供应", ["ab 第二", "个供应"]),
        ("naïve café au lait", ["naïve", "café au", "lait"]),
        ("xxxxxxx👩‍👩‍👧", ["xxxxxxx", "👩‍👩‍👧"]),
        ("xxxxxxx👍🏽", ["xxxxxxx", "👍🏽"]),
        ("xxxxxxx🇩🇪🇫🇷", ["xxxxxxx", "🇩🇪🇫🇷"]),
        ("xxxxxxx🏳️‍🌈1️⃣", ["xxxxxxx", "🏳️‍🌈1️⃣"]),
        ("אבגדה וזחט", ["אבגדה", "וזחט"]),
    ],
)
def test_breaks_where_a_reader_expects_it(text: str, rows: list[str]) -> None:
    assert rows_of(text, 8) == rows


@given(TEXTS, st.integers(2, 20))
@example("\u200d\u200dab", 2)
@example("\u200d文\u200d\u200d字字", 2)
def test_rows_fit_lose_nothing_but_spaces_and_split_no_grapheme(text: str, width: int) -> None:
    spans = soft_wrap(text, width)
    graphemes, _ = split_graphemes(text)
    edges = {start for start, _, _ in graphemes} | {len(text), 0}
    position = 0
    for start, end in spans:
        assert text[position:start].strip(" ") == ""
        assert cell_len(text[start:end]) <= width
        assert {start, end} <= edges
        position = end
    assert position == len(text)


@given(TEXTS, st.integers(0, 20))
def test_clip_fits(text: str, width: int) -> None:
    clipped = clip(text, width)
    assert cell_len(clipped) <= width
    assert clipped == text or clipped.endswith("…") or width == 0


@pytest.mark.parametrize("text", ["👩‍👩‍👧👩‍👩‍👧", "🇩🇪🇫🇷", "👍🏽👍🏽", "\u200d\u200d文字", "e\u0301" * 3])
def test_clip_splits_no_grapheme(text: str) -> None:
    assert clip(text, 3).removesuffix("…") in {text[:end] for _, end, _ in graphemes(text)} | {text}
