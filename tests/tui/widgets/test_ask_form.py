from __future__ import annotations

import sys
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input, Static, TextArea

from piplan_tui.run.asks import FieldError
from piplan_tui.tui.widgets.ask_fields.option_rows import OptionRows
from piplan_tui.tui.widgets.ask_messages import Declined, Postponed
from tests.tui.widgets.form_app import AUDIENCE, FORM, REVIEW, SECRET, SINGLE, FormApp

pytestmark = pytest.mark.anyio


async def type_text(pilot: Pilot[None], text: str) -> None:
    await pilot.press(*("space" if character == " " else character for character in text))


def one_field(**field: Any) -> dict[str, Any]:
    return {"message": "Say.", "fields": [{"name": "it", **field}]}


@pytest.mark.parametrize("allow_other", [True, False])
async def test_the_number_of_the_only_choice_sends_it(allow_other: bool) -> None:
    app = FormApp({**SINGLE, "fields": [{**AUDIENCE, "allowOther": allow_other}]})
    async with app.run_test(size=(80, 8)) as pilot:
        await pilot.press("2")
    assert app.submitted is not None
    assert (app.submitted.values, app.submitted.action) == ({"audience": "enterprise"}, "accept")


async def test_enter_after_the_number_does_not_send_twice() -> None:
    app = FormApp(SINGLE)
    async with app.run_test() as pilot:
        await pilot.press("2", "enter")
    assert app.submitted is not None


async def test_the_key_of_an_option_sends_it() -> None:
    options = [{"value": "once", "key": "o"}, {"value": "never", "key": "v"}]
    app = FormApp(one_field(type="choice", options=options))
    async with app.run_test() as pilot:
        assert "o v send" in hint_of(app)
        await pilot.press("v")
    assert app.submitted is not None
    assert app.submitted.values == {"it": "never"}


async def test_a_number_only_picks_when_there_is_more_to_answer() -> None:
    for more in ({"fields": [AUDIENCE, {"name": "b", "type": "text"}]}, {"actions": REVIEW["actions"]}):
        app = FormApp({**SINGLE, **more})
        async with app.run_test() as pilot:
            app.query_one(OptionRows).focus()
            await pilot.press("1")
            await pilot.pause()
        assert app.submitted is None
        assert app.draft == {"audience": "seed"}


async def test_a_number_does_not_send_over_an_answer_that_was_typed() -> None:
    app = FormApp(SINGLE, draft={"audience": "my aunt"})
    async with app.run_test() as pilot:
        await pilot.press("1")
        await pilot.pause()
        assert app.submitted is None
        await pilot.press("3", "enter")
    assert app.submitted is not None
    assert app.submitted.values == {"audience": "my aunt"}


def hint_of(app: FormApp) -> str:
    return str(app.query_one(".ask-hint", Static).render())


async def test_enter_takes_the_option_under_the_cursor() -> None:
    app = FormApp(SINGLE)
    async with app.run_test() as pilot:
        await pilot.press("down", "enter")
    assert app.submitted is not None
    assert app.submitted.values == {"audience": "enterprise"}


async def test_nothing_is_said_until_the_user_does_something() -> None:
    app = FormApp(FORM, draft={"notes": "so far", "audience": "seed"})
    async with app.run_test() as pilot:
        await pilot.pause()
    assert app.said == []


async def test_another_answer_can_be_typed() -> None:
    app = FormApp(SINGLE)
    async with app.run_test() as pilot:
        await pilot.press("3")
        await type_text(pilot, "my 2 aunts")
        await pilot.press("enter")
    assert app.submitted is not None
    assert app.submitted.values == {"audience": "my 2 aunts"}


async def test_choosing_other_and_typing_nothing_is_no_answer() -> None:
    app = FormApp(SINGLE)
    async with app.run_test() as pilot:
        await pilot.press("3", "enter")
        await pilot.pause()
        assert "needs an answer" in app.error("audience")
    assert app.submitted is None


async def test_a_form_is_filled_from_top_to_bottom() -> None:
    app = FormApp(FORM)
    async with app.run_test() as pilot:
        await pilot.press("1", "enter")
        await pilot.press("end", "backspace", "1", "2", "tab")
        await pilot.press("space", "right", "right", "space", "tab", "tab")
        await type_text(pilot, "no clip art")
        await pilot.press("ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {
        "audience": "seed",
        "slides": 12,
        "include": ["pricing", "team"],
        "notes": "no clip art",
    }


async def test_sending_shows_every_error_and_goes_to_the_first() -> None:
    app = FormApp(FORM)
    async with app.run_test() as pilot:
        await pilot.press("tab", "end", "backspace", "9", "9", "tab", "ctrl+s")
        await pilot.pause()
        assert "needs an answer" in app.error("audience")
        assert "from 1 to 20" in app.error("slides")
        assert app.form._editors["audience"].has_focus_within
        await pilot.press("1")
        assert app.error("audience") == ""
        assert app.error("slides") != ""
    assert app.submitted is None


async def test_an_error_shows_when_a_field_is_left_but_not_before_it_was_touched() -> None:
    app = FormApp(FORM)
    async with app.run_test() as pilot:
        await pilot.press("tab")
        assert app.error("audience") == ""
        await pilot.press("end", "0", "0")
        assert app.error("slides") == ""
        await pilot.press("tab")
        await pilot.pause()
        assert "from 1 to 20" in app.error("slides")


async def test_errors_of_the_host_show_at_their_fields() -> None:
    app = FormApp(FORM)
    async with app.run_test() as pilot:
        app.form.show_errors([FieldError("notes", "too [rude]\x1b[31m")])
        await pilot.pause()
        assert app.error("notes") == "too [rude]"
        assert isinstance(app.focused, TextArea)


async def test_a_field_that_was_emptied_does_not_get_its_default_back() -> None:
    app = FormApp(one_field(type="text", default="draft", required=False))
    async with app.run_test() as pilot:
        await pilot.press("end", *["backspace"] * 5, "ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"it": ""}


@pytest.mark.parametrize(
    ("field", "keys", "value"),
    [
        ({"type": "text"}, "hi there", "hi there"),
        ({"type": "multiline"}, "hi", "hi"),
        ({"type": "secret"}, "s3c", "s3c"),
        ({"type": "number"}, "-1.5", -1.5),
        ({"type": "integer"}, "7", 7),
        ({"type": "boolean"}, "n", False),
        ({"type": "choice", "options": [{"value": 1}, {"value": 2}]}, "2", 2),
        ({"type": "multichoice", "options": [{"value": "a"}, {"value": "b"}]}, "12", ["a", "b"]),
        ({"type": "date"}, "2026-05-31", "2026-05-31"),
        ({"type": "datetime"}, "2026-05-31T14:00", "2026-05-31T14:00:00"),
        ({"type": "path"}, "a/b.txt", "a/b.txt"),
        ({"type": "json"}, "[1]", [1]),
        ({"type": "code", "language": "python"}, "x = 1", "x = 1"),
    ],
    ids=lambda part: part["type"] if isinstance(part, dict) else "",
)
async def test_every_type_can_be_answered(
    field: dict[str, Any], keys: str, value: Any, tmp_path: Path
) -> None:
    app = FormApp(one_field(**field), workspace=tmp_path)
    async with app.run_test() as pilot:
        await type_text(pilot, keys)
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.error("it") == ""
    assert app.submitted is not None
    assert app.submitted.values == {"it": value}


async def test_a_bare_message_is_a_text_box() -> None:
    app = FormApp({"message": "What now?"})
    async with app.run_test() as pilot:
        await type_text(pilot, "go on")
        await pilot.press("ctrl+s")
    assert app.submitted is not None
    assert list(app.submitted.values.values()) == ["go on"]


async def test_a_yes_or_no_question_is_not_answered_by_itself() -> None:
    app = FormApp(one_field(type="boolean"))
    async with app.run_test() as pilot:
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert app.submitted is None
        await pilot.press("y", "enter")
    assert app.submitted is not None
    assert app.submitted.values == {"it": True}


async def test_a_secret_is_masked_sent_and_in_no_draft() -> None:
    app = FormApp(SECRET, draft={"token": "npm_old0", "dry": False})
    async with app.run_test() as pilot:
        assert app.query_one(Input).value == ""
        await type_text(pilot, "npm_ab12")
        assert app.query_one(Input).password
        assert app.draft == {"dry": False}
        await pilot.press("ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"token": "npm_ab12", "dry": False}


async def test_a_draft_comes_back() -> None:
    app = FormApp(FORM, draft={"audience": "my aunt", "slides": "99", "include": ["team"], "notes": "ho"})
    async with app.run_test() as pilot:
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert "from 1 to 20" in app.error("slides")
        await pilot.press("end", "backspace", "ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"audience": "my aunt", "slides": 9, "include": ["team"], "notes": "ho"}


async def test_a_field_is_there_only_while_its_condition_holds() -> None:
    request = {
        "message": "?",
        "fields": [
            {"name": "own", "type": "boolean", "default": False},
            {"name": "path", "type": "text", "showIf": {"field": "own", "equals": True}},
        ],
    }
    app = FormApp(request)
    async with app.run_test() as pilot:
        assert not app.form._editors["path"].display
        await pilot.press("y")
        assert app.form._editors["path"].display
        await pilot.press("tab", "x", "shift+tab", "n")
        assert not app.form._editors["path"].display
        await pilot.press("ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"own": False}


async def test_declining_asks_why_and_can_be_taken_back() -> None:
    app = FormApp(SINGLE)
    async with app.run_test() as pilot:
        await pilot.press("d", "escape", "d")
        await type_text(pilot, "not mine")
        await pilot.press("enter")
    assert [type(message) for message in app.said] == [Declined]
    assert isinstance(app.said[0], Declined)
    assert app.said[0].note == "not mine"


async def test_letters_are_text_in_a_text_field() -> None:
    app = FormApp(one_field(type="text"))
    async with app.run_test() as pilot:
        await type_text(pilot, "dc1")
        await pilot.press("enter")
    assert app.submitted is not None
    assert app.submitted.values == {"it": "dc1"}


async def test_escape_leaves_the_question_open() -> None:
    for request in (SINGLE, FORM, REVIEW, one_field(type="multiline")):
        app = FormApp(request)
        async with app.run_test() as pilot:
            await pilot.press("escape")
        assert [type(message) for message in app.said] == [Postponed]


async def test_the_actions_of_a_review_have_keys() -> None:
    app = FormApp(REVIEW)
    async with app.run_test() as pilot:
        await pilot.press("m")
    assert app.submitted is not None
    assert (app.submitted.action, app.submitted.action_id) == ("accept", "merge")
    assert app.submitted.values == {}


async def test_an_action_demands_the_fields_it_needs() -> None:
    app = FormApp(REVIEW)
    async with app.run_test() as pilot:
        await pilot.press("b")
        await pilot.pause()
        assert app.submitted is None
        assert "needs an answer" in app.error("why")
        await type_text(pilot, "mbd")
        await pilot.press("tab", "b")
    assert app.submitted is not None
    assert (app.submitted.action_id, app.submitted.values) == ("redo", {"why": "mbd"})


async def test_an_action_may_decline() -> None:
    app = FormApp(REVIEW)
    async with app.run_test() as pilot:
        await pilot.press("d")
    assert app.submitted is not None
    assert (app.submitted.action, app.submitted.action_id) == ("decline", "no")


async def test_sending_a_review_does_not_choose_for_the_user() -> None:
    app = FormApp(REVIEW)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+s")
        assert app.submitted is None


async def test_buttons_do_what_they_say() -> None:
    app = FormApp(FORM)
    async with app.run_test(size=(100, 40)) as pilot:
        await pilot.press("1")
        assert await pilot.click(".ask-send")
    assert app.submitted is not None


async def test_an_option_can_be_clicked() -> None:
    app = FormApp(SINGLE)
    async with app.run_test() as pilot:
        assert await pilot.click("OptionRows", offset=(10, 1))
        assert app.draft == {"audience": "enterprise"}


async def test_a_hundred_fields_are_a_small_form() -> None:
    fields = [{"name": f"f{number}", "type": "text", "required": False} for number in range(100)]
    app = FormApp({"message": "?", "fields": fields})
    async with app.run_test() as pilot:
        assert len(app.query("*")) < 80
        await pilot.press("a", "ctrl+pagedown", "b", "ctrl+pageup")
        await pilot.pause()
        assert app.form._editors["f0"].value == "a"
        await pilot.press("ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"f0": "a", "f12": "b"}


async def test_an_error_on_another_page_brings_it_up() -> None:
    fields = [{"name": "a", "page": "One", "required": False}, {"name": "b", "page": "Two"}]
    app = FormApp({"message": "?", "fields": [{"type": "text", **field} for field in fields]})
    async with app.run_test() as pilot:
        await pilot.press("ctrl+s")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert "needs an answer" in app.error("b")
        assert app.form._editors["b"].has_focus_within


async def test_hostile_texts_are_only_text() -> None:
    bad = "[/] [@click=app.bell]x[/] \x1b]0;t\x07"
    request = {
        "message": bad,
        "title": bad,
        "reason": bad,
        "fields": [
            {
                "name": "a",
                "type": "choice",
                "label": bad,
                "description": bad,
                "options": [{"value": "v", "label": bad, "description": bad}],
            },
            {"name": "b", "type": "text", "label": bad, "placeholder": bad, "default": bad},
            {"name": "c", "type": "info", "default": bad},
        ],
        "context": [{"type": kind, "text": bad, "title": bad} for kind in ("diff", "command", "markdown")],
        "actions": [{"id": "x", "label": bad, "key": "[", "result": "accept"}],
    }
    app = FormApp(request)
    async with app.run_test(size=(80, 50)) as pilot:
        await pilot.pause()
        screen = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "[@click=app.bell]x[/]" in screen
        assert "\x1b" not in screen


async def test_long_context_is_folded_until_asked_for() -> None:
    diff = "\n".join(f"+line {number}" for number in range(60))
    app = FormApp({**SINGLE, "context": [{"type": "diff", "text": diff}]})
    async with app.run_test(size=(80, 30)) as pilot:
        view = app.query_one(".ask-context")
        assert view.size.height < 15
        await pilot.press("c")
        await pilot.pause()
        assert view.size.height == 60


async def test_the_option_under_the_cursor_is_always_seen() -> None:
    options = [{"value": number, "label": f"option {number}"} for number in range(30)]
    app = FormApp({"message": "?", "fields": [{**AUDIENCE, "options": options}]})
    async with app.run_test(size=(53, 8)) as pilot:
        for _ in range(20):
            await pilot.press("down")
        await pilot.pause()
        screen = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "option 20" in screen


async def test_a_text_can_be_edited_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    editor = tmp_path / "editor.py"
    editor.write_text("import sys, pathlib\npathlib.Path(sys.argv[1]).write_text('from\\x1b[31m afar\\n')\n")
    monkeypatch.setenv("VISUAL", f"{sys.executable} {editor}")
    app = FormApp(one_field(type="multiline"))
    monkeypatch.setattr(app, "suspend", nullcontext)
    async with app.run_test() as pilot:
        await pilot.press("ctrl+e")
        await app.workers.wait_for_complete()
        await pilot.pause()
        assert app.draft == {"it": "from afar"}


async def test_a_secret_is_never_written_to_a_file_for_an_editor(monkeypatch: pytest.MonkeyPatch) -> None:
    app = FormApp(SECRET)
    monkeypatch.setattr(app, "suspend", lambda: pytest.fail("an editor was opened"))
    async with app.run_test() as pilot:
        await type_text(pilot, "npm_")
        await pilot.press("ctrl+e")
        await app.workers.wait_for_complete()


async def test_the_question_is_in_sight_before_the_first_field() -> None:
    long = "\n\n".join(f"Paragraph {number}." for number in range(30))
    app = FormApp({"message": long, "fields": [{"name": "a", "type": "text"}]})
    async with app.run_test(size=(80, 12)) as pilot:
        await pilot.pause()
        assert "Paragraph 0." in screen_of(app)
        assert "PgDn PgUp read · Tab answer" in hint_of(app)
        await pilot.press("tab", "x")
        await pilot.pause()
        assert app.draft == {"a": "x"}
        assert "Paragraph 0." not in screen_of(app)


@pytest.mark.parametrize("height", [9, 14, 24])
async def test_what_has_the_focus_is_in_sight_with_its_label(height: int) -> None:
    app = FormApp(FORM)
    async with app.run_test(size=(80, height)) as pilot:
        for name in ("audience", "slides", "include", "brand", "notes"):
            await pilot.pause()
            editor = app.form._editors[name]
            assert editor.has_focus_within
            assert app.form.query_one(".ask-body").content_region.contains_region(editor.region), name
            assert f"▌{editor.field.caption}" in screen_of(app)
            await pilot.press("tab")


async def test_pages_are_turned_without_special_keys() -> None:
    fields = [{"name": name, "page": name.upper(), "required": False} for name in ("one", "two", "three")]
    app = FormApp({"message": "?", "fields": [{"type": "text", **field} for field in fields]})
    async with app.run_test(size=(80, 24)) as pilot:
        assert "Page 1 of 3  [ONE]  TWO   THREE" in screen_of(app)
        await pilot.press("a", "enter", "enter")
        await pilot.pause()
        assert "Page 2 of 3   ONE  [TWO]  THREE" in screen_of(app)
        await pilot.press("b", "ctrl+n", "c")
        await pilot.pause()
        assert "Next page" not in screen_of(app)
        await pilot.press("tab", "enter")
        await pilot.pause()
        assert app.form._editors["two"].value == "b"
        await pilot.press("ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"one": "a", "two": "b", "three": "c"}


def many_options(kind: str) -> dict[str, Any]:
    options = [{"value": number, "label": f"option {number}"} for number in range(200)]
    return one_field(type=kind, options=options)


async def test_one_of_many_options_is_found_by_a_part_of_it() -> None:
    app = FormApp(many_options("choice"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        assert "200 options, / finds one" in screen_of(app)
        await pilot.press("slash", *"17", "down")
        await pilot.pause()
        assert "> 2 ( ) option 117" in screen_of(app)
        assert "Esc all options" in hint_of(app)
        await pilot.press("enter")
        await pilot.pause()
        assert "option 117" in screen_of(app)
        assert "option 118" not in screen_of(app)
        assert app.submitted is None, "what is picked is seen before it is sent"
        await pilot.press("enter")
    assert app.submitted is not None
    assert app.submitted.values == {"it": 117}


async def test_what_was_picked_stays_when_something_else_is_looked_for() -> None:
    app = FormApp(many_options("multichoice"))
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.press("end", "space", "home", "pagedown", "2")
        await pilot.press("slash", *"no such thing")
        await pilot.pause()
        assert "no option holds that" in screen_of(app)
        await pilot.press("enter", "slash", "escape")
        await pilot.pause()
        assert app.query_one(OptionRows).has_focus
        assert "option 0" in screen_of(app) or "option 8" in screen_of(app)
        await pilot.press("ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"it": [1, 199]}


def screen_of(app: FormApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())
