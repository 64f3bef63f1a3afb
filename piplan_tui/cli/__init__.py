"""The command line. Commands are imported only when they run: `--help` must answer at once."""

from __future__ import annotations

import sys
from collections.abc import Sequence


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command line (default: the process's own) and return its exit code."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] in (["-h"], ["--help"], ["help"]):
        from piplan_tui.cli.usage import HELP

        print(HELP, end="")
        return 0
    if "--version" in words[:1]:
        from importlib.metadata import version

        print(f"piplan-tui {version('piplan-tui')}")
        return 0
    from piplan_tui.cli.dispatch import dispatch

    return dispatch(words)
