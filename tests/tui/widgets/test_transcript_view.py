from __future__ import annotations

from typing import Any

import pytest
from textual.pilot import Pilot
from textual.screen import Screen
from textual.selection import Selection

from piplan_tui.agents.protocol import (
    Retrying,
    SessionEvent,
    TextDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
)
from tests.tui.widgets.transcript_app import SESSION, TranscriptApp

pytestmark = pytest.mark.anyio


def numbered(*numbers: int) -> list[SessionEvent]:
    return [TextDelta(f"line {number}\n") for number in numbers]


async def drawn(pilot: Pilot[Any], app: TranscriptApp) -> list[str]:
    """The screen, once everything that was written is on it."""
    while app.view._inbox:
        app.view._flush()
    await pilot.pause()
    return app.screen_text


async def test_what_is_written_appears_by_itself() -> None:
    app = TranscriptApp()
    async with app.run_test() as pilot:
        app.write(TextDelta("hel"), TextDelta("lo"))
        while "hello" not in app.screen_text:
            await pilot.pause(0.01)


async def test_the_timer_rests_when_nothing_is_new() -> None:
    app = TranscriptApp()
    async with app.run_test() as pilot:
        app.write(TextDelta("hello"))
        timer = app.view._flush_timer
        assert timer is not None
        assert timer._active.is_set()
        while timer._active.is_set():
            await pilot.pause(0.01)
        assert "hello" in app.screen_text


async def test_tools_say_what_they_took_and_gave() -> None:
    app = TranscriptApp()
    async with app.run_test(size=(61, 12)) as pilot:
        app.write(ToolStarted("1", "bash", "rg x"), ToolEnded("1", True, "a\nb"), seconds=0.4)
        app.write(ToolStarted("2", "bash", "false"), ToolEnded("2", False), seconds=75)
        app.write(ToolStarted("3", "bash", "sleep"), seconds=9)
        assert await drawn(pilot, app) == [
            "✓ bash  rg x                                0.4s  2 lines",
            "    a",
            "    b",
            "✗ bash  false                               1:15",
            "⠹ bash  sleep                               0:09",
            *[""] * 7,
        ]


async def test_another_step_that_has_said_nothing_yet_shows_nothing() -> None:
    app = TranscriptApp()
    async with app.run_test(size=(40, 3)) as pilot:
        app.write(TextDelta("of the step before"))
        assert (await drawn(pilot, app))[0] == "of the step before"
        app.view.show([])
        assert await drawn(pilot, app) == [""] * 3


async def test_a_history_has_no_times() -> None:
    app = TranscriptApp([ToolStarted("1", "bash", "rg x"), ToolEnded("1", True)])
    async with app.run_test(size=(40, 3)) as pilot:
        assert (await drawn(pilot, app))[0] == "✓ bash  rg x"


async def test_a_retry_counts_down() -> None:
    app = TranscriptApp()
    async with app.run_test(size=(60, 3)) as pilot:
        app.write(Retrying(2, 3, 48, "429 rate limit"))
        assert (await drawn(pilot, app))[0] == "↻ 429 rate limit, try 2 of 3 in 0:48"
        app.seconds += 10
        while app.screen_text[0] != "↻ 429 rate limit, try 2 of 3 in 0:38":
            await pilot.pause(0.01)


async def test_scrolling_up_stops_following_and_end_takes_it_up_again() -> None:
    app = TranscriptApp(numbered(*range(50)))
    async with app.run_test(size=(40, 10)) as pilot:
        assert "line 49" in await drawn(pilot, app)
        await pilot.press("k")
        assert not app.view.follow
        before = await drawn(pilot, app)
        app.write(*numbered(50, 51))
        assert await drawn(pilot, app) == before
        await pilot.press("G")
        assert app.view.follow
        assert "line 51" in await drawn(pilot, app)
        app.write(*numbered(52))
        assert "line 52" in await drawn(pilot, app)


@pytest.mark.parametrize("key", ["up", "pageup", "ctrl+u", "g", "home"])
async def test_every_way_up_stops_following(key: str) -> None:
    app = TranscriptApp(numbered(*range(50)))
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press(key)
        assert not app.view.follow
        await pilot.press("end")
        assert app.view.follow


async def test_the_mouse_wheel_stops_following() -> None:
    app = TranscriptApp(numbered(*range(50)))
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot._post_mouse_events([_wheel_up()], app.view)
        assert not app.view.follow


def _wheel_up() -> type:
    from textual.events import MouseScrollUp

    return MouseScrollUp


async def test_what_is_read_stays_in_place_when_the_oldest_lines_leave() -> None:
    app = TranscriptApp(numbered(*range(5_100)))
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("pageup")
        before = await drawn(pilot, app)
        size = app.view.virtual_size
        app.write(*numbered(*range(5_100, 6_000)))
        assert await drawn(pilot, app) == before
        assert app.view.virtual_size == size
        assert size.height == 5_000


async def test_what_is_read_stays_in_place_when_the_width_changes() -> None:
    app = TranscriptApp([TextDelta(f"line {n} " + "word " * 12 + "\n") for n in range(60)])
    async with app.run_test(size=(80, 10)) as pilot:
        await pilot.press("pageup", "pageup")
        top = (await drawn(pilot, app))[0]
        await pilot.resize_terminal(33, 10)
        narrow = (await drawn(pilot, app))[0]
        assert top.startswith(narrow)
        assert narrow.startswith("line ")


async def test_output_unfolds_and_folds() -> None:
    output = "\n".join(f"out {n}" for n in range(8))
    app = TranscriptApp([ToolStarted("1", "ls"), ToolEnded("1", True, output)])
    async with app.run_test(size=(40, 12)) as pilot:
        assert "    … 5 more" in await drawn(pilot, app)
        await pilot.press("+")
        assert "    out 7" in await drawn(pilot, app)
        await pilot.press("-")
        assert "    out 7" not in await drawn(pilot, app)
        await pilot.click(app.view, offset=(3, 0))
        assert "    out 7" in await drawn(pilot, app)


async def test_search_goes_through_the_matches_and_round() -> None:
    app = TranscriptApp(
        [TextDelta("".join(f"line {n} {'Needle' if n % 20 == 0 else ''}\n" for n in range(90)))]
    )
    async with app.run_test(size=(40, 10)) as pilot:
        await pilot.press("g")
        assert app.view.search("needle") == 5
        assert app.view.match_position == 1
        await pilot.press("n")
        assert app.view.match_position == 2
        assert "line 20 Needle" in await drawn(pilot, app)
        await pilot.press("N", "N")
        assert app.view.match_position == 5
        assert "line 80 Needle" in await drawn(pilot, app)
        assert app.view.search("NEEDLE") == 0
        assert app.view.search("") == 0
        assert not app.view.next_match()


async def test_search_finds_what_a_folded_tool_hides() -> None:
    output = "\n".join(f"out {n}" for n in range(40)) + " needle"
    app = TranscriptApp([ToolStarted("1", "ls"), ToolEnded("1", True, output), *numbered(*range(30))])
    async with app.run_test(size=(40, 10)) as pilot:
        assert app.view.search("needle") == 1
        assert any("out 39 needle" in row for row in await drawn(pilot, app))


async def test_a_match_over_a_wrap_is_marked_on_both_rows() -> None:
    app = TranscriptApp([TextDelta("aaaa bbbb")])
    async with app.run_test(size=(7, 4)) as pilot:
        app.view.search("aa bb")
        await drawn(pilot, app)
        marked = [
            "".join(text for text, style, _ in app.view.render_line(y) if style and style.bold)
            for y in (0, 1)
        ]
        assert marked == ["aa", "bb"]


async def test_copied_text_has_the_lines_it_had_before_it_was_wrapped() -> None:
    app = TranscriptApp([TextDelta("one two three four\nfive\n"), ToolStarted("1", "ls", "src")])
    async with app.run_test(size=(10, 10)) as pilot:
        await drawn(pilot, app)
        copied = app.view.get_selection(Selection(None, None))
        assert copied is not None
        assert copied[0] == "one two three four\nfive\n\nls  src"


async def test_text_can_be_selected_with_the_mouse() -> None:
    app = TranscriptApp([TextDelta("one two\nthree four\n")])
    async with app.run_test(size=(40, 10)) as pilot:
        await drawn(pilot, app)
        await pilot.mouse_down(app.view, offset=(4, 0))
        await pilot.hover(app.view, offset=(4, 1))
        await pilot.mouse_up(app.view, offset=(4, 1))
        assert app.screen.get_selected_text() == "two\nthree"


async def test_showing_another_session_replaces_everything() -> None:
    app = TranscriptApp(SESSION)
    async with app.run_test() as pilot:
        await pilot.press("g")
        app.view.show(numbered(1))
        screen = await drawn(pilot, app)
        assert screen[0] == "line 1"
        assert app.view.follow


async def test_from_one_long_session_to_another_nothing_is_laid_out(monkeypatch: pytest.MonkeyPatch) -> None:
    laid_out = 0
    refresh_layout = Screen._refresh_layout

    def counted(screen: Screen[Any], *arguments: Any, **options: Any) -> None:
        nonlocal laid_out
        laid_out += 1
        refresh_layout(screen, *arguments, **options)

    app = TranscriptApp(numbered(*range(100)))
    async with app.run_test(size=(40, 10)) as pilot:
        assert (await drawn(pilot, app))[-2:] == ["line 99", ""]
        monkeypatch.setattr(Screen, "_refresh_layout", counted)
        app.view.expect()
        assert await drawn(pilot, app) == [""] * 10
        app.view.show(numbered(*range(200, 330)))
        assert (await drawn(pilot, app))[-2:] == ["line 329", ""]
        assert laid_out == 0


async def test_no_row_is_wider_than_the_view() -> None:
    app = TranscriptApp(SESSION)
    async with app.run_test(size=(80, 24)) as pilot:
        app.write(ToolOutput("4", "wide 文字" * 30))
        app.view.action_unfold(True)
        for width in (80, 37, 12, 3):
            await pilot.resize_terminal(width, 24)
            await drawn(pilot, app)
            assert {app.view.render_line(y).cell_length for y in range(24)} == {
                app.view.scrollable_size.width
            }


async def test_nothing_hides_behind_the_scrollbar() -> None:
    app = TranscriptApp([TextDelta("x" * 60 + "\n" + "y\n" * 30)])
    async with app.run_test(size=(20, 10)) as pilot:
        await pilot.press("g")
        rows = await drawn(pilot, app)
        assert "".join(rows).count("x") == 60


async def test_another_session_does_not_keep_the_selection() -> None:
    app = TranscriptApp([TextDelta("one two\nthree four\n")])
    async with app.run_test(size=(40, 10)) as pilot:
        await drawn(pilot, app)
        await pilot.mouse_down(app.view, offset=(4, 0))
        await pilot.hover(app.view, offset=(4, 1))
        await pilot.mouse_up(app.view, offset=(4, 1))
        assert app.view.text_selection is not None
        app.view.show(numbered(1))
        assert app.view.text_selection is None


MESSAGE = "# Prices\n- **one** [/]\n- `two`\n\n| a | b |\n|---|---|\n| 1 | 2 |\n"


async def test_a_message_is_laid_out_once_it_is_whole() -> None:
    app = TranscriptApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.write(TextDelta(MESSAGE[:20]), TextDelta(MESSAGE[20:]))
        assert "- **one** [/]" in await drawn(pilot, app)
        app.write(ToolStarted("1", "ls"))
        screen = await drawn(pilot, app)
        assert "• one [/]" in screen
        assert "1     2" in screen
        await pilot.press("M")
        assert "- **one** [/]" in await drawn(pilot, app)
        app.write(TextDelta("*more*"), ToolEnded("1", True))
        app.view.end_message()
        assert "*more*" in await drawn(pilot, app)
        await pilot.press("M")
        screen = await drawn(pilot, app)
        assert "more" in screen
        assert app.view.search("one [/]") == 1


async def test_a_very_long_message_stays_as_it_was_written() -> None:
    app = TranscriptApp()
    async with app.run_test(size=(40, 12)) as pilot:
        app.write(TextDelta("- *a*\n" * 2_000), ToolStarted("1", "ls"))
        assert "- *a*" in await drawn(pilot, app)


async def test_tools_tell_when_they_began() -> None:
    app = TranscriptApp(
        [ToolStarted("1", "bash", "rg x", at=1_772_460_133.0), ToolEnded("1", True, "a", at=1_772_460_136.5)]
    )
    async with app.run_test(size=(90, 3)) as pilot:
        assert "14:02:13    3.5s  1 line" in (await drawn(pilot, app))[0]
