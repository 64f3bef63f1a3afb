"""The `[agents]` table of the config file: agents with names of the user's own, and what each may do.

[agents.old-pi]                     # a name that --agent and the rules for steps can use
agent = "pi"                        # pi, acp:COMMAND or command:PROGRAM
command = "node /opt/pi/cli.js"     # only for pi: the program that starts it
environment = { PI_OFFLINE = "1" }  # added to the agent's environment

[agents."acp:opencode"]             # an agent that has its name already
permissions = "allow read-only"     # what it may do without a question
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from piplan_tui.agents.registry import KNOWN_AGENTS, NamedAgent, is_agent_name
from piplan_tui.clean import printable
from piplan_tui.config.problem import Problem, policy_problems, unknown_settings
from piplan_tui.run.permission import read_policy

_KEYS = ("agent", "command", "environment", "permissions")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9._-]{0,39}")


def problems_of(table: Any) -> list[Problem]:
    """What is wrong with an `[agents]` table; empty when it can be used."""
    if not isinstance(table, dict):
        return [(("agents",), "agents must be tables such as [agents.my-agent]")]
    return [problem for name, entry in table.items() for problem in _entry(name, entry)]


def _entry(name: str, entry: Any) -> Iterator[Problem]:
    path: tuple[str, ...] = ("agents", name)
    shown = f"agents.{printable(name)}"
    if not isinstance(entry, dict):
        yield path, f"{shown} must be a table such as [agents.my-agent]"
        return
    yield from unknown_settings(entry, _KEYS, path, shown)
    agent = entry.get("agent", "")
    if is_agent_name(name):
        if "agent" in entry:
            yield (*path, "agent"), f"{shown} is an agent already; give another name to one of your own"
        agent = name
    elif not _NAME.fullmatch(name):
        yield path, f'an agent cannot be named "{printable(name)}": letters, digits, ".", "_" and "-" only'
    elif not isinstance(agent, str) or not is_agent_name(agent):
        yield path, f"{shown} needs agent: {KNOWN_AGENTS}"
    command = entry.get("command")
    if command is not None:
        yield from _command(command, agent, (*path, "command"), shown)
    environment = entry.get("environment", {})
    if not isinstance(environment, dict) or not all(isinstance(value, str) for value in environment.values()):
        yield (*path, "environment"), f'{shown}.environment must hold text, such as {{ NAME = "value" }}'
    yield from policy_problems(
        entry.get("permissions", "ask"), (*path, "permissions"), f"{shown}.permissions"
    )


def _command(command: Any, agent: Any, path: tuple[str, ...], shown: str) -> Iterator[Problem]:
    if agent != "pi":
        yield path, f"{shown}.command is only for pi; another agent's command stands in its agent"
        return
    try:
        words = shlex.split(command) if isinstance(command, str) else []
    except ValueError as error:
        yield path, f"{shown}.command cannot be read: {error}"
        return
    if not words:
        yield path, f"{shown}.command must be a command, such as node /opt/pi/cli.js"


def named_agents(table: Mapping[str, Any]) -> dict[str, NamedAgent]:
    """The agents of a table without problems."""
    return {
        name: NamedAgent(
            agent=entry.get("agent", name),
            command=tuple(shlex.split(entry.get("command", ""))) or None,
            environment=dict(entry.get("environment", {})),
        )
        for name, entry in table.items()
    }


def permissions_by_agent(table: Mapping[str, Any]) -> dict[str, str]:
    """The policies of a table without problems, by the agent's name."""
    found: dict[str, str] = {}
    for name, entry in table.items():
        policy = read_policy(entry.get("permissions", ""))
        if policy is not None:
            found[name] = policy
    return found
