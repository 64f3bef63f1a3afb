from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from piplan_tui.agents.protocol import Notice, SessionEvent, TextDelta, ToolEnded, ToolOutput, ToolStarted
from piplan_tui.run.redact import Redactor
from piplan_tui.run.transcript_reader import Found, TranscriptFind, read_part, read_part_before
from piplan_tui.run.transcript_writer import PIECE, TranscriptWriter


def written(path: Path, *events: SessionEvent) -> Path:
    writer = TranscriptWriter(Redactor())
    for event in events:
        writer.add(event)
    path.write_bytes(writer.take(everything=True))
    return path


def found(path: Path, text: str, slice_bytes: int = 1_000) -> TranscriptFind:
    find = TranscriptFind(path, text)
    while not find.done:
        find.scan(slice_bytes)
    return find


def test_parts_put_together_are_the_whole(tmp_path: Path) -> None:
    path = written(tmp_path / "1", *(Notice(f"line {n}") for n in range(500)))
    there, back = [], []
    start = 0
    while (part := read_part(path, start, 700)).said:
        there += part.said
        start = part.end
    end = part.size
    while end:
        part = read_part_before(path, end, 700)
        back = part.said + back
        end = part.start
    assert there == back
    assert [event for _, event in there] == [Notice(f"line {n}") for n in range(500)]


def test_a_line_that_is_not_whole_is_left_for_later(tmp_path: Path) -> None:
    path = written(tmp_path / "1", Notice("whole"))
    with path.open("ab") as file:
        file.write(b'{"type":"notice","te')
    part = read_part(path, 0, 1_000)
    assert [event for _, event in part.said] == [Notice("whole")]
    assert part.end < part.size


def test_a_line_longer_than_what_is_asked_for_is_read_nevertheless(tmp_path: Path) -> None:
    path = tmp_path / "1"
    path.write_text('{"type":"notice","text":"a"}\n{"type":"notice","text":"' + "x" * 9_000 + '"}\n')
    *_, (_, last) = read_part_before(path, path.stat().st_size, 100).said
    assert last == Notice("x" * 9_000)


def test_a_huge_output_is_in_short_lines_and_comes_back_whole(tmp_path: Path) -> None:
    text = "".join(f"line {n} äöü\n" for n in range(20_000))
    path = written(tmp_path / "1", ToolStarted("c", "bash"), ToolEnded("c", True, text))
    assert max(map(len, path.read_bytes().splitlines())) < PIECE * 4
    pieces = [event for _, event in read_part(path, 0, 10**9).said if isinstance(event, ToolOutput)]
    assert "".join(piece.text for piece in pieces) == text
    assert [piece.continues for piece in pieces] == [False] + [True] * (len(pieces) - 1)


def test_an_output_that_grows_is_not_written_again_and_again(tmp_path: Path) -> None:
    lines = [f"line {n}\n" for n in range(3_000)]
    grown = [ToolOutput("c", "".join(lines[: n + 1]), at=n / 1000) for n in range(len(lines))]
    path = written(tmp_path / "1", ToolStarted("c", "bash"), *grown, ToolEnded("c", True, "".join(lines)))
    assert path.stat().st_size < 8 * sum(map(len, lines))
    *_, (_, last), (_, ended) = read_part(path, 0, 10**9).said
    assert ended == ToolEnded("c", True, "".join(lines)) or last == grown[-1]


def test_a_search_goes_through_the_whole_log_forth_and_back(tmp_path: Path) -> None:
    events = [TextDelta(f"word {n} {'Needle needle' if n % 100 == 0 else ''}\n") for n in range(1_000)]
    path = written(tmp_path / "1", *(part for e in events for part in (e, Notice("-"))))
    find = found(path, "needle")
    assert find.total == 20
    at, seen = None, []
    for _ in range(21):
        at = find.next(at, 1)
        assert at is not None
        seen.append(at)
    assert seen[20] == seen[0]
    assert [find.position(one) for one in seen[:20]] == list(range(1, 21))
    assert find.next(seen[0], -1) == seen[19]
    assert find.nearest(seen[4].place) == seen[4]
    assert found(path, "Needle").total == 10
    assert found(path, "none such").next(None, 1) is None


def test_what_is_written_after_the_search_is_found_too(tmp_path: Path) -> None:
    path = written(tmp_path / "1", Notice("needle"))
    find = found(path, "needle")
    with path.open("ab") as file:
        file.write(b'{"type":"notice","text":"a needle"}\n')
    find.scan(10_000)
    assert find.total == 2


@pytest.mark.parametrize(
    ("text", "pattern", "count"),
    [
        ("nee\x1b[31mdle", "needle", 1),
        ("a\tb", "a   b", 1),
        ('say "hi" \\ there', '"hi" \\', 1),
        ("ÄRGER Ärger", "ärger", 2),
        ("ÄRGER Ärger", "Ärger", 1),
        ("文字 文", "文", 2),
        ("nee\u200bdle", "needle", 0),
        ("x" * 70_000 + "end", "end", 1),
    ],
)
def test_it_finds_what_is_shown(tmp_path: Path, text: str, pattern: str, count: int) -> None:
    assert found(written(tmp_path / "1", TextDelta(text)), pattern).total == count


def test_of_the_outputs_of_a_call_only_the_last_counts(tmp_path: Path) -> None:
    outputs = [ToolOutput("c", "needle " * n, at=n * 10.0) for n in (1, 2, 4)]
    path = written(
        tmp_path / "1", ToolStarted("c", "bash", "needle"), *outputs, ToolEnded("c", True, "a needle")
    )
    assert found(path, "needle").total == 2


@settings(max_examples=60, deadline=None)
@given(st.lists(st.text("ab ", max_size=9), max_size=30), st.text("ab", min_size=1, max_size=2), st.data())
def test_next_and_previous_are_inverse(
    tmp_path_factory: pytest.TempPathFactory, texts: list[str], pattern: str, data: st.DataObject
) -> None:
    path = written(tmp_path_factory.mktemp("log") / "1", *map(Notice, texts))
    find = found(path, pattern, data.draw(st.integers(1, 500)))
    assert find.total == sum(text.count(pattern) for text in texts)
    at: Found | None = None
    for position in range(1, find.total + 1):
        at = find.next(at, 1)
        assert at is not None
        assert find.position(at) == position
        after = find.next(at, 1)
        assert find.next(after, -1) == at
