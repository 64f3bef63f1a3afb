"""Transcripts are written beside the loop: a slow disk holds up nobody, and the order stays."""

from __future__ import annotations

import os
from pathlib import Path

import anyio
import anyio.to_thread
import pytest

from piplan_tui.agents.protocol import Notice, SessionEvent
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run import transcript_files
from piplan_tui.run.transcript import Transcripts, decode_transcript
from piplan_tui.run.transcript_files import TranscriptFiles
from tests.support.demo_runtime import runtime_in

pytestmark = pytest.mark.anyio


def slow_file(path: Path) -> Path:
    """A file that nobody can write to before it is read."""
    path.parent.mkdir(parents=True, exist_ok=True)
    os.mkfifo(path)
    return path


async def read(path: Path) -> bytes:
    return await anyio.to_thread.run_sync(path.read_bytes)


def numbers(data: bytes) -> list[str]:
    return [event.text for event in decode_transcript(data.splitlines()) if isinstance(event, Notice)]


async def test_the_loop_goes_on_while_the_disk_does_not(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    slow = slow_file(transcripts.path("a", 1) or tmp_path)
    transcripts.add("a", 1, Notice("one"))
    flushed = anyio.Event()

    async def flush() -> None:
        await transcripts.flush()
        flushed.set()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(flush)
        heard: list[SessionEvent] = []
        transcripts.subscribe(lambda step, attempt, event: heard.append(event))
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        transcripts.add("b", 1, Notice("meanwhile"))
        assert heard == [Notice("meanwhile")]
        assert not flushed.is_set()
        assert numbers(await read(slow)) == ["one"]
    assert flushed.is_set()
    await transcripts.flush()
    assert await transcripts.tail("b", 1) == [Notice("meanwhile")]


async def test_what_was_said_while_a_tail_was_read_is_in_it_once(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    slow = slow_file(transcripts.path("b", 1) or tmp_path)
    transcripts.add("a", 1, Notice("before"))
    transcripts.add("b", 1, Notice("holds up"))
    async with anyio.create_task_group() as tasks:
        tasks.start_soon(transcripts.flush)
        while not transcripts._files.reading.locked():
            await anyio.lowlevel.checkpoint()
        tails: list[list[SessionEvent]] = []

        async def tail() -> None:
            tails.append(await transcripts.tail("a", 1))

        tasks.start_soon(tail)
        for _ in range(100):
            await anyio.lowlevel.checkpoint()
        transcripts.add("a", 1, Notice("meanwhile"))
        assert tails == []
        await read(slow)
    assert tails == [[Notice("before"), Notice("meanwhile")]]
    await transcripts.finish("a", 1)
    assert await transcripts.tail("a", 1) == [Notice("before"), Notice("meanwhile")]


async def test_the_places_of_lines_that_are_not_written_yet_are_those_they_get(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    transcripts.add("a", 1, Notice("one"))
    await transcripts.flush()
    files = transcripts._files
    write_and = files.write_and

    async def late(work):  # type: ignore[no-untyped-def]  # as that of the class
        found = await write_and(work)
        transcripts.add("a", 1, Notice("two"))
        transcripts.add("a", 1, Notice("three"))
        return found

    files.write_and = late  # type: ignore[method-assign]  # something is said while it is read
    early = await transcripts.tail_part("a", 1, 1_000)
    del files.write_and
    await transcripts.finish("a", 1)
    written = await transcripts.tail_part("a", 1, 1_000)
    assert [event for _, event in early.said] == [Notice("one"), Notice("two"), Notice("three")]
    assert early == written


async def test_many_writers_keep_the_order_of_each_attempt(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    said = [str(number) for number in range(400)]

    async def say(step: str) -> None:
        for number, text in enumerate(said):
            transcripts.add(step, 1, Notice(text))
            if number % 7 == 0:
                await transcripts.flush()
        await transcripts.finish(step, 1)

    async with anyio.create_task_group() as tasks:
        for step in ("a", "b", "c"):
            tasks.start_soon(say, step)
    for step in ("a", "b", "c"):
        assert numbers((tmp_path / step / "1.jsonl").read_bytes()) == said


async def test_too_much_that_waits_is_written_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transcript_files, "MAX_WAITING_BYTES", 10)
    files = TranscriptFiles()
    path = tmp_path / "a" / "1.jsonl"
    files.put(path, b"12345\n")
    assert not path.exists()
    files.put(path, b"67890\n")
    assert path.read_bytes() == b"12345\n67890\n"


PLAN = PlanSpec.model_validate(
    {
        "id": "p",
        "title": "A plan",
        "executionMode": "parallel",
        "steps": [
            {"id": "a", "title": "a", "goal": "Write."},
            {"id": "b", "title": "b", "goal": "Read."},
        ],
    }
)


async def test_a_transcript_is_whole_when_its_step_is_told_to_be_over(tmp_path: Path) -> None:
    whole: dict[str, bool] = {}
    async with runtime_in(tmp_path) as runtime:
        run = await runtime.create_run(PLAN)

        def hear(event: ev.RuntimeEvent) -> None:
            if isinstance(event, ev.StepCompleted):
                path = run.transcripts.path(event.step_id, event.attempt)
                assert path is not None
                whole[event.step_id] = event.summary in path.read_text() if path.exists() else False

        run.subscribe(hear)
        await run.start()
        await run.wait()
    assert whole == {"a": True, "b": True}


async def test_a_step_is_not_over_before_its_transcript_is_written(tmp_path: Path) -> None:
    async with runtime_in(tmp_path) as runtime:
        run = await runtime.create_run(PLAN)
        slow = slow_file(run.transcripts.path("a", 1) or tmp_path)
        ended = {name: anyio.Event() for name in ("a", "b")}

        def hear(event: ev.RuntimeEvent) -> None:
            if isinstance(event, ev.StepCompleted):
                ended[event.step_id].set()

        run.subscribe(hear)
        await run.start()
        while not run.transcripts._files.reading.locked():
            await anyio.lowlevel.checkpoint()
        assert not ended["a"].is_set()
        assert run.state.steps["a"].status == "running"
        reader = os.open(slow, os.O_RDONLY | os.O_NONBLOCK)  # from now on it can be written to
        try:
            assert (await run.wait()).status == "completed"
        finally:
            os.close(reader)
        assert ended["a"].is_set()
