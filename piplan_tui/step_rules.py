"""The `[steps]` table of the config file: who carries out which steps.

    [steps]
    fallback = ["acp:claude", "command:./agent.sh"]   # tried in this order

    [steps.by.role.designer]                          # steps with "role": "designer"
    agent = "pi"
    model = "anthropic/claude-opus"
    thinking = "high"
    tools = ["read", "write"]
    fallback = [{ agent = "pi", model = "openai/gpt-5" }]

    [steps.by.phase."2 Research"]                     # steps with "phase": "2 Research"
    agent = "acp:gemini"

`by` maps a field of a step, whatever the plan calls it, and a value of it to settings. All rules that fit a step
apply, a later one over an earlier one; a field that holds a list fits with each of its items. What a rule leaves out
comes from the run's own settings when it keeps the run's agent, and is left to the agent otherwise.

`fallback` is what takes the place of an agent that is not installed or at its provider's limit. A rule's own goes
before the one for all steps.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterator
from typing import Any

from piplan_tui.agents.registry import KNOWN_AGENTS, is_agent_name
from piplan_tui.plan.problem import printable

Problem = tuple[tuple[str, ...], str]
"""Where in the config file, as a path of keys, and what is wrong there."""

_TEXTS = ("agent", "model", "provider", "thinking")
_OF_AN_AGENT = (*_TEXTS, "tools")
_OF_A_RULE = (*_OF_AN_AGENT, "fallback")
_RULE = "a table such as [steps.by.role.designer]"


def problems_of(table: Any) -> list[Problem]:
    """What is wrong with a `[steps]` table; empty when it can be used."""
    return list(_table(table))


def _table(table: Any) -> Iterator[Problem]:
    if not isinstance(table, dict):
        yield ("steps",), f"steps must be {_RULE}"
        return
    yield from _unknown(table, ("by", "fallback"), ("steps",), "steps")
    if "fallback" in table:
        yield from _fallback(table["fallback"], ("steps", "fallback"))
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
            yield from _rule(rule, (*path, value))


def _rule(rule: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(rule, dict):
        yield path, f"{_name(path)} must be {_RULE}: a field of the steps, then one of its values"
        return
    yield from _unknown(rule, _OF_A_RULE, path, _name(path))
    yield from _agent(rule, path)
    if "fallback" in rule:
        yield from _fallback(rule["fallback"], (*path, "fallback"))


def _fallback(entries: Any, path: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(entries, list):
        yield path, f'{_name(path)} must be a list of agents, such as ["pi", "command:./agent.sh"]'
        return
    for entry in entries:
        if isinstance(entry, dict):
            if "agent" not in entry:
                yield path, f"{_name(path)} has a table without an agent"
            yield from _unknown(entry, _OF_AN_AGENT, path, _name(path))
            yield from _agent(entry, path, inside=True)
        else:
            yield from _agent({"agent": entry}, path, inside=True)


def _agent(settings: dict[str, Any], path: tuple[str, ...], *, inside: bool = False) -> Iterator[Problem]:
    for name in _TEXTS:
        value = settings.get(name, "")
        where = path if inside else (*path, name)
        if not isinstance(value, str):
            yield where, f"{_name(where)} has {_shown(value)} as its {name}, but that must be text"
        elif name == "agent" and name in settings and not is_agent_name(value):
            yield where, f"there is no agent {_shown(value)}; the agent can be {KNOWN_AGENTS}"
    tools = settings.get("tools", [])
    if not isinstance(tools, list) or not all(isinstance(tool, str) for tool in tools):
        where = path if inside else (*path, "tools")
        yield where, f'{_name(where)} must be a list of names, such as ["read", "bash"]'


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
