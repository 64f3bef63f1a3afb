"""Pictures of the form and the transcript, at the sizes of a small terminal, a large one, and a side pane."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from textual.color import Color
from textual.pilot import Pilot

from piplan_tui.agents.protocol import SessionEvent, TextDelta, ToolEnded, ToolStarted
from piplan_tui.tui.terminal_guard import AsciiFilter
from tests.tui.widgets.form_app import FORM, REVIEW, SECRET, SINGLE, FormApp
from tests.tui.widgets.transcript_app import SESSION, TranscriptApp

SMALL = (80, 24)
LARGE = (120, 40)
UNDER_THE_TREE = (80, 8)
PANE = (53, 30)
SnapCompare = Callable[..., bool]


@pytest.fixture(autouse=True)
def _same_everywhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.delenv("NO_COLOR", raising=False)


def form(request: object, draft: dict[str, Any] | None = None) -> FormApp:
    app = FormApp(request, draft)
    app.animation_level = "none"
    return app


async def no_blink(pilot: Pilot[Any]) -> None:
    """A cursor that blinks is another picture every half second."""
    for widget in pilot.app.query("Input, TextArea"):
        widget.cursor_blink = False
    await pilot.pause()


@pytest.mark.parametrize(
    "size", [SMALL, LARGE, UNDER_THE_TREE, PANE], ids=["80x24", "120x40", "80x8", "53x30"]
)
def test_form(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(form(FORM), terminal_size=size, run_before=no_blink)


@pytest.mark.parametrize("size", [SMALL, UNDER_THE_TREE], ids=["80x24", "80x8"])
def test_single_choice(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(form(SINGLE), terminal_size=size, press=["2"], run_before=no_blink)


def test_form_with_errors(snap_compare: SnapCompare) -> None:
    async def send(pilot: Pilot[Any]) -> None:
        await no_blink(pilot)
        await pilot.press("ctrl+s")
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()

    app = form(FORM, {"slides": "99", "brand": "no/such.pdf", "include": ["team"]})
    assert snap_compare(app, terminal_size=LARGE, run_before=send)


@pytest.mark.parametrize("size", [SMALL, UNDER_THE_TREE], ids=["80x24", "80x8"])
def test_review(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(form(REVIEW), terminal_size=size, run_before=no_blink)


def test_secret_and_declining(snap_compare: SnapCompare) -> None:
    async def decline(pilot: Pilot[Any]) -> None:
        await pilot.press("a", "b", "c", "tab", "d")
        await no_blink(pilot)

    assert snap_compare(form(SECRET), terminal_size=SMALL, run_before=decline)


PAGES = {
    "message": "Some questions.",
    "questions": [
        {"header": "Colour", "question": "Which colour?", "options": [{"label": "Red"}, {"label": "Blue"}]},
        {"header": "Sizes", "question": "Which sizes?", "multiSelect": True, "options": ["S", "M", "L"]},
        {"header": "Name", "question": "And what name?", "options": []},
    ],
}
LONG_LIST = {
    "message": "Which of them?",
    "fields": [{"name": "o", "type": "choice", "options": [f"option {number}" for number in range(200)]}],
}
INTERNATIONAL = {
    "title": "国際化 🎉 עברית",
    "message": "名前は？ مرحبا بالعالم",
    "fields": [
        {"name": "名前", "type": "text", "label": "名前 👩‍👩‍👧 (必須)", "default": "山田 🎉"},
        {"name": "rtl", "type": "choice", "label": "שפה", "options": ["עברית", "العربية", "日本語"]},
        {"name": "d", "type": "date", "label": "A label that is much longer than its column"},
    ],
}
LONG_QUESTION = {
    "message": "# A long question\n\n"
    + "\n\n".join(f"Paragraph **{number}** of it." for number in range(20)),
    "fields": [{"name": "a", "type": "text", "label": "Your answer"}],
}


@pytest.mark.parametrize("size", [SMALL, PANE], ids=["80x24", "53x30"])
def test_pages(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    async def turn(pilot: Pilot[Any]) -> None:
        await pilot.press("1", "ctrl+n")
        await no_blink(pilot)

    assert snap_compare(form(PAGES), terminal_size=size, run_before=turn)


def test_an_option_that_is_looked_for(snap_compare: SnapCompare) -> None:
    async def find(pilot: Pilot[Any]) -> None:
        await pilot.press("slash", "1", "9", "down")
        await no_blink(pilot)

    assert snap_compare(form(LONG_LIST), terminal_size=SMALL, run_before=find)


def test_international_form(snap_compare: SnapCompare) -> None:
    assert snap_compare(form(INTERNATIONAL), terminal_size=SMALL, run_before=no_blink)


@pytest.mark.parametrize("size", [SMALL, (30, 8)], ids=["80x24", "30x8"])
def test_a_long_question(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(form(LONG_QUESTION), terminal_size=size, run_before=no_blink)


@pytest.mark.parametrize("size", [SMALL, LARGE, PANE], ids=["80x24", "120x40", "53x30"])
def test_transcript(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(TranscriptApp(SESSION), terminal_size=size)


def test_transcript_search(snap_compare: SnapCompare) -> None:
    async def search(pilot: Pilot[Any]) -> None:
        assert isinstance(pilot.app, TranscriptApp)
        await pilot.pause()
        assert pilot.app.view.search("rate limit") == 43
        await pilot.pause()

    assert snap_compare(TranscriptApp(SESSION), terminal_size=SMALL, run_before=search)


MARKDOWN: list[SessionEvent] = [
    TextDelta(
        "# Prices\n\nThe **second** vendor meters by `token`, see [its page](https://vendor.example/prices).\n\n"
        "1. read the *lists*\n2. compare\n   - per call\n   - per token\n\n> not [/] markup\n\n"
        "```python\nprice = tokens * rate\n```\n\n"
        "| vendor | price | what it counts |\n|---|--:|---|\n| 第二 | 1.20 | tokens 👩‍👩‍👧 |\n| first | 30 | calls |\n"
    ),
    ToolStarted("1", "bash", "make", at=1_772_460_133.0),
    ToolEnded("1", True, "ok", at=1_772_460_136.5),
]


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_messages_laid_out(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(TranscriptApp(MARKDOWN), terminal_size=size)


@pytest.mark.parametrize("size", [SMALL, LARGE], ids=["80x24", "120x40"])
def test_question_as_written(snap_compare: SnapCompare, size: tuple[int, int]) -> None:
    assert snap_compare(form(FORM), terminal_size=size, press=["ctrl+o"], run_before=no_blink)


@pytest.mark.anyio
async def test_a_transcript_in_ascii_is_ascii() -> None:
    for session in (SESSION, MARKDOWN):
        app = TranscriptApp(session)
        async with app.run_test(size=(80, 40)) as pilot:
            await pilot.pause()
            lines = list(app.screen._compositor.render_strips())
            filtered = [strip.apply_filter(AsciiFilter(), Color(0, 0, 0)) for strip in lines]
            assert all(strip.text.isascii() for strip in filtered)
            assert [strip.cell_length for strip in filtered] == [strip.cell_length for strip in lines]
