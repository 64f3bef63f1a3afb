"""A notification of the desktop, asked of the terminal by the escape sequence that it knows."""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from contextlib import suppress

import anyio

from piplan_tui.views.line import one_line

_OSC_9 = ("iterm", "wezterm", "ghostty", "windows terminal", "warp")
_OSC_777 = ("rxvt", "foot", "konsole", "vte", "contour")
_ASKED_OF_TMUX = "#{allow-passthrough}|#{client_termname}|#{client_termtype}"
_PASSES = ("on", "all", "1", "2")
_TMUX_SECONDS = 2.0


def notice_sequence(title: str, text: str, environ: Mapping[str, str], *, in_tmux: str = "") -> str:
    """What the terminal is sent: OSC 99 for kitty, 777 or 9 for others; empty where none is harmless.

    The line filter does not see this, so the text is cleaned here. Below tmux it is sent only with what
    `look_at_tmux` found; below screen never, which takes the bell further by itself.
    """
    if environ.get("TMUX"):
        passes, _, outer = in_tmux.partition("|")
        if passes not in _PASSES:
            return ""
        termname, _, termtype = outer.partition("|")
        sequence = _sequence(title, text, {"TERM": termname, "TERM_PROGRAM": termtype})
        # tmux takes the wrapping off, and one of each two escapes
        doubled = sequence.replace("\x1b", "\x1b\x1b")
        return f"\x1bPtmux;{doubled}\x1b\\" if sequence else ""
    return _sequence(title, text, environ)


def _sequence(title: str, text: str, environ: Mapping[str, str]) -> str:
    term = environ.get("TERM", "")
    if term in ("", "dumb", "linux") or environ.get("STY"):
        return ""
    # a semicolon ends a field of these sequences
    name, said = (one_line(part).replace(";", ",")[:200] for part in (title, text))
    program = f"{environ.get('TERM_PROGRAM', '')} {environ.get('LC_TERMINAL', '')} {term}".lower()
    if "kitty" in program or environ.get("KITTY_WINDOW_ID"):
        return f"\x1b]99;i=piplan:d=0;{name}\x1b\\\x1b]99;i=piplan:p=body;{said}\x1b\\"
    if environ.get("VTE_VERSION") or any(known in program for known in _OSC_777):
        return f"\x1b]777;notify;{name};{said}\x1b\\"
    if any(known in program for known in _OSC_9) or environ.get("WT_SESSION"):
        return f"\x1b]9;{name}: {said}\x1b\\"
    # others, xterm among them, pass over a sequence that they do not know
    return f"\x1b]9;{name}: {said}\x1b\\" if term.startswith("xterm") else ""


async def look_at_tmux(environ: Mapping[str, str]) -> str:
    """Whether tmux lets sequences through, and to which terminal; empty outside of it, or when it does not say."""
    if not environ.get("TMUX"):
        return ""
    pane = ["-t", environ["TMUX_PANE"]] if environ.get("TMUX_PANE") else []
    with suppress(OSError, subprocess.CalledProcessError), anyio.move_on_after(_TMUX_SECONDS):
        command = ["tmux", "display-message", "-p", *pane, _ASKED_OF_TMUX]
        done = await anyio.run_process(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        return done.stdout.decode("utf-8", "replace").strip()
    return ""
