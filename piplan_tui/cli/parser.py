"""The command line, as data: which options and arguments each command takes."""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Never

from piplan_tui.cli.usage import COMMANDS, did_you_mean

OPEN = "open"
"""What `piplan-tui [PLAN]` is called inside; not a word of the command line."""


class UsageError(Exception):
    """The command line makes no sense. `str()` says what is wrong and what would be right."""


def _count(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = 0
    if value < 1:
        raise argparse.ArgumentTypeError(f'"{text}" must be a whole number, 1 or more')
    return value


def _whole(text: str) -> int:
    try:
        value = int(text)
    except ValueError:
        value = -1
    if value < 0:
        raise argparse.ArgumentTypeError(f'"{text}" must be a whole number, 0 or more')
    return value


def _dollars(text: str) -> float:
    value = _number(text)
    if value <= 0:
        raise argparse.ArgumentTypeError(f'"{text}" must be a number above 0')
    return value


def _pace(text: str) -> float:
    value = _number(text)
    if value < 0:
        raise argparse.ArgumentTypeError(f'"{text}" must be a number, 0 or more')
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    return value if math.isfinite(value) else -1.0


def _pair(text: str) -> tuple[str, str]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise argparse.ArgumentTypeError(f'"{text}" must be key=value')
    return key, value


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


# (flags, keyword arguments of add_argument). Their dest is the setting's name in config/settings.py.
_STORE: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (("--store",), {"metavar": "DIR|memory", "help": "where runs are kept"}),
    (("--config",), {"metavar": "FILE", "help": "the config file, instead of the user's own"}),
]
_ASCII: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--ascii",),
    {"action": "store_true", "help": "draw with ASCII characters only"},
)
_PLAIN_LIST: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--plain-list",),
    {"action": "store_true", "help": "the terminal view in sentences, for screen readers"},
)
_RUNNING: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (
        ("--agent",),
        {
            "metavar": "NAME",
            "help": "who carries out the steps: pi, acp:NAME, acp:COMMAND, command:PROGRAM, demo",
        },
    ),
    (("--model",), {"metavar": "ID", "help": "the model that the agent is to use"}),
    (("--provider",), {"metavar": "NAME", "help": "the model's provider, as the agent names it"}),
    (("--thinking",), {"metavar": "LEVEL", "help": "how much the model is to think"}),
    (("--tools",), {"metavar": "a,b", "type": _names, "help": "the only tools that the agent may use"}),
    (
        ("--permissions",),
        {
            "metavar": "POLICY",
            "help": "what agents may do without a question: ask, allow read-only, allow in workspace or deny",
        },
    ),
    (("--workspace",), {"metavar": "DIR", "help": "the folder that the agents work in"}),
    (
        ("--isolation",),
        {
            "choices": ("none", "worktree"),
            "help": "worktree: each step of a plan in a git worktree of its own, merged back when you say so",
        },
    ),
    (("--max-concurrency",), {"metavar": "N", "type": _count, "help": "steps that may run at once"}),
    (("--budget-tokens",), {"metavar": "N", "type": _count, "help": "no step starts beyond this"}),
    (
        ("--budget-output-tokens",),
        {"metavar": "N", "type": _count, "help": "no step starts beyond this many tokens that models wrote"},
    ),
    (("--max-agents",), {"metavar": "N", "type": _count, "help": "agent calls of a workflow (1000)"}),
    (
        ("--max-items",),
        {"metavar": "N", "type": _count, "help": "items in one fan-out of a workflow (4096)"},
    ),
    (
        ("--ask-agents",),
        {
            "metavar": "N",
            "type": _whole,
            "help": "a workflow asks before a fan-out of so many likely calls, or beyond the budget; 0: never "
            "(50 in the terminal view and with --on-ask wait, otherwise 0)",
        },
    ),
    (("--budget-usd",), {"metavar": "X", "type": _dollars, "help": "no step starts beyond this cost"}),
    (
        ("--on-ask",),
        {
            "choices": ("wait", "exit", "fail", "defaults"),
            "help": "a question without the terminal view: wait for an answer from another terminal, exit when "
            "nothing else can move (the default), fail the step, or take the defaults of its fields",
        },
    ),
    (("--run-id",), {"metavar": "ID", "help": "the id of the new run, instead of a random one"}),
    (
        ("--meta",),
        {
            "metavar": "key=value",
            "type": _pair,
            "action": "append",
            "help": "handed to every step; repeatable",
        },
    ),
    (("--args",), {"metavar": "JSON", "help": "what a workflow's script gets as its arguments"}),
    (
        ("--reuse",),
        {"metavar": "RUN", "help": "an earlier run of a workflow whose unchanged calls are taken over"},
    ),
    (
        ("--yes",),
        {
            "action": "store_true",
            "help": "start at once and begin large fan-outs without asking, also beside a run of the same plan",
        },
    ),
    _ASCII,
    _PLAIN_LIST,
    (("--pi-command",), {"metavar": "CMD", "help": "the program that starts Pi"}),
    (("--demo-pace",), {"metavar": "X", "type": _pace, "help": "slows the demo agent down; 0: no waiting"}),
]
_OUTPUT: list[tuple[tuple[str, ...], dict[str, Any]]] = [
    (
        ("--ui",),
        {
            "choices": ("tui", "plain", "json", "quiet"),
            "help": "plain: lines on stderr; json: events as JSON lines on stdout; quiet: on stdout only the result, "
            "which is what a workflow's script returned (a text as it is, anything else as JSON) and of a plan the "
            "summaries of the steps that no other needs; tui: the terminal view",
        },
    ),
    (("-v", "--verbose"), {"action": "count", "help": "print tools too; -vv also what agents say"}),
]
_JSON: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--json",),
    {"action": "store_true", "help": "a JSON document on stdout"},
)
_PRINT: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--print",),
    {"action": "store_true", "help": "show what would be written, and write nothing"},
)
_FORCE: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--force",),
    {"action": "store_true", "help": "even when the file was changed since it was installed"},
)
ANYWHERE = [*_STORE, *_RUNNING, *_OUTPUT]
"""Options that may stand before the command. After it, a command takes those that mean something to it."""

_TAKES_VALUE = {
    flag for flags, how in ANYWHERE if how.get("action") not in ("store_true", "count") for flag in flags
}
_RUNS_STEPS = frozenset({OPEN, "run", "demo", "resume", "retry"})
_OF_ONE_RUN = frozenset({"--run-id", "--args", "--reuse", "--yes", "--ascii", "--plain-list"})
_CAN_DETACH = _RUNS_STEPS - {OPEN}
_DETACH: tuple[tuple[str, ...], dict[str, Any]] = (
    ("--detach",),
    {
        "action": "store_true",
        "help": "go on in a process of its own, without this terminal, and wait there for answers",
    },
)

_EPILOGS: dict[str, str] = {
    "run": "Ctrl-C cancels the run in order, a second one kills at once. Exit code 4: the run waits for input.",
    "attach": "In a terminal, the terminal view; elsewhere lines, until the run ends. q and Ctrl-C only stop watching.",
    "resume": "Options that are given replace those that the run was started with.",
    "retry": "With STEPs, --agent, --model and --goal are for these steps only.",
    "repair": "Says what it keeps and drops, and asks; with --yes it does not ask. The damaged file is kept beside.",
    "answer": "examples:\n  piplan-tui answer 7f3a topic-choice audience=seed slides=5\n"
    '  echo \'{"audience": "seed"}\' | piplan-tui answer last topic-choice --json -\n\n'
    "A value is read as its field needs it: true/yes for boolean, a,b for multichoice. Without STEP the run's\n"
    "only open question is meant; a question with one field takes its value alone. A secret is asked for without\n"
    "being shown, or taken from stdin with --json -; it goes to the process that runs the steps, and into no file.",
    "mcp": "To have it in Claude Code: claude mcp add piplan-tui -- piplan-tui mcp --agent pi\n"
    "A question goes to the client's user when the client can show it; otherwise, without --on-ask, its step fails.",
    "check": "Exit code 2 when a plan cannot be run. An agent or a folder that is not here is told of, and changes\n"
    "nothing of that.",
}


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> Never:
        raise UsageError(f"{message[:1].upper()}{message[1:]}.")


def parse(argv: Sequence[str]) -> argparse.Namespace:
    """Read a command line that is not empty of sense; `command` tells which command it is.

    Options that were not given are not in the namespace.

    Raises:
        UsageError: and nothing was done.
        SystemExit: help or the version was printed.
    """
    for word in argv:
        _refuse_what_is_no_text(word)
    before, command, after = _split(argv)
    namespace = argparse.Namespace(command=command)
    parser = build(command)
    early = _Parser(prog="piplan-tui", add_help=False, allow_abbrev=False)
    _add(early, ANYWHERE)
    early.parse_args(before, namespace)
    _, unknown = parser.parse_known_intermixed_args(after, namespace)
    if unknown:
        said = _unexpected(parser, unknown[0])
        # a command that is not known counts as the plan, and what follows it is too much
        raise UsageError(said + _mistyped_command(namespace.plan) if command == OPEN else said)
    return namespace


def _refuse_what_is_no_text(word: str) -> None:
    """Bytes that are no UTF-8 could be neither stored with a run nor told to an agent."""
    try:
        word.encode()
    except UnicodeEncodeError:
        from piplan_tui.clean import printable

        raise UsageError(f'"{printable(word[:60])}" is not text in UTF-8; write it in UTF-8.') from None


def build(command: str) -> argparse.ArgumentParser:
    """The parser of one command; it knows nothing of the others."""
    prog = "piplan-tui" if command == OPEN else f"piplan-tui {command}"
    parser = _Parser(
        prog=prog,
        description=_sentence(COMMANDS.get(command, "open a plan in the terminal view")),
        epilog=_EPILOGS.get(command),
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    own = parser.add_argument_group("options of this command")
    match command:
        case "open":
            parser.add_argument("plan", metavar="PLAN", nargs="?", help="a plan file")
        case "run":
            parser.add_argument("plan", metavar="PLAN", help="a plan file; - reads it from stdin")
        case "check":
            parser.add_argument("plans", metavar="PLAN", nargs="+", help="plan files; - reads from stdin")
        case "runs":
            own.add_argument("--all", action="store_true", help="all runs, not only the latest 20")
        case "show" | "resume" | "attach" | "repair":
            _add_run(parser)
        case "retry":
            _add_run(parser)
            parser.add_argument("steps", metavar="STEP", nargs="*", help="default: all that failed")
            own.add_argument("--goal", metavar="TEXT", help="another goal for the step")
            own.add_argument("--downstream", action="store_true", help="and everything that needs them")
        case "cancel":
            _add_run(parser)
            parser.add_argument("step", metavar="STEP", nargs="?", help="only this step")
        case "asks":
            parser.add_argument("run", metavar="RUN", nargs="?", help="only this run's")
        case "answer":
            _add_run(parser)
            parser.add_argument(
                "words", metavar="STEP key=value", nargs="*", help="the step, then the answer"
            )
            own.add_argument("--json", metavar="FILE", dest="file", help="the values as JSON; - reads stdin")
            own.add_argument("--decline", action="store_true", help="refuse to answer")
            own.add_argument("--action", metavar="ID", help="which of the question's actions")
            own.add_argument("--note", metavar="TEXT", help="said to the agent with the answer")
        case "export":
            parser.add_argument(
                "what", metavar="RUN|PLAN", help="a run's id, the beginning of one, `last`, or a plan file"
            )
            own.add_argument(
                "--as",
                dest="as_",
                choices=("plan", "workflow"),
                default=argparse.SUPPRESS,
                help="default: plan for a run, workflow for a plan file",
            )
        case "install" | "uninstall":
            parser.add_argument("program", metavar="pi", choices=("pi",), help="the program to extend")
            _add(own, [_FORCE] if command == "uninstall" else [_PRINT, _FORCE])
    if command == "repair":
        own.add_argument("--yes", action="store_true", default=argparse.SUPPRESS, help="do not ask")
    if command in ("check", "runs", "show", "asks", "agents"):
        _add(own, [_JSON])
    if command == "show":
        own.add_argument(
            "--result",
            action="store_true",
            default=argparse.SUPPRESS,
            help="only what the run gave, as --ui quiet prints it",
        )
    if command in _CAN_DETACH:
        _add(own, [_DETACH])
    if command == "attach":
        _add(parser.add_argument_group("output"), [*_OUTPUT, _ASCII, _PLAIN_LIST])
    if command in _RUNS_STEPS:
        _add(parser.add_argument_group("output"), _OUTPUT)
        _add(parser.add_argument_group("how steps run"), _RUNNING)
    elif command == "mcp":
        own.add_argument(
            "--allow-python",
            action="store_true",
            default=argparse.SUPPRESS,
            help="take scripts in Python too, which may do all that you may; JavaScript runs in a sandbox",
        )
        _add(parser.add_argument_group("how steps run"), [o for o in _RUNNING if o[0][0] not in _OF_ONE_RUN])
    elif command == "agents":
        _add(own, [option for option in _RUNNING if option[0] == ("--pi-command",)])
    if command not in ("install", "uninstall"):
        _add(parser.add_argument_group("where things are"), _STORE)
    return parser


def _add_run(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("run", metavar="RUN", help="id, the beginning of one, or `last`")


def _add(parser: argparse._ActionsContainer, options: list[tuple[tuple[str, ...], dict[str, Any]]]) -> None:
    for flags, how in options:
        parser.add_argument(*flags, default=argparse.SUPPRESS, **how)


def _split(argv: Sequence[str]) -> tuple[list[str], str, list[str]]:
    """The options before the command, the command, and what is its own."""
    words = list(argv)
    position = 0
    while position < len(words):
        word = words[position]
        if word == "--" or word == "-" or not word.startswith("-"):
            break
        position += 2 if word in _TAKES_VALUE else 1
    if position < len(words) and words[position] in COMMANDS:
        return words[:position], words[position], words[position + 1 :]
    return [], OPEN, words


def _unexpected(parser: argparse.ArgumentParser, word: str) -> str:
    if word.startswith("-"):
        flag = word.partition("=")[0]
        known = [option for option in parser._option_string_actions if option.startswith("--")]
        return f"{parser.prog} has no option {flag}.{did_you_mean(flag, known)}"
    return f'"{word}" is one argument too many for {parser.prog}.'


def _mistyped_command(word: str | None) -> str:
    if not word or any(mark in word for mark in "/.\\") or Path(word).exists():
        return ""
    return did_you_mean(word, COMMANDS)


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."
