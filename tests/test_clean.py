"""Text of agents can neither drive the terminal nor deceive its reader."""

from __future__ import annotations

import unicodedata
from itertools import pairwise

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from piplan_tui.clean import StreamCleaner, clean_text

HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from(
            "\x1b\x9b\x9d\x90\x9f\x9e\x98\x9c\x07\x18\x1a\r\n\t[]PX^_\\0;m\x7f\u202e\u2028\ud800"
            "\u200d\ufe0f\U0001f468"
        ),
        st.characters(),
    )
)
PLAIN = st.text(alphabet=st.characters(exclude_categories=("Cc", "Cs", "Cf", "Zl", "Zp")) | st.just("\n"))


@pytest.mark.parametrize(
    ("dirty", "clean"),
    [
        ("a\x1b[31mred\x1b[0m", "ared"),
        ("\x1b[38;2;1;2;3mx", "x"),
        ("\x1b[?1049hx\x1b[2J", "x"),
        ("\x1b]52;c;ZXZpbA==\x07x", "x"),
        ("\x1b]8;;http://e.vil\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x1b]0;title\x9cx", "x"),
        ("\x9d0;title\x9cx", "x"),
        ("\x9b31mx", "x"),
        ("\x1bPq#0;2\n~\x1b\\x", "x"),
        ("\x90data\x9cx", "x"),
        ("\x1b_Gf=1\x1b\\x\x1b^pm\x1b\\y\x1bXsos\x1b\\z", "xyz"),
        ("\x1bPtmux;\x1b\x1b]52;c;eA==\x07\x1b\\x", "x"),
        ("\x1b]0;never ended", ""),
        ("\x1b]0;never ended\nnext line", "\nnext line"),
        ("\x1b[12;", ""),
        ("\x1b", ""),
        ("\x1b(Bx\x1b7y\x1bcz", "xyz"),
        ("a\x00b\x08c\x7fd\x85e", "abcde"),
        ("one\r\ntwo\rthree\r\r\nfour", "one\ntwo\nthree\nfour"),
        ("a\u2028b", "a\nb"),
        ("abc\u202edef\u2066g\u200fh", "abcdefgh"),
        ("\ud83d", "\ufffd"),
        ("family \U0001f468\u200d\U0001f469", "family \U0001f468\u200d\U0001f469"),
        ("\u2764\ufe0f\u200d\U0001f525", "\u2764\ufe0f\u200d\U0001f525"),
        ("\u200da\u200db \u200d\U0001f468\u200d", "ab \U0001f468"),
        ("\U0001f468\u200d\u200d\U0001f469", "\U0001f468\U0001f469"),
        ("\U0001f468\x1b[0m\u200d\U0001f469", "\U0001f468\U0001f469"),
        ("tab\tand\nnewline", "tab\tand\nnewline"),
    ],
)
def test_what_a_terminal_would_act_on_is_removed_whole(dirty: str, clean: str) -> None:
    assert clean_text(dirty) == clean


def test_a_label_is_one_line() -> None:
    assert clean_text("a\n\n\tb\x1b[1mc\r\nd", keep_newlines=False) == "a bc d"


def test_clean_text_is_given_back_as_it_is() -> None:
    text = "plain " * 100
    assert clean_text(text) is text


@given(HOSTILE)
def test_no_control_character_is_left(text: str) -> None:
    cleaned = clean_text(text)
    assert {c for c in cleaned if unicodedata.category(c) in ("Cc", "Cs", "Zl", "Zp")} <= {"\n", "\t"}
    assert clean_text(cleaned) == cleaned


@given(PLAIN)
def test_plain_text_is_unchanged(text: str) -> None:
    assert clean_text(text) == text


@given(HOSTILE, st.lists(st.integers(min_value=0, max_value=40), max_size=8))
@example("\x1b\x1b]0;x\x1b\\y\r\r\nz", [1, 2, 3, 4, 5, 6, 7, 8])
@example("\x9d0;\nkept", [1])
@example("\U0001f468\u200d\U0001f468\u200d\u200d\U0001f468", [1, 2, 3, 4, 5, 6])
@example("\U0001f468\u200d\x1b[0m\U0001f468", [1, 2, 3])
@example("\r\u200d\U0001f468", [1])
def test_pieces_add_up_to_the_whole(text: str, cuts: list[int]) -> None:
    cleaner = StreamCleaner()
    places = sorted({min(cut, len(text)) for cut in cuts} | {0, len(text)})
    pieces = [text[a:b] for a, b in pairwise(places)]
    assert "".join(cleaner.feed(piece) for piece in pieces) + cleaner.finish() == clean_text(text)


def test_one_character_at_a_time_gives_the_same() -> None:
    text = "a\x1b]0;t\nu\x07b\x1b[31mc\r\r\nd\x1b]52;open\nend\r"
    cleaner = StreamCleaner()
    assert "".join(map(cleaner.feed, text)) + cleaner.finish() == clean_text(text)


def test_a_string_that_never_ends_is_not_held_for_ever() -> None:
    cleaner = StreamCleaner()
    shown = cleaner.feed("\x1b]0;")
    for _ in range(20):
        shown += cleaner.feed("x" * 5_000 + "\n")
    assert "x" * 5_000 in shown
    whole = "\x1b]0;" + ("x" * 5_000 + "\n") * 20
    assert shown + cleaner.finish() == clean_text(whole)
