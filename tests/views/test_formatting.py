"""How numbers and durations are written."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.views.formatting import (
    counted,
    format_clock,
    format_count,
    format_duration,
    format_money,
    format_progress,
    format_tokens,
)


@pytest.mark.parametrize(
    ("tokens", "written"),
    [
        (None, "?"),
        (812, "812"),
        (8_140, "8.1k"),
        (33_000, "33.0k"),
        (99_949, "99.9k"),
        (99_950, "100k"),
        (330_499, "330k"),
        (999_499, "999k"),
        (999_500, "1.0M"),
        (1_240_000, "1.2M"),
        (240_000_000, "240M"),
        (1_240_000_000, "1.2B"),
    ],
)
def test_tokens_are_rounded(tokens: int | None, written: str) -> None:
    assert format_tokens(tokens) == written


@given(st.integers(0, 10**9))
def test_counts_and_tokens_fit_their_columns(number: int) -> None:
    assert len(format_count(number)) <= 5
    assert len(format_tokens(number)) <= 5


def test_counts_are_exact_with_separators() -> None:
    assert [format_count(number) for number in (0, 812, 1_204, 9_999, 10_000, 12_345)] == (
        ["0", "812", "1,204", "9,999", "10.0k", "12.3k"]
    )
    assert format_progress(9_500, 10_000) == "9,500/10,000"
    assert [counted(number, "step") for number in (0, 1, 2, 12_345)] == (
        ["0 steps", "1 step", "2 steps", "12,345 steps"]
    )


def test_money_and_time() -> None:
    assert [format_money(usd) for usd in (None, 0, 0.004, 0.46, 12.3, 1_204.4)] == (
        ["?", "$0.00", "$0.0040", "$0.46", "$12.30", "$1,204"]
    )
    assert [format_clock(seconds) for seconds in (38.9, 761, 3_723, 274_200)] == (
        ["0:38", "12:41", "1:02:03", "3d 04:10"]
    )
    assert [format_duration(seconds) for seconds in (40, 190, 3_720, 183_600)] == (
        ["40s", "3m10s", "1h02m", "2d3h"]
    )
