"""Agents that are known to speak ACP: how each is started, installed and logged in to.

Nothing here needs the protocol's library, so that agents can be listed without loading it.
"""

from __future__ import annotations

import os
import shlex
import shutil
from dataclasses import dataclass
from pathlib import Path

from piplan_tui.agents.protocol import AgentFailure

PREFIX = "acp:"


@dataclass(frozen=True)
class KnownAgent:
    """`commands` are tried in order: releases differ in how they are started.

    `install` and `login` tell the user what to do, at the end of a sentence.
    """

    commands: tuple[tuple[str, ...], ...]
    install: str
    login: str


KNOWN: dict[str, KnownAgent] = {
    "opencode": KnownAgent(
        (("opencode", "acp"),),
        "install it with npm install -g opencode-ai",
        "run opencode auth login in a terminal",
    ),
    "claude": KnownAgent(
        (("claude-agent-acp",), ("claude-code-acp",)),
        "install it with npm install -g @agentclientprotocol/claude-agent-acp",
        "run claude in a terminal and type /login, or set ANTHROPIC_API_KEY",
    ),
    "codex": KnownAgent(
        (("codex-acp",),),
        "install it with npm install -g @agentclientprotocol/codex-acp",
        "run codex login in a terminal, or set OPENAI_API_KEY",
    ),
    "gemini": KnownAgent(
        (("gemini", "--acp"), ("gemini", "--experimental-acp")),
        "install it with npm install -g @google/gemini-cli",
        "run gemini in a terminal and choose how to log in, or set GEMINI_API_KEY",
    ),
    "goose": KnownAgent(
        (("goose", "acp"),),
        "to install it, see https://block.github.io/goose/docs/getting-started/installation",
        "run goose configure in a terminal",
    ),
    "copilot": KnownAgent(
        (("copilot", "--acp"),),
        "install it with npm install -g @github/copilot",
        "run copilot in a terminal and type /login",
    ),
    "kimi": KnownAgent(
        (("kimi", "acp"), ("kimi", "--acp")),
        "to install it, see https://github.com/MoonshotAI/kimi-code",
        "run kimi in a terminal and type /login",
    ),
    "openhands": KnownAgent(
        (("openhands", "acp"),),
        "install it with uv tool install openhands --python 3.12",
        "run openhands in a terminal and set up its model",
    ),
    "pi": KnownAgent(
        (("pi-acp",),),
        "install it with npm install -g pi-acp @earendil-works/pi-coding-agent",
        "run pi in a terminal and type /login, or set the API key of its provider",
    ),
}


@dataclass(frozen=True)
class AgentCommand:
    """What to start: `candidates` in order of preference, each a program and its arguments."""

    name: str
    candidates: tuple[tuple[str, ...], ...]
    known: KnownAgent | None

    @property
    def login(self) -> str:
        return self.known.login if self.known else ""


def read_command(text: str, name: str = "") -> AgentCommand:
    """The agent that the part after `acp:` names: a known one, perhaps with more arguments, or a command.

    `name` is what the user calls it, when that is not just `acp:` and the text.

    Raises:
        ValueError: it is empty, or a quote in it is not closed.
    """
    name = name or f"{PREFIX}{text}"
    try:
        words = tuple(shlex.split(text))
    except ValueError as error:
        raise ValueError(f"{name} cannot be read as a command: {error}") from error
    if not words:
        raise ValueError(
            f"{PREFIX} needs an agent: one of {', '.join(KNOWN)}, or a command such as {PREFIX}./my-agent --flag"
        )
    known = KNOWN.get(words[0])
    if known is None:
        return AgentCommand(name, (words,), None)
    return AgentCommand(name, tuple((*command, *words[1:]) for command in known.commands), known)


def find_commands(command: AgentCommand, workspace: Path, path: str | None) -> list[tuple[str, ...]]:
    """The candidates whose program is there, with its full path.

    A program with a slash in its name is looked for from the workspace, any other on `path`.

    Raises:
        AgentFailure: there is none; the sentence says how to install it.
    """
    found: list[tuple[str, ...]] = []
    for program, *arguments in command.candidates:
        if "/" in program:
            file = (workspace / Path(program).expanduser()).absolute()
            if file.is_file() and not os.access(file, os.X_OK):
                raise AgentFailure("unusable", f"{file} is not executable: chmod +x {shlex.quote(str(file))}")
            where = str(file) if file.is_file() else None
        else:
            where = shutil.which(program, path=path)
        if where:
            found.append((where, *arguments))
    if not found:
        program = command.candidates[0][0]
        place = f"in {workspace}" if "/" in program else "on PATH"
        help_ = f"; {command.known.install}" if command.known else _did_you_mean(program)
        raise AgentFailure("missing", f"the program {program} of {command.name} was not found {place}{help_}")
    return found


def _did_you_mean(program: str) -> str:
    return "" if "/" in program else f"; agents known by name are {', '.join(KNOWN)}"
