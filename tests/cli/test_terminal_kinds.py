"""Terminals that can do less: few colours, none, no Unicode."""

from __future__ import annotations

import re

import pytest

from tests.cli.conftest import ASK, Cli, R
from tests.cli.terminal import Terminal

UNICODE = {"LANG": "C.UTF-8", "LC_ALL": "", "LC_CTYPE": "", "COLORTERM": "", "NO_COLOR": ""}
COLOUR = re.compile(rb"\x1b\[[\d;]*?\b(?:3[0-7]|4[0-7]|9[0-7]|10[0-7]|38;[25];[\d;]+|48;[25];[\d;]+)[\d;]*m")
RICH_COLOUR = re.compile(rb"\x1b\[[\d;]*\b[34]8;[25];")


def asking(cli: Cli, terminals: list[Terminal], *words: str, **env: str) -> Terminal:
    """A run with an open question, on a terminal of 80 columns."""
    plan = cli.plan({"id": "first"}, {**ASK, "dependsOn": ["first"]})
    terminal = Terminal(
        cli, plan, "--yes", "--run-id", R, "--agent", "demo", *words, size=(80, 24), env={**UNICODE, **env}
    )
    terminals.append(terminal)
    terminal.until("Which audience?")
    terminal.drain()
    return terminal


def leave(terminal: Terminal) -> None:
    terminal.press("\x03")
    terminal.until("The run is not finished")
    terminal.press("l")
    terminal.end()


def test_with_all_it_can_do(cli: Cli, terminals: list[Terminal]) -> None:
    terminal = asking(cli, terminals, COLORTERM="truecolor")
    assert RICH_COLOUR.search(terminal.raw)
    assert "✓" in terminal.text
    leave(terminal)


def test_sixteen_colours(cli: Cli, terminals: list[Terminal]) -> None:
    terminal = asking(cli, terminals, TERM="xterm-16color")
    assert not RICH_COLOUR.search(terminal.raw)
    assert COLOUR.search(terminal.raw)
    leave(terminal)


def test_no_colour(cli: Cli, terminals: list[Terminal]) -> None:
    terminal = asking(cli, terminals, COLORTERM="truecolor", NO_COLOR="1")
    for red, green, blue in set(re.findall(rb"[34]8;2;(\d+);(\d+);(\d+)", terminal.raw)):
        assert red == green == blue, "greys only"
    assert "NEEDS YOU" in terminal.text
    leave(terminal)


@pytest.mark.parametrize("how", ["--ascii", "LANG", "TERM"])
def test_no_unicode(cli: Cli, terminals: list[Terminal], how: str) -> None:
    if how == "--ascii":
        terminal = asking(cli, terminals, "--ascii")
    else:
        terminal = asking(cli, terminals, **{how: {"LANG": "C", "TERM": "linux"}[how]})
    before = terminal.raw.partition(b"\x1b[?1049l")[0]
    assert re.findall(rb"[^\n\x1b]{0,30}[\x80-\xff]+", before) == []
    assert "NEEDS YOU" in terminal.text
    leave(terminal)
