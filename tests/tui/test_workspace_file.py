"""Only ordinary files inside of a workspace are read."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from textual.widgets import Static

from piplan_tui.tui.widgets.detail_pane import RESULT, DetailPane
from piplan_tui.tui.workspace_file import NotReadable, open_inside
from tests.tui.screens.test_run_screen import WIDE, shown, until
from tests.tui.support.scenes import deck


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "work"
    (folder / "sub").mkdir(parents=True)
    (folder / "sub" / "notes.md").write_text("one\n")
    (tmp_path / "secret").write_text("s3cret")
    (folder / "link").symlink_to(tmp_path / "secret")
    (folder / "inner").symlink_to(folder / "sub" / "notes.md")
    os.mkfifo(folder / "pipe")
    return folder


@pytest.mark.parametrize("name", ["sub/notes.md", "inner", "sub/../sub/notes.md"])
def test_a_file_inside_is_opened(workspace: Path, name: str) -> None:
    with open_inside(workspace, name) as file:
        assert file.read() == b"one\n"


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("../secret", "is outside the workspace"),
        ("link", "is outside the workspace"),
        ("pipe", "is no ordinary file"),
        ("sub", "is no ordinary file"),
        ("gone", "cannot be read: No such file"),
        ("a\0b", "cannot be read: "),
    ],
)
def test_anything_else_is_refused(workspace: Path, name: str, why: str) -> None:
    with pytest.raises(NotReadable, match=why):
        open_inside(workspace, name)


@pytest.mark.anyio
async def test_a_pipe_in_place_of_a_result_is_not_waited_for(tmp_path: Path) -> None:
    run = deck(asking=False)
    run.state.workspace = str(tmp_path)
    handoff = run.state.steps["outline"].handoff
    assert handoff is not None
    result = tmp_path / handoff.files[0].path
    result.parent.mkdir(parents=True)
    os.mkfifo(result)
    async with shown(run, WIDE) as (pilot, screen):
        screen.run_tree.select_step("outline")
        pane = screen.query_one(DetailPane)
        pane.choose(RESULT)
        text = pane.query_one("#text-body", Static)
        await until(pilot, lambda: "is no ordinary file" in str(text.render()))
