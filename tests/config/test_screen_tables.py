"""The `[notify]` and `[keys]` tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from textual.keys import _character_to_key

from piplan_tui.config.screen_tables import Notify, key_called, keys_of, notify_of
from piplan_tui.config.settings import load_settings
from tests.config.tables import problems


def loaded(text: str, tmp_path: Path) -> Any:
    file = tmp_path / "config.toml"
    file.write_text(text)
    return load_settings(environ={}, config_file=file)


@pytest.mark.parametrize("char", [chr(code) for code in range(33, 127)])
def test_every_character_is_called_as_textual_calls_it(char: str) -> None:
    assert key_called(char) == _character_to_key(char)


@pytest.mark.parametrize("key", ["ctrl+p", "f5", "escape", "ctrl+up", "shift+tab", "slash", "question_mark"])
def test_names_of_keys(key: str) -> None:
    assert key_called(key) == key or key == "question_mark"


@pytest.mark.parametrize("key", ["", "contrl+p", "f25", "bb", "ctrl+", " ", "\x1b", "ctrl+b;x"])
def test_what_is_no_key(key: str) -> None:
    assert key_called(key) is None


def test_keys_are_read_both_ways_of_writing_them(tmp_path: Path) -> None:
    settings = loaded('[keys]\nrun.pause = "b"\n"run.stop" = ["]", "f8"]\nrun.next_ask = "x"\n', tmp_path)
    assert keys_of(settings.keys) == {
        "run.pause": "b",
        "run.next_ask": "x",
        "run.stop": "right_square_bracket,f8",
    }


def test_mistakes_in_keys_are_told_with_their_line(tmp_path: Path) -> None:
    text = '[keys]\n"run.puase" = "b"\n"run.stop" = "contrl+x"\n"run.skip" = 3\n'
    assert problems(text, tmp_path) == [
        "2: there is no command run.puase; did you mean run.pause?",
        "3: contrl+x is no key; keys are written like b, B, ?, ctrl+b, f5 or escape",
        '4: the keys of run.skip must be a text such as "b", or a list of them',
    ]


def test_a_key_that_would_mean_two_things_is_refused(tmp_path: Path) -> None:
    assert problems('[keys]\n\n"run.pause" = "x"\n', tmp_path) == [
        "3: x would be both run.pause and run.stop"
    ]
    assert problems('[keys]\n"transcript.fold" = "plus"\n', tmp_path) == [
        "2: plus would be both transcript.fold and transcript.unfold"
    ]
    # on another screen the same key may mean something else
    assert loaded('[keys]\n"home.delete" = "x"\n', tmp_path)


def test_keys_of_dialogs_can_be_replaced(tmp_path: Path) -> None:
    settings = loaded('[keys]\n"dialog.back" = "f9"\n"peek.close" = "q"\n"help.close" = "f10"\n', tmp_path)
    assert keys_of(settings.keys)["dialog.back"] == "f9"
    assert problems('[keys]\n"dialog.down" = "k"\n', tmp_path) == [
        "2: k would be both dialog.down and dialog.up"
    ]


def test_a_key_that_works_in_a_field_types_nothing(tmp_path: Path) -> None:
    assert problems('[keys]\n"dialog.send" = "b"\n"ask.send" = ["f5", "?"]\n', tmp_path) == [
        "2: b would be typed; dialog.send needs a key like ctrl+b or f5",
        "3: ? would be typed; ask.send needs a key like ctrl+b or f5",
    ]


def test_notify(tmp_path: Path) -> None:
    settings = loaded('[notify]\ncommand = ["a", "b"]\nbell = false\ndesktop = "never"\n', tmp_path)
    assert notify_of(settings.notify) == Notify(("a", "b"), bell=False, desktop="never")
    assert notify_of({"command": "a | b"}) == Notify("a | b")
    assert notify_of({}) == Notify()
    assert problems('[notify]\ncommand = []\nbell = 1\ndesktop = "no"\ncomand = "x"\n', tmp_path) == [
        '2: notify.command must be a list such as ["notify-send", "piplan"], or a text',
        "3: notify.bell must be true or false",
        "4: notify.desktop must be away, always or never",
        "5: unknown setting notify.comand; did you mean notify.command?",
    ]
