"""What is seen of a form: what has the focus, the keys that do something, and all of it at any size."""

from __future__ import annotations

from typing import Any

import pytest
from textual.widgets import Static

from piplan_tui.tui.widgets.ask_body import AskBody
from piplan_tui.tui.widgets.ask_fields.option_rows import OptionRows
from piplan_tui.tui.widgets.ask_form import AskForm
from tests.tui.widgets.form_app import AUDIENCE, FORM, REVIEW, SECRET, SINGLE, FormApp

pytestmark = pytest.mark.anyio

MANY = {
    "message": "Pick a model",
    "fields": [{"name": "model", "type": "choice", "options": [f"model {number}" for number in range(40)]}],
}


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


def lines_of(app: FormApp) -> list[str]:
    return [strip.text.rstrip() for strip in app.screen._compositor.render_strips()]


def keys_of(app: FormApp) -> str:
    return str(app.form.query_one(".ask-hint", Static).render())


async def test_an_error_above_does_not_push_out_of_sight_what_has_the_focus() -> None:
    app = FormApp(FORM)
    async with app.run_test(size=(30, 4)) as pilot:
        await pilot.press("tab")
        app.form._editors["slides"].focus_input()
        await pilot.press("9", "9", "tab")
        await pilot.pause()
        assert app.error("slides")
        assert app.form._editors["include"].has_focus_within
        assert any("> 1 [ ] pricing" in line for line in lines_of(app)), lines_of(app)


async def test_what_is_looked_for_is_under_the_cursor_and_in_sight() -> None:
    app = FormApp(MANY)
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.press("G", "k", "slash", "3")
        await pilot.pause()
        assert app.query_one(OptionRows).cursor == 3, "not 38, where the cursor was"
        assert any("> 1 ( ) model 3" in line for line in lines_of(app))
        await pilot.press("down", "enter", "enter")
        await pilot.pause()
    assert app.submitted is not None
    assert app.submitted.values == {"model": "model 13"}


@pytest.mark.parametrize("size", [(80, 40), (30, 8)])
async def test_a_form_that_is_never_told_its_size_is_laid_out_by_it(
    size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def deaf(_form: Any) -> None:
        """Textual leaves the event out for what is mounted while something else is being scrolled."""

    monkeypatch.setattr(AskForm, "on_resize", deaf)
    monkeypatch.setattr(AskBody, "on_resize", deaf)
    blocks = [{"type": "command", "text": "make all"}, {"type": "diff", "text": "-a\n+b"}]
    app = FormApp({**FORM, "context": blocks})
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        assert app.form.has_class("-narrow") == (size[0] < 48)
        assert app.form.has_class("-low") == (size[1] < 14)
        assert [view.size.height for view in app.query(".ask-context")] == [1, 2]


async def test_the_focus_on_the_text_is_seen() -> None:
    app = FormApp(REVIEW)
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        assert isinstance(app.focused, AskBody)
        assert lines_of(app)[0].startswith("▌")
        await pilot.press("tab")
        await pilot.pause()
        assert lines_of(app)[0].startswith(" ")


async def test_the_line_that_is_typed_is_in_sight_where_the_text_has_no_room() -> None:
    app = FormApp({"message": "Notes?", "fields": [{"name": "notes", "type": "multiline", "label": "Notes"}]})
    async with app.run_test(size=(30, 4)) as pilot:
        await pilot.press(*"one", "enter", *"two", "enter", *"three")
        await pilot.pause()
        assert any("three" in line for line in lines_of(app))
        await pilot.press("up", "up")
        await pilot.pause()
        assert any("one" in line for line in lines_of(app))


async def test_the_question_as_it_was_written_is_read_with_the_keys_that_are_named() -> None:
    app = FormApp(FORM)
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.press("ctrl+o")
        await pilot.pause()
        assert "scroll" in keys_of(app)
        first = lines_of(app)[0]
        await pilot.press("j", "j")
        await pilot.pause()
        assert lines_of(app)[0] != first
        await pilot.press("k", "k")
        await pilot.pause()
        assert lines_of(app)[0] == first


@pytest.mark.parametrize("key", ["2", "y", "enter", "space", "slash"])
async def test_a_key_for_a_field_that_is_not_seen_goes_there_and_answers_nothing(key: str) -> None:
    options = [{"value": "a", "key": "y"}, "b", "c"]
    long = "\n\n".join(f"Paragraph {number}." for number in range(30))
    app = FormApp({"message": long, "fields": [{"name": "it", "type": "choice", "options": options}]})
    async with app.run_test(size=(30, 5)) as pilot:
        await pilot.pause()
        await pilot.press("j", "j")
        await pilot.pause()
        assert lines_of(app)[1].endswith("Paragraph 1.")
        await pilot.press(key)
        await pilot.pause()
        assert isinstance(app.focused, OptionRows)
        assert app.said == []
        await pilot.press("2")
    assert app.submitted is not None
    assert app.submitted.values == {"it": "b"}


DIFF = {"type": "diff", "text": "\n".join(f"+line {number}" for number in range(60))}


async def test_the_whole_context_is_read_from_its_beginning() -> None:
    app = FormApp({**SINGLE, "context": [DIFF]})
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.pause()
        await pilot.press("c")
        await pilot.pause()
        assert "+line 0" in lines_of(app)[0]
        assert keys_of(app).startswith("PgDn PgUp read · Tab answer")
        await pilot.press("pagedown")
        await pilot.pause()
        assert any("+line 25" in line for line in lines_of(app))
        assert isinstance(app.focused, AskBody)
        await pilot.press("c")
        await pilot.pause()
        assert isinstance(app.focused, OptionRows)
        assert any("> 1 ( ) Seed investors" in line for line in lines_of(app))
        assert app.said == []


async def test_context_is_reached_by_keys_from_a_field_of_text() -> None:
    app = FormApp({"message": "Name?", "context": [DIFF], "fields": [{"name": "name", "type": "text"}]})
    async with app.run_test(size=(80, 20)) as pilot:
        await pilot.press("c", "shift+tab", "c")
        await pilot.pause()
        assert app.draft == {"name": "c"}
        assert isinstance(app.focused, AskBody)
        await pilot.press("G")
        await pilot.pause()
        assert any("+line 59" in line for line in lines_of(app))


async def test_short_context_leaves_its_rows_to_the_long_one() -> None:
    short = [{"type": "command", "text": "make"}, {"type": "text", "text": "one\ntwo"}]
    app = FormApp({**SINGLE, "context": [short[0], DIFF, short[1]]})
    async with app.run_test(size=(80, 40)) as pilot:
        await pilot.pause()
        assert [view.size.height for view in app.query(".ask-context")] == [1, 18, 2]


async def test_a_form_that_was_begun_opens_at_its_fields() -> None:
    long = {**SINGLE, "message": "\n\n".join(f"Paragraph {number}." for number in range(30))}
    for draft, at_options in ({}, False), ({"audience": "enterprise"}, True):
        app = FormApp(long, draft=draft)
        async with app.run_test(size=(80, 12)) as pilot:
            await pilot.pause()
            assert isinstance(app.focused, OptionRows) == at_options
            assert any("> 2 (•) Enterprise buyers" in line for line in lines_of(app)) == at_options


async def test_a_text_has_more_rows_the_longer_it_is() -> None:
    app = FormApp({"message": "Notes?", "fields": [{"name": "notes", "type": "multiline"}]})
    async with app.run_test(size=(80, 30)) as pilot:
        for number in range(8):
            await pilot.press(*f"row{number}", "enter")
        await pilot.pause()
        assert [line.strip(" ▌") for line in lines_of(app) if "row" in line] == [f"row{n}" for n in range(8)]
        for _ in range(40):
            await pilot.press("enter")
        await pilot.pause()
        assert any("Send" in line for line in lines_of(app)), "it leaves room for the buttons"


@pytest.mark.parametrize(
    ("request_", "pressed", "said"),
    [
        ({"message": "Name?"}, "", "Enter send · Ctrl-e editor · Esc later"),
        ({"message": "Name?"}, "tab", "Enter press · Ctrl-s send · d decline · Esc later"),
        (SECRET, "", "Tab next · Ctrl-s send · Esc later"),
        (REVIEW, "tab", "Tab next · Ctrl-s to the buttons · Ctrl-e editor · Esc later"),
        ({"message": "Go?", "kind": "url", "url": "https://example.org"}, "", "Ctrl-s accept · d decline · Esc later"),
        (
            {"toolCall": {"title": "rm"}, "options": [
                {"optionId": "1", "name": "Once", "kind": "allow_once"},
                {"optionId": "2", "name": "Always", "kind": "allow_always"},
                {"optionId": "3", "name": "No", "kind": "reject_once"}]},
            "",
            "y Y n send · Enter send · d decline · Esc later",
        ),
    ],
)  # fmt: skip
async def test_the_keys_are_the_ones_that_do_something(request_: Any, pressed: str, said: str) -> None:
    app = FormApp(request_)
    async with app.run_test(size=(80, 16)) as pilot:
        if pressed:
            await pilot.press(pressed)
        await pilot.pause()
        assert said in keys_of(app).replace("Enter press · Ctrl-s accept", "Ctrl-s accept")


async def test_a_high_form_has_two_rows_for_its_keys() -> None:
    app = FormApp(FORM)
    async with app.run_test(size=(52, 33)) as pilot:
        await pilot.pause()
        keys = keys_of(app)
        for key in ("1-3 Space pick", "Tab next", "Ctrl-s send", "d decline", "Esc later"):
            assert key in keys
        assert keys.count("\n") == 1
        assert keys.split("\n") == [line.strip() for line in lines_of(app)[-2:]]


async def test_on_the_smallest_screen_the_way_to_the_answer_is_said() -> None:
    app = FormApp({**FORM, "fields": [AUDIENCE]})
    async with app.run_test(size=(30, 5)) as pilot:
        await pilot.pause()
        assert keys_of(app) == "PgDn PgUp read · Tab answer"


async def test_what_a_title_repeats_is_said_once() -> None:
    app = FormApp({"title": "Which audience?", "message": "Which audience?", "fields": [AUDIENCE]})
    async with app.run_test(size=(80, 16)):
        assert len([line for line in lines_of(app) if "Which audience?" in line]) == 1


async def test_with_nothing_to_fill_in_there_is_nothing_to_send() -> None:
    app = FormApp({"kind": "url", "message": "Please log in", "url": "https://example.org/login"})
    async with app.run_test(size=(80, 16)) as pilot:
        assert any("Accept" in line and "Send" not in line for line in lines_of(app))
        await pilot.press("enter")
    assert app.submitted is not None
    assert (app.submitted.action, app.submitted.values) == ("accept", {})
