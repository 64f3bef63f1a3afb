"""`piplan-tui install pi` and `uninstall pi`: the tools for models, as an extension of Pi."""

from __future__ import annotations

import argparse
import os
import sys

from piplan_tui.clean import printable
from piplan_tui.cli.dispatch import COMPLETED
from piplan_tui.cli.output import put, say
from piplan_tui.cli.parser import UsageError
from piplan_tui.model_tools import pi_install


def install(args: argparse.Namespace) -> int:
    """Write the extension, or with `--print` show it."""
    path = pi_install.extension_path(os.environ)
    # this very installation, wherever Pi is started from
    text = pi_install.extension_text([sys.executable, "-m", "piplan_tui"])
    if getattr(args, "print", False):
        say(f"{printable(str(path))} would be:")
        put(text.rstrip("\n"))
        return COMPLETED
    try:
        written = pi_install.install(path, text, force=getattr(args, "force", False))
    except (pi_install.NotOurs, OSError) as error:
        raise UsageError(printable(str(error))) from None
    if written:
        say(f"{printable(str(path))} is written: Pi's model has run_workflow and run_plan after /reload.")
    else:
        say(f"{printable(str(path))} is there already.")
    return COMPLETED


def uninstall(args: argparse.Namespace) -> int:
    """Remove the extension."""
    path = pi_install.extension_path(os.environ)
    try:
        removed = pi_install.uninstall(path, force=getattr(args, "force", False))
    except (pi_install.NotOurs, OSError) as error:
        raise UsageError(printable(str(error))) from None
    say(f"{printable(str(path))} is removed." if removed else f"{printable(str(path))} is not there.")
    return COMPLETED


COMMANDS = {"install": install, "uninstall": uninstall}
