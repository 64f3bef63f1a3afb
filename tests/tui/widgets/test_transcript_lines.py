from __future__ import annotations

from collections.abc import Iterable

from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.agents.protocol import (
    AskRaised,
    AskWithdrawn,
    Notice,
    Recovered,
    Retrying,
    SessionEvent,
    TextDelta,
    ThinkingDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
)
from piplan_tui.tui.widgets.transcript_lines import Transcript


def shown(transcript: Transcript, width: int = 40) -> list[str]:
    return [
        " " * row.line.indent + row.line.text[row.start : row.end] + ("…" if row.clipped else "")
        for row in transcript.rows(width)
    ]


def transcript_of(*events: SessionEvent, max_rows: int = 5_000) -> Transcript:
    transcript = Transcript(max_rows=max_rows)
    transcript.extend((event, None) for event in events)
    return transcript


def test_pieces_of_an_answer_become_lines() -> None:
    transcript = transcript_of(TextDelta("one "), TextDelta("two\nth"), TextDelta("ree\n"))
    assert shown(transcript) == ["one two", "three", ""]


def test_what_is_of_another_kind_stands_apart() -> None:
    transcript = transcript_of(
        ThinkingDelta("hm"),
        TextDelta("yes\n\n"),
        ToolStarted("1", "read", "a.md"),
        ToolEnded("1", True),
        ToolStarted("2", "read", "b.md"),
        ToolEnded("2", True),
        TextDelta("\ndone"),
    )
    assert shown(transcript) == ["hm", "", "yes", "", "  read  a.md", "  read  b.md", "", "done"]


def test_escape_sequences_that_are_split_over_pieces_never_show() -> None:
    transcript = transcript_of(TextDelta("a\x1b]0;ti"), TextDelta("tle\x07b\x1b["), TextDelta("31mc"))
    assert shown(transcript) == ["abc"]


def test_tool_names_targets_outputs_notices_and_questions_are_cleaned() -> None:
    bad = "x\x1b]52;c;aGk=\x07y"
    transcript = transcript_of(
        ToolStarted("1", bad, bad),
        ToolEnded("1", True, bad),
        Notice(bad),
        Retrying(1, 2, 3, bad),
        AskRaised("q", {"message": bad}),
        AskWithdrawn("q", bad),
    )
    assert "\x1b" not in "".join(shown(transcript))
    assert "52;c" not in "".join(shown(transcript))


def test_output_is_folded_to_its_beginning() -> None:
    transcript = transcript_of(ToolStarted("1", "ls"), ToolEnded("1", True, "a\nb\nc\nd\ne\n"))
    assert shown(transcript) == ["  ls", "    a", "    b", "    c", "    … 2 more"]


def test_no_line_is_folded_alone() -> None:
    transcript = transcript_of(ToolStarted("1", "ls"), ToolEnded("1", True, "a\nb\nc\nd"))
    assert shown(transcript)[-1] == "    d"


def test_of_a_running_or_failed_tool_the_end_is_shown() -> None:
    output = "\n".join(map(str, range(9)))
    running = transcript_of(ToolStarted("1", "sh"), ToolOutput("1", output))
    assert shown(running) == ["  sh", "    … 6 more", "    6", "    7", "    8"]
    failed = transcript_of(ToolStarted("1", "sh"), ToolEnded("1", False, output))
    assert shown(failed) == ["  sh", "    … 4 more", *(f"    {n}" for n in range(4, 9))]


def test_an_end_without_text_keeps_the_output_so_far() -> None:
    transcript = transcript_of(ToolStarted("1", "sh"), ToolOutput("1", "so far"), ToolEnded("1", True))
    assert shown(transcript) == ["  sh", "    so far"]


def test_folded_lines_are_cut_and_unfolded_ones_wrapped() -> None:
    transcript = transcript_of(ToolStarted("1", "sh"), ToolEnded("1", True, "0123456789" * 2))
    assert shown(transcript, 14) == ["  sh", "    012345678…"]
    transcript.unfold_all(True)
    assert shown(transcript, 14) == ["  sh", "    0123456789", "    0123456789"]
    transcript.unfold_all(False)
    assert shown(transcript, 14) == ["  sh", "    012345678…"]


def test_a_history_may_begin_in_the_middle_of_a_call() -> None:
    assert shown(transcript_of(ToolEnded("9", True, "out"))) == ["  tool", "    out"]


def test_a_retry_is_over_when_the_agent_goes_on() -> None:
    transcript = Transcript()
    transcript.extend([(Retrying(2, 3, 48, "429 rate limit"), 10.0)])
    assert transcript.live
    assert shown(transcript) == ["  429 rate limit, try 2 of 3"]
    transcript.extend([(TextDelta("on"), 20.0)])
    assert not transcript.live


def test_a_retry_that_failed_says_so() -> None:
    transcript = Transcript()
    transcript.extend([(Retrying(3, 3, 48, "429"), 10.0), (Recovered(False), 60.0)])
    assert shown(transcript) == ["  429, try 3 of 3: gave up"]


def test_only_the_newest_rows_are_kept() -> None:
    transcript = Transcript(max_rows=100)
    for number in range(1_000):
        transcript.extend([(TextDelta(f"{number}\n"), None)])
    rows = shown(transcript)
    assert len(rows) == 100
    assert rows[0] == "901"
    assert rows[-2:] == ["999", ""]


def test_one_huge_piece_is_cut_to_its_end() -> None:
    transcript = transcript_of(TextDelta("\n".join(map(str, range(10_000)))), max_rows=50)
    assert shown(transcript)[0] == "9950"


def test_a_line_without_end_is_broken_and_kept() -> None:
    transcript = Transcript()
    for _ in range(10):
        transcript.extend([(TextDelta("x" * 999), None)])
    assert "".join(shown(transcript)) == "x" * 9_990


EVENTS = st.lists(
    st.builds(TextDelta, st.text(st.sampled_from("ab \n文\t"), max_size=30))
    | st.builds(ThinkingDelta, st.text(st.sampled_from("ab \n"), max_size=30))
    | st.builds(ToolStarted, st.sampled_from("12"), st.just("sh"))
    | st.builds(ToolOutput, st.sampled_from("12"), st.text(st.sampled_from("ab\n"), max_size=30))
    | st.builds(
        ToolEnded, st.sampled_from("12"), st.booleans(), st.text(st.sampled_from("ab\n"), max_size=30)
    )
    | st.builds(Notice, st.text(st.sampled_from("ab\n"), max_size=10)),
    max_size=60,
)


def grown(parts: Iterable[list[SessionEvent]], max_rows: int) -> list[str]:
    transcript = Transcript(max_rows=max_rows)
    for part in parts:
        transcript.extend((event, None) for event in part)
        transcript.rows(17)
    return shown(transcript, 17)


@given(EVENTS, st.integers(1, 7))
def test_rows_do_not_depend_on_when_they_were_looked_at(events: list[SessionEvent], size: int) -> None:
    parts = [events[start : start + size] for start in range(0, len(events), size)]
    assert grown(parts, 20) == grown([events], 20)
    assert len(grown(parts, 20)) <= 20
