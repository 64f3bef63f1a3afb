"""Peek, files in the user's own programs, and the keys of a run on the screen of a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from textual.widgets import Static

from piplan_tui.agents.protocol import TextDelta
from piplan_tui.run.model import HandoffDescriptor, HandoffFile
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.tui import file_reader
from piplan_tui.tui.file_reader import reader_command
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.peek import PeekScreen
from piplan_tui.tui.widgets.external_editor import EditorFailed
from piplan_tui.tui.widgets.transcript_view import TranscriptView
from tests.tui.screens.test_run_screen import said, settle, shown, until
from tests.tui.support.scenes import deck

pytestmark = pytest.mark.anyio


@pytest.fixture(autouse=True)
def _still(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")


async def test_space_shows_what_a_step_says_and_space_closes() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        await pilot.press("space")
        await settle(pilot)
        peek = pilot.app.screen
        assert isinstance(peek, PeekScreen)
        view = peek.query_one(TranscriptView)
        assert view.display
        view.search("vendor")
        assert view.matches == 2
        run.transcripts.say("pricing", TextDelta("A third vendor.\n"))
        await until(pilot, lambda: view.matches == 3)
        await pilot.press("space")
        assert pilot.app.screen is screen


async def test_peek_goes_from_row_to_row() -> None:
    async with shown(deck()) as (pilot, screen):
        screen.run_tree.select_step("outline")
        await pilot.press("space")
        await settle(pilot)
        peek = pilot.app.screen
        text = peek.query_one("#peek-said", Static)
        assert "An outline of nine slides." in str(text.render())
        await pilot.press("j")
        await settle(pilot)
        assert screen.run_tree.selected_step is not None
        assert screen.run_tree.selected_step.id == "topic-choice"
        assert "? Which audience should the deck target?" in str(text.render())
        screen.run_tree.select_step("interviews")
        await pilot.press("escape", "space")
        await settle(pilot)
        assert "429 rate limit" in str(pilot.app.screen.query_one("#peek-said", Static).render())


@pytest.mark.parametrize(
    ("key", "step", "asked"),
    [("p", "pricing", ("pause",)), ("X", "interviews", ("skip", "interviews"))],
)
async def test_the_keys_of_the_run_work_on_the_screen_of_a_step(key: str, step: str, asked: Any) -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step(step)
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DetailScreen)
        await pilot.press(key)
        await settle(pilot)
        assert run.asked == [asked]


async def test_dialogs_of_the_run_open_over_the_screen_of_a_step() -> None:
    run = deck(asking=False)
    async with shown(run) as (pilot, screen):
        for step, key, answer, asked in (
            ("pricing", "x", "s", ("cancel_step", "pricing")),
            ("interviews", "r", "s", ("retry", "interviews")),
        ):
            screen.run_tree.select_step(step)
            await pilot.press("enter")
            await settle(pilot)
            await pilot.press(key)
            await settle(pilot)
            assert isinstance(pilot.app.screen, ChoiceDialog)
            await pilot.press(answer)
            await settle(pilot)
            assert run.asked[-1] == asked
            assert isinstance(pilot.app.screen, DetailScreen)
            await pilot.press("escape")
        screen.run_tree.select_step("outline")
        await pilot.press("enter", "e")
        await settle(pilot)
        assert said(pilot.app)[-1] == "Outline has been tried; r tries it again with an edited goal"
        await pilot.press("y", "i")
        await settle(pilot)
        assert pilot.app.clipboard == "outline"


class _Runtime:
    def __init__(self, logs: Path) -> None:
        self.store = MemoryRuntimeStore(logs)


async def test_files_of_a_step_are_offered_and_nothing_outside(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[list[str]] = []

    async def in_terminal(app: object, command: list[str]) -> None:
        opened.append(command)

    monkeypatch.setattr(file_reader, "in_terminal", in_terminal)
    monkeypatch.setenv("VISUAL", "cat -n")
    run = deck()
    run.state.workspace = str(tmp_path)
    (tmp_path / "result.json").write_text("{}")
    names = ("result.json", "../../etc/passwd")
    files = tuple(HandoffFile(name.split("/")[-1], name, 2, "ab" * 32) for name in names)
    run.state.steps["outline"].handoff = HandoffDescriptor(
        plan_id="deck-plan", step_id="outline", attempt=1, directory=".", files=files, summary="Done"
    )
    async with shown(run) as (pilot, screen):
        screen.runtime = _Runtime(tmp_path / "attempts")  # type: ignore[assignment]
        screen.run_tree.select_step("outline")
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        dialog = pilot.app.screen
        assert isinstance(dialog, ChoiceDialog)
        assert [choice.label for choice in dialog._choices] == ["Result", "Log"]
        await pilot.press("1")
        await settle(pilot)
        assert opened == [["cat", "-n", str(tmp_path / "result.json")]]
        await pilot.press("o")
        await until(pilot, lambda: isinstance(pilot.app.screen, ChoiceDialog))
        await pilot.press("2")
        await settle(pilot)
        assert "is not there any more" in said(pilot.app)[-1]


@pytest.mark.parametrize(
    ("environ", "said_so"),
    [
        ({}, "neither $EDITOR nor $PAGER is set"),
        ({"EDITOR": "no-such-editor -x"}, "$EDITOR is no-such-editor -x, which is no program here"),
    ],
)
async def test_a_missing_program_is_said(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], said_so: str
) -> None:
    for name in ("VISUAL", "EDITOR", "PAGER"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(EditorFailed, match=r"PAGER|EDITOR") as failed:
        reader_command()
    assert said_so in str(failed.value)


async def test_a_pager_gets_no_control_characters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def in_terminal(app: object, command: list[str]) -> None:
        seen.append(await anyio.Path(command[-1]).read_text())

    monkeypatch.setattr(file_reader, "in_terminal", in_terminal)
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.delenv("EDITOR", raising=False)
    monkeypatch.setenv("PAGER", "cat")
    file = tmp_path / "raw_output.txt"
    file.write_bytes(b"one\n\x1b]52;c;eA==\x07two\x1b[31m\n\xff\x00\n")
    await file_reader.show_file(object(), file)  # type: ignore[arg-type]
    assert seen == ["one\ntwo\n\ufffd\n"]
