"""What helps to answer: the file that is meant, paths that complete, previews, the question as it was written."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

import pytest
from textual import events
from textual.pilot import Pilot
from textual.widgets import Input, Static

from piplan_tui.tui.widgets.ask_raw import RawRequest
from tests.tui.widgets.form_app import AUDIENCE, FORM, SINGLE, FormApp

pytestmark = pytest.mark.anyio


def screen_of(app: FormApp) -> str:
    return "\n".join(strip.text for strip in app.screen._compositor.render_strips())


async def settled(pilot: Pilot[Any]) -> None:
    await pilot.pause()
    await pilot.app.workers.wait_for_complete()
    await pilot.pause()


def path_field(**rule: Any) -> dict[str, Any]:
    fields = [{"name": "it", "type": "path", "path": rule}, {"name": "next", "type": "text"}]
    return {"message": "Which?", "fields": fields}


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    for name in ("brand/guide.pdf", "brand/guide-old.pdf", "brand/logo.svg", "notes.md", ".hidden/x.pdf"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text("x")
    (tmp_path / "outside.pdf").write_text("secret")
    (folder / "leak").symlink_to(tmp_path)
    return folder


async def test_tab_completes_a_path_then_goes_through_what_there_is(workspace: Path) -> None:
    app = FormApp(path_field(glob="**/*.pdf"), workspace=workspace)
    async with app.run_test() as pilot:
        await pilot.press("b", "tab")
        await settled(pilot)
        assert app.query(Input)[0].value == "brand/"
        await pilot.press("tab")
        await settled(pilot)
        assert app.query(Input)[0].value == "brand/guide"
        shown = str(app.query_one(".ask-found", Static).render())
        assert shown.split("\n") == ["  brand/guide-old.pdf", "  brand/guide.pdf"]
        await pilot.press("tab")
        assert app.query(Input)[0].value == "brand/guide-old.pdf"
        await pilot.press("tab")
        await settled(pilot)
        assert "> brand/guide.pdf" in str(app.query_one(".ask-found", Static).render())
        assert app.draft == {"it": "brand/guide.pdf"}
        await pilot.press("tab")
        await pilot.pause()
        assert app.focused is app.query(Input)[1]
        assert not app.query(".ask-found")


async def test_tab_goes_on_when_nothing_can_be_completed(workspace: Path) -> None:
    app = FormApp(path_field(), workspace=workspace)
    async with app.run_test() as pilot:
        await pilot.press("tab")
        assert app.focused is app.query(Input)[1]
        await pilot.press("shift+tab", "n", "tab")
        await settled(pilot)
        assert app.query(Input)[0].value == "notes.md"
        await pilot.press("tab")
        await settled(pilot)
        assert app.focused is app.query(Input)[1]


async def test_each_of_several_paths_is_completed(workspace: Path) -> None:
    app = FormApp(path_field(multiple=True), workspace=workspace)
    async with app.run_test() as pilot:
        await pilot.press("n", "tab")
        await settled(pilot)
        await pilot.press("enter", *"brand/l", "tab")
        await settled(pilot)
        assert app.draft == {"it": "notes.md\nbrand/logo.svg"}
        await pilot.press("up", "home", "x", "tab")
        await settled(pilot)
        assert isinstance(app.focused, Input), "what is no path is not completed"
        await pilot.press("shift+tab", "home", "delete", "down", "end", "enter", "tab")
        assert isinstance(app.focused, Input), "nor is an empty line"
        await pilot.press("a", "ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"it": ["notes.md", "brand/logo.svg"], "next": "a"}


@pytest.mark.parametrize(
    ("kind", "value"),
    [("text", "one two  2 three"), ("secret", "one\n two  2\n\nthree"), ("path", "one two  2 three")],
)
async def test_lines_that_are_pasted_into_one_are_all_kept(workspace: Path, kind: str, value: str) -> None:
    app = FormApp({"message": "?", "fields": [{"name": "it", "type": kind}]}, workspace=workspace)
    async with app.run_test() as pilot:
        app.post_message(events.Paste("one\r\n two  2\x1b[31m\n\nthree\n"))
        await pilot.pause()
        assert app.form._editors["it"].value == value


async def test_long_text_is_pasted_whole(workspace: Path) -> None:
    app = FormApp({"message": "?", "fields": [{"name": "it", "type": "multiline"}]}, workspace=workspace)
    lines = "\n".join(f"line {number} 日本語" for number in range(200))
    async with app.run_test() as pilot:
        app.post_message(events.Paste(lines))
        await pilot.pause()
        await pilot.press("ctrl+s")
    assert app.submitted is not None
    assert app.submitted.values == {"it": lines}


@pytest.mark.parametrize("typed", ["../", "/", "leak/", "leak", "brand/../../", "~/"])
async def test_no_path_outside_is_told(workspace: Path, typed: str) -> None:
    app = FormApp(path_field(), workspace=workspace)
    async with app.run_test() as pilot:
        app.query(Input)[0].value = typed
        await pilot.press("end", "down")
        await settled(pilot)
        assert not app.query(".ask-found")
        assert app.query(Input)[0].value == typed


async def test_the_lines_of_a_file_that_is_meant_are_shown(tmp_path: Path) -> None:
    lines = [f"line {number} [/]\x1b[31m" for number in range(1, 31)]
    (tmp_path / "brief.md").write_text("\n".join(lines))
    app = FormApp(FORM, workspace=tmp_path)
    async with app.run_test(size=(80, 40)) as pilot:
        await settled(pilot)
        screen = screen_of(app)
        assert "12> line 12 [/]" in screen
        assert "9  line 9 [/]" in screen
        assert "line 20" not in screen


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("../outside.txt", "outside the workspace"),
        ("link", "outside the workspace"),
        ("/etc/passwd", "outside the workspace"),
        ("pipe", "no ordinary file"),
        (".", "no ordinary file"),
        ("none.md", "cannot be read"),
        ("short", "it has no line 12"),
        ("x\0y", "cannot be read"),
    ],
)
async def test_of_other_files_it_is_said_why_not(tmp_path: Path, path: str, said: str) -> None:
    folder = tmp_path / "workspace"
    folder.mkdir()
    (tmp_path / "outside.txt").write_text("hidden\n" * 20)
    (folder / "link").symlink_to(tmp_path / "outside.txt")
    (folder / "short").write_text("one\n")
    os.mkfifo(folder / "pipe")
    app = FormApp({**SINGLE, "context": [{"type": "file", "path": path, "line": 12}]}, workspace=folder)
    async with app.run_test(size=(80, 40)) as pilot:
        await settled(pilot)
        assert "hidden" not in screen_of(app)
        assert said in screen_of(app)


async def test_a_file_with_one_endless_line_is_shown_in_part(tmp_path: Path) -> None:
    (tmp_path / "big").write_bytes(b"x" * 3_000_000 + b"\nsecond\n\xff\xfe\0third")
    app = FormApp({**SINGLE, "context": [{"type": "file", "path": "big", "line": 2}]}, workspace=tmp_path)
    async with app.run_test(size=(80, 40)) as pilot:
        await settled(pilot)
        assert "2> second" in screen_of(app)


async def test_the_option_under_the_cursor_shows_what_it_would_be_like() -> None:
    options = [{"value": 1, "preview": "# One\n- [a](http://x.org)"}, {"value": 2, "preview": "**two** [/]"}]
    app = FormApp({"message": "?", "fields": [{**AUDIENCE, "options": options}]})
    async with app.run_test(size=(80, 24)) as pilot:
        await settled(pilot)
        assert "• a (http://x.org)" in screen_of(app)
        await pilot.press("down")
        await settled(pilot)
        assert "two [/]" in screen_of(app)
        assert "http" not in screen_of(app)
        await pilot.press("down")
        await settled(pilot)
        assert "two" not in screen_of(app)


@pytest.mark.parametrize("request_", [FORM, SINGLE, "what [now]?"], ids=["form", "single", "bare"])
async def test_the_question_as_it_was_written_is_one_key_away(request_: object) -> None:
    app = FormApp(request_)
    async with app.run_test(size=(80, 30)) as pilot:
        await pilot.press("ctrl+o")
        await settled(pilot)
        raw = str(app.query_one(RawRequest).query_one(Static).render())
        assert (raw == request_) if isinstance(request_, str) else ('"message": "Which audience' in raw)
        await pilot.press("escape")
        await settled(pilot)
        assert not app.query(RawRequest)
        assert app.form.has_focus_within
        assert app.said == []


async def test_the_message_is_markdown() -> None:
    app = FormApp({"message": "Which **one**?\n\n- `a` [/]\n- b"})
    async with app.run_test(size=(60, 20)) as pilot:
        await settled(pilot)
        assert "Which one?" in screen_of(app)
        assert "• a [/]" in screen_of(app)


async def test_the_question_as_it_was_written_is_read_with_the_keys_that_are_named() -> None:
    app = FormApp({"message": "?", "fields": [f"field {number}" for number in range(40)]})
    async with app.run_test(size=(80, 16)) as pilot:
        await pilot.press("ctrl+o")
        raw = app.query_one(RawRequest)
        named = str(app.query_one(".ask-hint", Static).render())
        assert named == "as it was asked · ↓ ↑ scroll · Esc back to the form"
        for key, there in (("j", 1), ("down", 2), ("k", 1)):
            await pilot.press(key)
            await pilot.wait_for_scheduled_animations()
            assert raw.scroll_y == there


async def test_the_keys_that_are_named_are_those_that_the_user_chose() -> None:
    class Chosen(FormApp):
        keys_by_id: ClassVar = {"ask.send": "ctrl+g", "ask.later": "f2", "ask.edit": "f3"}

    app = Chosen({"message": "?", "fields": [{"name": "why", "type": "multiline"}]})
    app.set_keymap(app.keys_by_id)
    async with app.run_test(size=(100, 20)) as pilot:
        await pilot.pause()
        named = str(app.query_one(".ask-hint", Static).render())
        assert "ctrl+g" not in named
        assert all(part in named for part in ("Ctrl-g send", "f3 editor", "f2 later"))
        await pilot.press("y", "ctrl+g")
    assert app.submitted is not None
