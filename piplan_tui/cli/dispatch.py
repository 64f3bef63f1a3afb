"""From words to a command, and from what goes wrong to one sentence and an exit code."""

from __future__ import annotations

import argparse
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path

from piplan_tui.cli.output import prepare_streams, say, silence
from piplan_tui.cli.parser import OPEN, UsageError, parse
from piplan_tui.cli.usage import COMMANDS, did_you_mean

COMPLETED, FAILED, USAGE, CANCELLED, WAITING = range(5)
"""Exit codes."""


def dispatch(words: Sequence[str]) -> int:
    """Carry out a command line. Problems are told on stderr."""
    prepare_streams()
    try:
        args = parse(words)
        return _run(args)
    except SystemExit as asked:  # argparse has printed a help page
        return asked.code if isinstance(asked.code, int) else USAGE
    except UsageError as error:
        say(f"piplan-tui: {error}")
        return USAGE
    except (Exception, KeyboardInterrupt, BaseExceptionGroup) as error:
        return tell(error)


def _run(args: argparse.Namespace) -> int:
    import anyio

    match args.command:
        case "check":
            from piplan_tui.cli.check import check

            return check(args)
        case "runs" | "show" | "asks" | "agents":
            from piplan_tui.cli import look

            return anyio.run(look.COMMANDS[args.command], args)
        case "answer" | "cancel":
            from piplan_tui.cli import act

            return anyio.run(act.COMMANDS[args.command], args)
        case "attach":
            from piplan_tui.cli.attach import attach

            return anyio.run(attach, args)
        case "repair":
            from piplan_tui.cli.repair import repair

            return anyio.run(repair, args)
        case "install" | "uninstall":
            from piplan_tui.cli import install

            return install.COMMANDS[args.command](args)
        case "export":
            from piplan_tui.cli.export import export

            return anyio.run(export, args)
        case "mcp":
            from piplan_tui.cli.mcp import mcp

            return anyio.run(mcp, args)
    if args.command == OPEN and args.plan is not None:
        refuse_unknown_word(args.plan)
    from piplan_tui.cli import running

    return anyio.run(running.COMMANDS[args.command], args)


def refuse_unknown_word(word: str) -> None:
    """Tell a mistyped command from a plan file that is not there.

    Raises:
        UsageError: it is neither a command nor a file.
    """
    if word == "-" or Path(word).exists():
        return
    from piplan_tui.clean import printable

    if any(mark in word for mark in "/.\\"):
        near = did_you_mean(Path(word).name, _plans_beside(Path(word)))
        raise UsageError(f"There is no plan file {printable(word)}.{near}")
    near = did_you_mean(word, [*COMMANDS, *_plans_beside(Path(word))])
    raise UsageError(
        f"{printable(word)} is neither a command nor a plan file.{near or ' See piplan-tui --help.'}"
    )


def _plans_beside(path: Path) -> list[str]:
    try:
        return sorted(entry.name for entry in path.parent.iterdir() if entry.suffix == ".json")[:200]
    except OSError:
        return []


def _first(error: BaseException) -> BaseException:
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return error


def tell(error: BaseException) -> int:
    """Say what went wrong, in a sentence where it is the user's to mend; returns the exit code."""
    error = _first(error)
    from piplan_tui.agents.protocol import AgentFailure
    from piplan_tui.clean import clean_text
    from piplan_tui.config.settings import SettingsInvalid
    from piplan_tui.plan.problem import PlanInvalid
    from piplan_tui.run.inbox import AnswerInvalid
    from piplan_tui.run.refused import ControlRefused
    from piplan_tui.store.protocol import RunCorrupt, RunExists, RunNotFound, RunOwned, StoreError

    if isinstance(error, KeyboardInterrupt):
        return CANCELLED
    if isinstance(error, BrokenPipeError):
        silence(sys.stdout)
        return FAILED
    text = clean_text(str(error))
    if isinstance(error, PlanInvalid | SettingsInvalid):
        say(text)
        return USAGE
    if isinstance(
        error,
        UsageError
        | ControlRefused
        | AnswerInvalid
        | RunExists
        | RunNotFound
        | RunOwned
        | RunCorrupt
        | AgentFailure,
    ):
        say(f"piplan-tui: {text}")
        return USAGE
    if isinstance(error, StoreError):
        say(f"piplan-tui: {text}")
        return FAILED
    # only our own lines of code are shown: values could hold a secret or an agent's escape sequences
    trace = "".join(traceback.format_tb(error.__traceback__))
    say(f"{trace}piplan-tui: internal error: {type(error).__name__}: {text}")
    return FAILED
