"""Which agents there are, and how a name becomes one."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import msgspec

from piplan_tui.agents.protocol import Agent, AgentFailure

_VERSION_SECONDS = 15.0
KNOWN_AGENTS = "pi, acp:NAME, command:PROGRAM ARGUMENTS… or demo"
"""The forms that an agent's name has, as the end of a sentence."""


class UnknownAgent(ValueError):
    """No agent has this name. `str()` is one sentence that says which there are."""


class NamedAgent(msgspec.Struct, frozen=True, kw_only=True):
    """An agent that the user gave a name: which one it is, what starts it (Pi only), what is in its environment."""

    agent: str
    command: tuple[str, ...] | None = None
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)


class AgentSettings(msgspec.Struct, frozen=True, kw_only=True):
    """What the user chose for the agents of a run; each agent takes what concerns it.

    `pi_command` is the command that starts Pi as a list of words, `pi_config_root` Pi's configuration folder.
    `demo_pace` scales the demo agent's pauses: 1 is lifelike, 0 is at once. `named` are the user's own names.
    """

    model: str = ""
    provider: str = ""
    thinking: str = ""
    tools: tuple[str, ...] | None = None
    system_prompt: str = ""
    environment: Mapping[str, str] = msgspec.field(default_factory=dict)
    pi_command: tuple[str, ...] | None = None
    pi_config_root: Path | None = None
    demo_pace: float = 1.0
    named: Mapping[str, NamedAgent] = msgspec.field(default_factory=dict)


class AgentInfo(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """A line of `piplan-tui agents`. `where` is a path; `hint` says what would make it usable."""

    name: str
    installed: bool
    version: str = ""
    where: str = ""
    hint: str = ""


def is_agent_name(name: str) -> bool:
    """Whether a name has a form that `make_agent` knows; loads no agent."""
    kind, colon, rest = name.strip().partition(":")
    return (
        bool(rest.strip()) if colon and kind in ("command", "acp") else kind in ("pi", "demo") and not colon
    )


def make_agent(name: str, settings: AgentSettings | None = None) -> Agent:
    """The agent of this name: the user's own, `pi`, `acp:NAME` or `acp:COMMAND`, `command:PROGRAM ARGUMENTS…`
    or `demo`.

    Raises:
        UnknownAgent: there is no such agent.
    """
    settings = settings or AgentSettings()
    name = name.strip()
    own = settings.named.get(name)
    if own is not None:
        settings = msgspec.structs.replace(
            settings,
            pi_command=own.command or settings.pi_command,
            environment={**settings.environment, **own.environment},
        )
    try:
        made = _make(own.agent if own is not None else name, name, settings)
    except ValueError as error:
        raise UnknownAgent(str(error)) from error
    if made is None:
        yours = f", or one of your own: {', '.join(settings.named)}" if settings.named else ""
        raise UnknownAgent(f"there is no agent {name!r}; the agent can be {KNOWN_AGENTS}{yours}")
    return made


def _make(what: str, name: str, settings: AgentSettings) -> Agent | None:
    # imported here so that a run loads only the agent that it uses
    kind, colon, rest = what.partition(":")
    if kind == "pi" and not colon:
        from piplan_tui.agents.pi import PiAgent

        return PiAgent(
            settings.pi_command,
            settings.pi_config_root,
            name=name,
            model=settings.model,
            provider=settings.provider,
            thinking=settings.thinking,
            tools=settings.tools,
            system_prompt=settings.system_prompt,
            environment=settings.environment,
        )
    if kind == "demo" and not colon:
        from piplan_tui.agents.demo import DemoAgent

        return DemoAgent(pace=settings.demo_pace)
    if kind == "command" and colon:
        from piplan_tui.agents.command import CommandAgent

        return CommandAgent(rest.strip(), name=name, environment=settings.environment)
    if kind == "acp" and colon:
        from piplan_tui.agents.acp.agent import AcpAgent

        return AcpAgent(
            rest.strip(),
            name=name,
            model=settings.model,
            provider=settings.provider,
            thinking=settings.thinking,
            tools=settings.tools,
            system_prompt=settings.system_prompt,
            environment=settings.environment,
        )
    return None


def known_agents(settings: AgentSettings | None = None) -> list[AgentInfo]:
    """All kinds of agents and whether they can be used here.

    Runs `pi --version`, so it blocks for up to 15 seconds.
    """
    settings = settings or AgentSettings()
    return [
        _pi(settings),
        AgentInfo(
            name="command:PROGRAM",
            installed=True,
            hint="any program: the prompt on its stdin, the result as JSON on its stdout",
        ),
        AgentInfo(name="demo", installed=True, hint="plays believable steps without a model"),
        *_over_acp(settings),
        AgentInfo(name="acp:COMMAND", installed=True, hint="any other program that speaks ACP"),
        *(
            AgentInfo(name=name, installed=True, hint=f"your own name for {own.agent}")
            for name, own in settings.named.items()
            if own.agent != name
        ),
    ]


def _over_acp(settings: AgentSettings) -> list[AgentInfo]:
    # this module alone does not load the library of the protocol
    from piplan_tui.agents.acp.known import KNOWN, PREFIX

    path = {**os.environ, **settings.environment}.get("PATH")
    infos: list[AgentInfo] = []
    for name, agent in KNOWN.items():
        found = [
            (where, command) for command in agent.commands if (where := shutil.which(command[0], path=path))
        ]
        where = shlex.join([found[0][0], *found[0][1][1:]]) if found else ""
        hint = "" if found else agent.install
        infos.append(AgentInfo(name=f"{PREFIX}{name}", installed=bool(found), where=where, hint=hint))
    return infos


def _pi(settings: AgentSettings) -> AgentInfo:
    from piplan_tui.agents.pi import failures, pi_command

    environment = {**os.environ, **settings.environment}
    try:
        command = settings.pi_command or pi_command(environment)
        where = shutil.which(command[0], path=environment.get("PATH"))
        if not where:
            raise failures.not_found(command[0])
        done = subprocess.run(
            [*command, "--version"],
            env={**environment, "PI_OFFLINE": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=_VERSION_SECONDS,
            check=False,
        )
        # 0.72 writes its version to stderr
        version = re.search(r"^v?(\d+\.\d+\.\d+\S*)$", f"{done.stdout}\n{done.stderr}", re.MULTILINE)
        if done.returncode or not version:
            raise failures.did_not_start(command, done.returncode, done.stderr)
        return AgentInfo(
            name="pi", installed=True, version=version.group(1), where=shlex.join([where, *command[1:]])
        )
    except AgentFailure as failure:
        return AgentInfo(name="pi", installed=False, hint=failure.message)
    except subprocess.TimeoutExpired:
        hint = f"{command[0]} --version did not answer within {_VERSION_SECONDS:g} s"
        return AgentInfo(name="pi", installed=False, hint=hint)
    except OSError as error:
        return AgentInfo(name="pi", installed=False, hint=f"{command[0]} could not be run: {error.strerror}")
