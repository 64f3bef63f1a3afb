"""Which terminals are drawn on in ASCII without being told so."""

from __future__ import annotations

import pytest

from piplan_tui.tui.charset import shows_unicode


@pytest.mark.parametrize(
    ("environment", "unicode"),
    [
        ({}, True),
        ({"LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "de_DE.utf8", "TERM": "xterm-256color"}, True),
        ({"LANG": "C"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C", "LC_CTYPE": "en_US.UTF-8"}, True),
        ({"LANG": "en_US.UTF-8", "LC_ALL": "POSIX"}, False),
        ({"LANG": "en_US.ISO-8859-1"}, False),
        ({"LANG": "en_US.UTF-8", "TERM": "linux"}, False),
        ({"LANG": "en_US.UTF-8", "TERM": "vt100"}, False),
    ],
)
def test_the_locale_and_the_kind_of_terminal_decide(environment: dict[str, str], unicode: bool) -> None:
    assert shows_unicode(environment) is unicode
