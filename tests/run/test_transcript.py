from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.agents.protocol import Notice, SessionEvent, TextDelta, ThinkingDelta, ToolEnded, ToolStarted
from piplan_tui.run.redact import Redactor
from piplan_tui.run.transcript import Transcripts

pytestmark = pytest.mark.anyio


async def test_streamed_words_become_one_line_and_come_back_in_order(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    for word in ("Let ", "me ", "look. "):
        transcripts.add("a", 1, TextDelta(word))
    transcripts.add("a", 1, ToolStarted("c1", "bash", "ls"))
    transcripts.add("a", 1, ToolEnded("c1", True, "x"))
    transcripts.add("a", 1, ThinkingDelta("hm"))
    await transcripts.flush()
    lines = (tmp_path / "a" / "1.jsonl").read_bytes().splitlines()
    assert len(lines) == 4
    assert await transcripts.tail("a", 1) == [
        TextDelta("Let me look. "),
        ToolStarted("c1", "bash", "ls"),
        ToolEnded("c1", True, "x"),
        ThinkingDelta("hm"),
    ]


async def test_tail_holds_what_was_said_up_to_now_and_subscribers_the_rest(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    heard: list[tuple[str, int, SessionEvent]] = []
    transcripts.add("a", 1, TextDelta("one "))
    stop = transcripts.subscribe(lambda *said: heard.append(said))
    history = await transcripts.tail("a", 1)
    transcripts.add("a", 1, TextDelta("two"))
    stop()
    transcripts.add("a", 1, TextDelta("three"))
    assert history == [TextDelta("one ")]
    assert heard == [("a", 1, TextDelta("two"))]


async def test_a_long_transcript_is_read_from_its_end_and_a_torn_line_is_passed_over(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    for number in range(1000):
        transcripts.add("a", 1, Notice(f"line {number}"))
    await transcripts.finish("a", 1)
    with (tmp_path / "a" / "1.jsonl").open("ab") as file:
        file.write(b'{"type":"text","te')
    tail = await transcripts.tail("a", 1, max_bytes=500)
    assert tail[-1] == Notice("line 999")
    assert 5 < len(tail) < 20
    assert len(await transcripts.tail("a", 1, max_bytes=10_000_000)) == 1000


async def test_without_a_folder_only_the_newest_are_kept() -> None:
    transcripts = Transcripts(None)
    for number in range(5000):
        transcripts.add("a", 1, Notice(str(number)))
    await transcripts.finish("a", 1)
    tail = await transcripts.tail("a", 1)
    assert len(tail) == 2000
    assert tail[-1] == Notice("4999")


async def test_a_secret_spread_over_pieces_of_text_does_not_reach_the_file(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.learn({"TOKEN": 'hun"ter2'})
    transcripts = Transcripts(tmp_path, redactor)
    for piece in ("it is hun", '"te', "r2 indeed"):
        transcripts.add("a", 1, TextDelta(piece))
    await transcripts.flush()
    assert await transcripts.tail("a", 1) == [TextDelta("it is $secret:TOKEN indeed")]


async def test_a_folder_that_cannot_be_written_is_said_and_ends_nothing(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a file where the folder should be")
    transcripts = Transcripts(tmp_path)
    transcripts.add("a", 1, TextDelta("x"))
    await transcripts.flush()
    assert "transcripts are not being kept" in transcripts.problem
