"""Texts in a number of cells."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from piplan_tui.views.fitting import fit, fit_middle, fit_right

texts = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cf", "Mn", "Me")), max_size=60)


@given(texts, st.integers(0, 70), st.sampled_from([1 / 3, 1 / 2]))
def test_whatever_is_fitted_has_the_width(text: str, width: int, end: float) -> None:
    assert cell_len(fit(text, width)) == width
    assert cell_len(fit_right(text, width)) == width
    assert cell_len(fit_middle(text, width, end=end)) == width


def test_the_end_stays() -> None:
    assert fit_middle("check-audience", 14) == "check-audience"
    assert fit_middle("check-audience", 13) == "check-au…ence"
    assert fit_middle("check-audience", 3) == "ch…"
    assert fit_middle("Read the file src/server.py", 16, end=1 / 2) == "Read the…rver.py"


@given(st.integers(4, 40))
def test_names_that_differ_by_a_number_never_look_alike(width: int) -> None:
    names = [
        "review-the-request-path-of-the-orders-api",
        *(f"review-the-request-path-of-the-orders-api-{n}" for n in range(2, 10)),
    ]
    assert len({fit_middle(name, width) for name in names}) == len(names)


def test_a_mark_does_not_stand_without_its_letter() -> None:
    text = "resume" * 3 + "e\u0301"
    for width in range(4, 19):
        assert "…\u0301" not in fit_middle(text, width)
