"""Peek, files in the user's own programs, and the keys of a run on the screen of a step."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import anyio
import pytest
from textual.widgets import OptionList, Static

from piplan_tui.agents.protocol import TextDelta
from piplan_tui.run.model import HandoffDescriptor, HandoffFile
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.tui import file_reader
from piplan_tui.tui.actions import ACTIONS
from piplan_tui.tui.app import PiplanApp
from piplan_tui.tui.external_editor import EditorFailed
from piplan_tui.tui.file_reader import reader_command
from piplan_tui.tui.key_names import all_keys, with_keys
from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.detail import DetailScreen
from piplan_tui.tui.screens.peek import PeekScreen
from piplan_tui.tui.widget_keys import widget_keys
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.key_bar import KeyBar
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
        await pilot.press("a")
        await settle(pilot)
        assert pilot.app.screen is screen
        await until(pilot, lambda: screen.query_one(AskPanel).has_focus_within)
        await pilot.press("escape")
        screen.run_tree.select_step("interviews")
        await pilot.press("space")
        await settle(pilot)
        assert "429 rate limit" in str(pilot.app.screen.query_one("#peek-said", Static).render())
        await pilot.press("enter")
        await settle(pilot)
        assert isinstance(pilot.app.screen, DetailScreen)


@pytest.mark.parametrize(
    ("key", "step", "asked"),
    [("p", "pricing", ("pause",))],
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
            ("pricing", "x", "S", ("cancel_step", "pricing")),
            ("interviews", "r", "y", ("retry", "interviews")),
            ("interviews", "X", "y", ("skip", "interviews")),
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
        assert said(pilot.app)[-1] == "outline has been tried; r tries it again with an edited goal"
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
        screen.runtime = _Runtime(tmp_path / "attempts")  # type: ignore[assignment]  # only its folder is asked for
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
    await file_reader.show_file(object(), file)  # type: ignore[arg-type]  # goes to the double of the terminal only
    assert seen == ["one\ntwo\n\ufffd\n"]


@pytest.mark.parametrize("size", [(80, 24), (240, 50)])
async def test_plus_and_minus_change_how_much_the_rows_say(size: tuple[int, int]) -> None:
    async with shown(deck(asking=False), size) as (pilot, screen):
        tree = screen.run_tree

        def row(step_id: str) -> str:
            tree.select_step(step_id)
            return tree.render_line(tree.cursor - tree.scroll_offset.y).text

        assert "$0.09" in row("interviews")
        await pilot.press("minus")
        assert "$0.09" not in row("interviews")
        assert "429 rate limit" in row("interviews")
        await pilot.press("minus", "plus", "plus")
        assert "$0.09" in row("interviews")
        assert "429 rate" in row("interviews"), "the reason comes first"
        if size[0] > 200:
            assert "429 rate limit · Read the interviews" in row("interviews")
        await pilot.press("plus")
        assert said(pilot.app)[-1] == "Rows with titles and all numbers"


async def test_help_has_every_key_of_every_screen_as_it_was_chosen() -> None:
    run = deck()
    chosen = {"run.pause": "b", "transcript.unfold": "f9"}
    app = PiplanApp(None, run=run, now=run.now, keys_by_id=chosen)  # type: ignore[arg-type]  # nothing here reaches the runtime
    async with app.run_test(size=(120, 40)) as pilot:
        await settle(pilot)
        await pilot.press("question_mark")
        await settle(pilot)
        text = str(app.screen.query_one("#help-text Static", Static).render())
        for action in ACTIONS:
            shown_keys = f"  {all_keys(action, chosen):<14} "
            assert any(line.startswith(f"{shown_keys}{action.title[:20]}") for line in text.splitlines()), (
                action.id
            )
            assert f"{action.id}" in text
        for keys in widget_keys().values():
            for key in keys:
                assert f" {key.title}" in text, key.id
        assert "  b              Pause or resume" in text
        assert "  f9             Unfold" in text


async def test_the_palette_has_every_command_that_can_be_given() -> None:
    run = deck()
    async with shown(run) as (pilot, screen):
        screen.run_tree.select_step("pricing")
        context = screen.action_context()
        given = {a.title for a in screen.actions() if not a.refusal(context)} - {"Commands"}
        await pilot.press("colon")
        await until(pilot, lambda: pilot.app.screen.query(OptionList))
        listed = pilot.app.screen.query(OptionList).first()
        await until(pilot, lambda: listed.option_count >= len(given))
        shown_titles = {
            str(listed.get_option_at_index(n).prompt).split("\n")[0].split("  ")[0]
            for n in range(listed.option_count)
        }
        assert given <= shown_titles


async def test_chosen_keys_stand_in_sentences_and_in_the_key_bar() -> None:
    run = deck(asking=False)
    chosen = {"run.retry": "f7", "tree.down": "J", "run.steer": "f8"}
    app = PiplanApp(None, run=run, now=run.now, keys_by_id=chosen)  # type: ignore[arg-type]  # nothing here reaches the runtime
    async with app.run_test(size=(80, 24), notifications=True) as pilot:
        await settle(pilot)
        screen: Any = app.screen
        screen.run_tree.select_step("outline")
        await pilot.press("e")
        await settle(pilot)
        assert said(app)[-1] == "outline has been tried; f7 tries it again with an edited goal"
        assert "J/k move" in str(screen.query_one(KeyBar).render())
        screen.run_tree.select_step("pricing")
        await pilot.press("x")
        await settle(pilot)
        assert "f7 tries the step again" in str(app.screen.query_one("#dialog-body", Static).render())


def test_only_names_of_commands_become_keys() -> None:
    assert (
        with_keys("{run.retry} {run.nothing} {x} {run.pause}", {"run.pause": "b"}) == "r {run.nothing} {x} b"
    )
