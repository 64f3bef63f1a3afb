"""A notification of the desktop, asked of the terminal by the escape sequence that it knows."""

from __future__ import annotations

from collections.abc import Mapping

from piplan_tui.views.line import one_line

_OSC_9 = ("iterm", "wezterm", "ghostty", "windows terminal", "warp")
_OSC_777 = ("rxvt", "foot", "konsole", "vte", "contour")


def notice_sequence(title: str, text: str, environ: Mapping[str, str]) -> str:
    """What the terminal is sent: OSC 99 for kitty, 777 or 9 for others; empty where none is harmless.

    The line filter does not see this, so the text is cleaned here. Below a multiplexer nothing is sent: tmux and
    screen take the bell further by themselves, and whether they let a sequence through is theirs to say.
    """
    term = environ.get("TERM", "")
    if term in ("", "dumb", "linux") or environ.get("TMUX") or environ.get("STY"):
        return ""
    # a semicolon ends a field of these sequences
    name, said = (one_line(part).replace(";", ",")[:200] for part in (title, text))
    if "kitty" in term or environ.get("KITTY_WINDOW_ID"):
        return f"\x1b]99;i=piplan:d=0;{name}\x1b\\\x1b]99;i=piplan:p=body;{said}\x1b\\"
    program = f"{environ.get('TERM_PROGRAM', '')} {environ.get('LC_TERMINAL', '')} {term}".lower()
    if environ.get("VTE_VERSION") or any(known in program for known in _OSC_777):
        return f"\x1b]777;notify;{name};{said}\x1b\\"
    if any(known in program for known in _OSC_9) or environ.get("WT_SESSION"):
        return f"\x1b]9;{name}: {said}\x1b\\"
    # others, xterm among them, pass over a sequence that they do not know
    return f"\x1b]9;{name}: {said}\x1b\\" if term.startswith("xterm") else ""
