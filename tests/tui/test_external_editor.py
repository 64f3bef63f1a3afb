from __future__ import annotations

import errno
import stat
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import anyio
import pytest
from textual.app import SuspendNotSupported

from piplan_tui.tui.external_editor import EditorFailed, edit_text, editor_command, private_file

pytestmark = pytest.mark.anyio


class Terminal:
    """Notes when it is given away and taken back."""

    def __init__(self) -> None:
        self.log: list[str] = []

    @contextmanager
    def suspend(self) -> Iterator[None]:
        # as the app does it: what is raised inside skips the second half
        self.log.append("given")
        yield
        self.log.append("taken back")

    @contextmanager
    def batch_update(self) -> Iterator[None]:
        self.log.append("quiet")
        yield


def script(path: Path, code: str) -> str:
    path.write_text(code, encoding="utf-8")
    return f"{sys.executable} {path}"


def test_the_command_is_split_as_a_shell_would(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("VISUAL", "code --wait 'my file'")
    assert editor_command() == ["code", "--wait", "my file"]
    monkeypatch.setenv("VISUAL", "broken 'quote")
    assert editor_command() == ["broken 'quote"]


async def test_what_was_saved_comes_back(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    code = (
        "import os, sys, pathlib\n"
        "path = pathlib.Path(sys.argv[1])\n"
        f"pathlib.Path({str(tmp_path / 'mode')!r}).write_text(oct(path.stat().st_mode) + path.suffix)\n"
        "path.write_text(path.read_text() + ' edited\\n')\n"
    )
    monkeypatch.setenv("VISUAL", script(tmp_path / "editor.py", code))
    assert await edit_text(Terminal(), "text", suffix=".md") == "text edited"
    mode = (tmp_path / "mode").read_text()
    assert mode == oct(stat.S_IFREG | 0o600) + ".md"


async def test_a_failing_editor_is_one_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("VISUAL", script(tmp_path / "editor.py", "raise SystemExit(3)"))
    with pytest.raises(EditorFailed, match="exit code 3; your text is as it was"):
        await edit_text(Terminal(), "text")
    monkeypatch.setenv("VISUAL", "no-such-editor-here")
    terminal = Terminal()
    with pytest.raises(EditorFailed, match="could not start no-such-editor-here"):
        await edit_text(terminal, "text")
    assert terminal.log == ["quiet", "given", "taken back"]


async def test_an_editor_that_takes_its_file_away_is_one_sentence(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("VISUAL", script(tmp_path / "editor.py", "import os, sys; os.remove(sys.argv[1])"))
    with pytest.raises(EditorFailed, match="No such file or directory; your text is as it was"):
        await edit_text(Terminal(), "text")


async def test_without_room_for_its_file_nothing_is_given_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "gone"))
    terminal = Terminal()
    with pytest.raises(EditorFailed, match="no file could be written for it"):
        await edit_text(terminal, "text")
    assert terminal.log == []


async def test_of_a_file_that_could_not_be_written_to_its_end_nothing_is_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def text() -> Iterator[str]:
        yield "secret"
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(EditorFailed, match="No space left"):
        async with private_file(text(), prefix="answer-", suffix=".txt"):
            pass
    assert [left async for left in anyio.Path(tmp_path).iterdir()] == []


async def test_a_terminal_that_cannot_be_given_away_is_one_sentence() -> None:
    class Fixed(Terminal):
        @contextmanager
        def suspend(self) -> Iterator[None]:
            raise SuspendNotSupported("App.suspend is not supported in this environment.")
            yield

    with pytest.raises(EditorFailed, match="this terminal cannot be given to another program"):
        await edit_text(Fixed(), "text")
