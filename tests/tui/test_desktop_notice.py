"""Which sequence a terminal is sent, and that nothing foreign gets into it."""

from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.tui.desktop_notice import look_at_tmux, notice_sequence


@pytest.mark.parametrize(
    ("environ", "begins"),
    [
        ({"TERM": "xterm-kitty"}, "\x1b]99;"),
        ({"TERM": "xterm-256color", "VTE_VERSION": "7600"}, "\x1b]777;notify;"),
        ({"TERM": "foot"}, "\x1b]777;notify;"),
        ({"TERM": "xterm-256color", "TERM_PROGRAM": "iTerm.app"}, "\x1b]9;"),
        ({"TERM": "xterm-ghostty"}, "\x1b]9;"),
        ({"TERM": "xterm-256color"}, "\x1b]9;"),
    ],
)
def test_the_terminal_decides(environ: dict[str, str], begins: str) -> None:
    sequence = notice_sequence("deck", "outline asks: which?", environ)
    assert sequence.startswith(begins)
    assert sequence.endswith("\x1b\\")
    assert "which?" in sequence


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"TERM": "dumb"},
        {"TERM": "linux"},
        {"TERM": "xterm-kitty", "TMUX": "/x"},
        {"TERM": "screen", "STY": "1"},
    ],
)
def test_where_nothing_is_sent(environ: dict[str, str]) -> None:
    assert notice_sequence("deck", "text", environ) == ""


def test_hostile_text_stays_text() -> None:
    sequence = notice_sequence("a;b\x1b\\", "x\x07\x1b]52;c;eA==\x07\u202ey", {"TERM": "xterm-kitty"})
    inner = sequence.removeprefix("\x1b]99;").removesuffix("\x1b\\")
    parts = inner.split("\x1b\\\x1b]99;")
    assert len(parts) == 2
    assert all(part.isprintable() for part in parts)
    assert [part.count(";") for part in parts] == [1, 1]


KITTY_OUTSIDE = "1|xterm-kitty|kitty(0.36)"


def test_below_tmux_it_is_wrapped_when_tmux_lets_it_through() -> None:
    inside = {"TERM": "tmux-256color", "TMUX": "/tmp/x,1,0"}
    sequence = notice_sequence("deck", "which?", inside, in_tmux=KITTY_OUTSIDE)
    assert sequence.startswith("\x1bPtmux;\x1b\x1b]99;")
    assert sequence.endswith("\x1b\x1b\\\x1b\\")
    assert notice_sequence("deck", "which?", inside, in_tmux=KITTY_OUTSIDE.replace("1|", "0|")) == ""
    assert notice_sequence("deck", "which?", inside, in_tmux="on|linux|") == ""


@pytest.mark.anyio
async def test_tmux_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert await look_at_tmux({}) == ""
    program = tmp_path / "tmux"
    program.write_text("#!/bin/sh\necho 'on|xterm-kitty|kitty'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    assert await look_at_tmux({"TMUX": "x"}) == "on|xterm-kitty|kitty"
    program.write_text("#!/bin/sh\nexit 1\n")
    assert await look_at_tmux({"TMUX": "x"}) == ""
