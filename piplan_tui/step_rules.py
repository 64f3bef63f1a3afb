"""The `[steps]` table of the config file: who carries out which steps.

    [steps]
    fallback = ["acp:claude", "command:./agent.sh"]   # tried in this order

    [steps.by.role.designer]                          # steps with "role": "designer"
    agent = "pi"
    model = "anthropic/claude-opus"
    thinking = "high"
    tools = ["read", "write"]
    permissions = "allow in workspace"
    workspace = "design"                              # from the run's workspace
    isolation = "worktree"                            # a git worktree of its own
    fallback = [{ agent = "pi", model = "openai/gpt-5" }]

    [steps.by.phase."2 Research"]                     # steps with "phase": "2 Research"
    agent = "acp:gemini"

`by` maps a field of a step, whatever the plan calls it, and a value of it to settings. All rules that fit a step
apply, a later one over an earlier one; a field that holds a list fits with each of its items. What a rule leaves out
comes from the run's own settings when it keeps the run's agent, and is left to the agent otherwise.

`permissions` goes before what is set for all agents; `workspace` and `isolation` belong to the step, whoever carries
it out. `[steps]` itself may have an `isolation` for all steps; a rule's `"none"` takes it back.

`fallback` is what takes the place of an agent that is not installed or at its provider's limit. A rule's own goes
before the one for all steps.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator
from typing import Any

from piplan_tui.agents.registry import KNOWN_AGENTS, is_agent_name
from piplan_tui.clean import printable
from piplan_tui.run.permission import POLICIES_SAID, read_policy

Problem = tuple[tuple[str, ...], str]
"""Where in the config file, as a path of keys, and what is wrong there."""

_TEXTS = ("agent", "model", "provider", "thinking")
_OF_AN_AGENT = (*_TEXTS, "tools", "permissions")
_OF_A_RULE = (*_OF_AN_AGENT, "workspace", "isolation", "fallback")
ISOLATIONS = ("none", "worktree")
_RULE = "a table such as [steps.by.role.designer]"


def problems_of(table: Any, own_agents: Collection[str] = ()) -> list[Problem]:
    """What is wrong with a `[steps]` table; empty when it can be used.

    `own_agents` are the names that the user gave to agents.
    """
    return list(_Reader(own_agents).table(table))


class _Reader:
    def __init__(self, own_agents: Collection[str]) -> None:
        self._own_agents = own_agents

    def table(self, table: Any) -> Iterator[Problem]:
        if not isinstance(table, dict):
            yield ("steps",), f"steps must be {_RULE}"
            return
        yield from _unknown(table, ("by", "fallback", "isolation"), ("steps",), "steps")
        yield from _place(table, ("steps",))
        if "fallback" in table:
            yield from self._fallback(table["fallback"], ("steps", "fallback"))
        fields = table.get("by", {})
        if not isinstance(fields, dict):
            yield ("steps", "by"), f"steps.by must hold {_RULE}"
            return
        for field, values in fields.items():
            path: tuple[str, ...] = ("steps", "by", field)
            if not isinstance(values, dict):
                yield path, f"{_name(path)} must hold {_RULE}: a field of the steps, then one of its values"
                continue
            for value, rule in values.items():
                yield from self._rule(rule, (*path, value))

    def _rule(self, rule: Any, path: tuple[str, ...]) -> Iterator[Problem]:
        if not isinstance(rule, dict):
            yield path, f"{_name(path)} must be {_RULE}: a field of the steps, then one of its values"
            return
        yield from _unknown(rule, _OF_A_RULE, path, _name(path))
        yield from _place(rule, path)
        yield from self._agent(rule, path)
        if "fallback" in rule:
            yield from self._fallback(rule["fallback"], (*path, "fallback"))

    def _fallback(self, entries: Any, path: tuple[str, ...]) -> Iterator[Problem]:
        if not isinstance(entries, list):
            yield path, f'{_name(path)} must be a list of agents, such as ["pi", "command:./agent.sh"]'
            return
        for entry in entries:
            if isinstance(entry, dict):
                if "agent" not in entry:
                    yield path, f"{_name(path)} has a table without an agent"
                yield from _unknown(entry, _OF_AN_AGENT, path, _name(path))
                yield from self._agent(entry, path, inside=True)
            else:
                yield from self._agent({"agent": entry}, path, inside=True)

    def _agent(
        self, settings: dict[str, Any], path: tuple[str, ...], *, inside: bool = False
    ) -> Iterator[Problem]:
        for name in _TEXTS:
            value = settings.get(name, "")
            where = path if inside else (*path, name)
            if not isinstance(value, str):
                yield where, f"{_name(where)} has {_shown(value)} as its {name}, but that must be text"
            elif name == "agent" and name in settings and not self._is_agent(value):
                yield where, f"there is no agent {_shown(value)}; the agent can be {KNOWN_AGENTS}"
        tools = settings.get("tools", [])
        if not isinstance(tools, list) or not all(isinstance(tool, str) for tool in tools):
            where = path if inside else (*path, "tools")
            yield where, f'{_name(where)} must be a list of names, such as ["read", "bash"]'
        permissions = settings.get("permissions", "ask")
        if not isinstance(permissions, str) or read_policy(permissions) is None:
            where = path if inside else (*path, "permissions")
            yield where, f"{_name(where)} is {_shown(permissions)}, but must be {POLICIES_SAID}"

    def _is_agent(self, name: str) -> bool:
        return name in self._own_agents or is_agent_name(name)


def _place(settings: dict[str, Any], path: tuple[str, ...]) -> Iterator[Problem]:
    workspace = settings.get("workspace", ".")
    if not isinstance(workspace, str) or not workspace:
        yield (
            (*path, "workspace"),
            f"{_name((*path, 'workspace'))} is {_shown(workspace)}, but must be a folder",
        )
    isolation = settings.get("isolation", "none")
    if isolation not in ISOLATIONS:
        where = (*path, "isolation")
        yield where, f"{_name(where)} is {_shown(isolation)}, but must be none or worktree"


def _unknown(
    table: dict[str, Any], known: tuple[str, ...], path: tuple[str, ...], name: str
) -> Iterator[Problem]:
    for key in table:
        if key not in known:
            guess = difflib.get_close_matches(key, known, n=1)
            hint = f'; did you mean "{guess[0]}"?' if guess else f"; it has {', '.join(known)}"
            yield (*path, key), f"{name} has no setting {_shown(key)}{hint}"


def _name(path: tuple[str, ...]) -> str:
    return printable(".".join(path))


def _shown(value: Any) -> str:
    return f'"{printable(value)}"' if isinstance(value, str) else printable(repr(value))
