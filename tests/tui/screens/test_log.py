"""The log screen on a transcript that is on disk: every part of it can be seen and is searched."""

from __future__ import annotations

import re
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Static

from piplan_tui.agents.protocol import Notice, SessionEvent, TextDelta, ToolEnded, ToolStarted
from piplan_tui.run import events as ev
from piplan_tui.run.transcript import Transcripts
from piplan_tui.tui.screens.log import LogScreen
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import app_on, step

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def log_of(tmp_path: Path, *events: SessionEvent) -> AsyncIterator[tuple[Pilot[Any], LogScreen]]:
    run = RunDouble([step("a", "A step")])
    run.emit(ev.RunStarted())
    run.started("a")
    transcripts = Transcripts(tmp_path)
    run.transcripts = transcripts  # type: ignore[assignment]  # the real one
    for event in events:
        transcripts.add("a", 1, event)
    async with app_on(run).run_test(size=(80, 24)) as pilot:
        await settle(pilot)
        await pilot.press("L")
        await settle(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, LogScreen)
        yield pilot, screen


async def settle(pilot: Pilot[Any]) -> None:
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def shown(pilot: Pilot[Any]) -> str:
    return "\n".join(strip.text for strip in pilot.app.screen._compositor.render_strips())


def title(screen: LogScreen) -> str:
    return str(screen.query_one("#log-title", Static).render())


def long_log() -> list[SessionEvent]:
    """About 2 MB: prose with a needle here and there, and a tool that printed most of it."""
    printed = "".join(f"printed {n:06}{' needle' if n % 10_000 == 5_000 else ''}\n" for n in range(60_000))
    before = [TextDelta(f"before {n} {'Needle' if n == 7 else ''}\n") for n in range(500)]
    after = [TextDelta(f"after {n} {'needle' if n == 400 else ''}\n") for n in range(500)]
    return [*before, ToolStarted("c", "bash", "make"), ToolEnded("c", True, printed), *after]


async def test_it_opens_at_the_end_and_its_beginning_is_one_key_away(tmp_path: Path) -> None:
    async with log_of(tmp_path, *long_log()) as (pilot, screen):
        assert "after 499" in shown(pilot)
        await pilot.press("g")
        await settle(pilot)
        assert "before 0 " in shown(pilot)
        assert "0 % · End: live" in title(screen)
        await pilot.press("G")
        await settle(pilot)
        assert "after 499" in shown(pilot)
        screen._run.transcripts.add("a", 1, TextDelta("live again\n"))  # type: ignore[union-attr]  # the real one
        while "live again" not in shown(pilot):
            await pilot.pause(0.01)


async def test_scrolling_goes_through_all_of_it_both_ways(tmp_path: Path) -> None:
    async with log_of(tmp_path, *long_log()) as (pilot, screen):
        view = screen._view
        await pilot.press("g")
        await settle(pilot)
        seen: list[str] = []
        while screen._part is not None:
            seen += [row.line.text for row in view._rows]
            part = screen._part
            view.scroll_to(y=view.max_scroll_y, animate=False, force=True)
            await pilot.press("j")
            await settle(pilot)
            assert screen._part is not part
        printed = [text for text in seen if re.match(r"printed \d{6}", text)]
        # a line that two parts share is in two pieces
        assert len(printed) > 59_900
        assert printed == sorted(printed)
        view.action_scroll_up()
        for _ in range(3):
            view.scroll_to(y=0, animate=False, force=True)
            await pilot.press("k")
            await settle(pilot)
        assert screen._part is not None
        assert "printed" in shown(pilot)


async def test_the_search_finds_what_is_anywhere_in_it(tmp_path: Path) -> None:
    async with log_of(tmp_path, *long_log()) as (pilot, screen):
        await pilot.press("slash", *"needle", "enter")
        await settle(pilot)
        assert "needle: 8 of 8" in title(screen)
        assert "after 400 needle" in shown(pilot)
        await pilot.press("N")
        await settle(pilot)
        assert "7 of 8" in title(screen)
        assert "printed 055000 needle" in shown(pilot)
        await pilot.press("n", "n")
        await settle(pilot)
        assert "1 of 8" in title(screen)
        assert "before 7 Needle" in shown(pilot)
        for position in range(2, 8):
            await pilot.press("n")
            await settle(pilot)
            assert f"{position} of 8" in title(screen)
            assert f"printed 0{position - 2}5000 needle" in shown(pilot)


async def test_a_search_that_is_changed_or_given_up_leaves_nothing_behind(tmp_path: Path) -> None:
    async with log_of(tmp_path, *long_log()) as (pilot, screen):
        await pilot.press("slash", *"needlx", "backspace", "e")
        await settle(pilot)
        assert "needle: 8 of 8" in title(screen)
        await pilot.press("escape")
        await settle(pilot)
        assert "needle" not in title(screen)
        await pilot.press("slash", *"nowhere", "enter")
        await settle(pilot)
        assert "nowhere: not found" in title(screen)


async def test_what_is_not_written_yet_is_found_too(tmp_path: Path) -> None:
    async with log_of(tmp_path, Notice("one")) as (pilot, screen):
        screen._run.transcripts.add("a", 1, TextDelta("fresh words"))  # type: ignore[union-attr]  # the real one
        await pilot.press("slash", *"fresh", "enter")
        await settle(pilot)
        assert "fresh: 1 of 1" in title(screen)


async def test_a_huge_log_is_never_held_in_memory(tmp_path: Path) -> None:
    """30 MB that a tool printed: what is read at a time is a small part of it, wherever one looks."""
    line = "x" * 99 + "\n"
    transcripts = Transcripts(tmp_path)
    for _ in range(30):
        transcripts.add("a", 1, ToolStarted("c", "bash", "cat"))
        transcripts.add("a", 1, ToolEnded("c", True, line * 10_000))
    await transcripts.finish("a", 1)
    tracemalloc.start()
    try:
        async with log_of(tmp_path, Notice("the end needle")) as (pilot, screen):
            for keys in (["g"], ["G"], ["slash", *"needle", "enter"], ["N"]):
                await pilot.press(*keys)
                await settle(pilot)
            assert "1 of 1" in title(screen)
        assert tracemalloc.get_traced_memory()[1] < 15_000_000
    finally:
        tracemalloc.stop()
