"""Lines out of a stream of bytes."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.agents.lines import LineSplitter


@given(st.lists(st.binary()), st.data())
def test_lines_do_not_depend_on_how_they_arrive(lines: list[bytes], data: st.DataObject) -> None:
    lines = [text.replace(b"\n", b"").replace(b"\r", b"") for text in lines]
    stream = b"".join(text + data.draw(st.sampled_from([b"\n", b"\r\n"])) for text in lines)
    splitter = LineSplitter()
    got: list[bytes] = []
    while stream:
        size = data.draw(st.integers(1, len(stream)))
        got += splitter.feed(stream[:size])
        stream = stream[size:]
    assert got == [text for text in lines if text]


def test_only_lf_ends_a_line() -> None:
    text = '{"a":"\u2028\u2029\x85\x0b"}'.encode()
    assert LineSplitter().feed(text + b"\n") == [text]


def test_a_line_over_the_limit_is_dropped_whole() -> None:
    splitter = LineSplitter(limit=10)
    assert splitter.feed(b"12345") == []
    assert splitter.feed(b"678901") == []
    assert splitter.feed(b"more\nshort\n" + b"x" * 11 + b"\nlast\n") == [b"short", b"last"]
    assert splitter.dropped == 2
