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

from collections.abc import Collection, Iterator
from typing import Any

from piplan_tui.agents.registry import KNOWN_AGENTS, is_agent_name
from piplan_tui.config.problem import Problem, name_of, policy_problems, shown, unknown_settings

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
        yield from unknown_settings(table, ("by", "fallback", "isolation"), ("steps",), "steps")
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
                yield path, f"{name_of(path)} must hold {_RULE}: a field of the steps, then one of its values"
                continue
            for value, rule in values.items():
                yield from self._rule(rule, (*path, value))

    def _rule(self, rule: Any, path: tuple[str, ...]) -> Iterator[Problem]:
        if not isinstance(rule, dict):
            yield path, f"{name_of(path)} must be {_RULE}: a field of the steps, then one of its values"
            return
        yield from unknown_settings(rule, _OF_A_RULE, path, name_of(path))
        yield from _place(rule, path)
        yield from self._agent(rule, path)
        if "fallback" in rule:
            yield from self._fallback(rule["fallback"], (*path, "fallback"))

    def _fallback(self, entries: Any, path: tuple[str, ...]) -> Iterator[Problem]:
        if not isinstance(entries, list):
            yield path, f'{name_of(path)} must be a list of agents, such as ["pi", "command:./agent.sh"]'
            return
        for entry in entries:
            if isinstance(entry, dict):
                if "agent" not in entry:
                    yield path, f"{name_of(path)} has a table without an agent"
                yield from unknown_settings(entry, _OF_AN_AGENT, path, name_of(path))
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
                yield where, f"{name_of(where)} has {shown(value)} as its {name}, but that must be text"
            elif name == "agent" and name in settings and not self._is_agent(value):
                yield where, f"there is no agent {shown(value)}; the agent can be {KNOWN_AGENTS}"
        tools = settings.get("tools", [])
        if not isinstance(tools, list) or not all(isinstance(tool, str) for tool in tools):
            where = path if inside else (*path, "tools")
            yield where, f'{name_of(where)} must be a list of names, such as ["read", "bash"]'
        where = path if inside else (*path, "permissions")
        yield from policy_problems(settings.get("permissions", "ask"), where, name_of(where))

    def _is_agent(self, name: str) -> bool:
        return name in self._own_agents or is_agent_name(name)


def _place(settings: dict[str, Any], path: tuple[str, ...]) -> Iterator[Problem]:
    workspace = settings.get("workspace", ".")
    if not isinstance(workspace, str) or not workspace:
        yield (
            (*path, "workspace"),
            f"{name_of((*path, 'workspace'))} is {shown(workspace)}, but must be a folder",
        )
    isolation = settings.get("isolation", "none")
    if isolation not in ISOLATIONS:
        where = (*path, "isolation")
        yield where, f"{name_of(where)} is {shown(isolation)}, but must be none or worktree"
