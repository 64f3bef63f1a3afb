"""Who may carry out a step: the run's own agent, or what the user's rules say for steps like it.

A rule is the user's: "steps whose `role` is `designer` go to this agent". The plan's fields are compared with it
as they are; nothing here knows what a field means.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from piplan_tui.run.call import called_model
from piplan_tui.run.permission import policy_of, read_policy
from piplan_tui.run.state import ProviderLimit, RunState, StepState


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """An agent and how it is set up. What is empty is left to the agent."""

    agent: str
    model: str = ""
    provider: str = ""
    thinking: str = ""
    tools: tuple[str, ...] | None = None
    permissions: str = ""

    @property
    def quota(self) -> str:
        """What shares one limit of its provider: the agent, and the model's provider where it is named."""
        provider = self.provider or self.model.rpartition("/")[0]
        return f"{self.agent} {provider}".strip()


def routes(state: RunState, step: StepState) -> tuple[Route, ...]:
    """The ways to carry out a step, the first choice in front; never empty.

    The rules are in the run's settings as `steps`: `{"by": {field: {value: settings}}, "fallback": […]}`. All
    rules that fit apply, a later one over an earlier one. An agent or a model that the user chose for this one step
    goes before them, and so does the model that a workflow's script names.
    """
    settings = state.settings
    own = Route(
        agent=state.agent,
        model=state.model,
        provider=settings.get("provider", ""),
        thinking=settings.get("thinking", ""),
        tools=_names(settings.get("tools")),
    )
    rules = settings.get("steps") or {}
    chosen = _matching(rules, step)
    first = _route(own, chosen, settings)
    if step.agent_override and step.agent_override != first.agent:
        permissions = policy_of(settings, step.agent_override)
        first = msgspec.structs.replace(own, agent=step.agent_override, permissions=permissions)
    model = step.model_override or called_model(state, step)
    if model:
        first = msgspec.structs.replace(first, model=model)
    found = [first]
    if not step.agent_override:
        for entry in chosen.get("fallback", rules.get("fallback", ())):
            other = _route(own, {"agent": entry} if isinstance(entry, str) else entry, settings)
            if other not in found:
                found.append(other)
    return tuple(found)


def limit_of(state: RunState, step: StepState) -> ProviderLimit | None:
    """The provider's limit that keeps a step from starting: of all its ways, the one that ends first."""
    if not state.limits:
        return None
    limits = []
    for route in routes(state, step):
        limit = state.limits.get(route.quota)
        if limit is None:
            return None
        limits.append(limit)
    return min(limits, key=lambda limit: limit.until)


def _matching(rules: dict[str, Any], step: StepState) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name, values in rules.get("by", {}).items():
        said = step.document.get(name)
        for value in said if isinstance(said, list) else [said]:
            if isinstance(value, str | int | float) and (rule := values.get(_text(value))):
                merged |= rule
    return merged


def _text(value: str | float) -> str:
    # as TOML writes them, which is where the rules come from
    return str(value).lower() if isinstance(value, bool) else str(value)


def _route(own: Route, chosen: dict[str, Any], settings: dict[str, Any]) -> Route:
    """`own` with what is chosen; another agent takes nothing over, for models and tools have its own names."""
    agent = chosen.get("agent", own.agent)
    base = own if agent == own.agent else Route(agent=agent)
    if "model" in chosen:
        # a provider chosen for one model says nothing about another one
        base = msgspec.structs.replace(base, model=chosen["model"], provider="")
    tools = _names(chosen["tools"]) if "tools" in chosen else base.tools
    return msgspec.structs.replace(
        base,
        provider=chosen.get("provider", base.provider),
        thinking=chosen.get("thinking", base.thinking),
        tools=tools,
        permissions=read_policy(str(chosen.get("permissions", ""))) or policy_of(settings, agent),
    )


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a step works: a folder, and `worktree` when that is to be a git worktree of its own."""

    workspace: str
    isolation: str = ""


def place_of(state: RunState, step: StepState) -> Place:
    """Where the rules want a step to work; a relative folder is taken from the run's workspace."""
    rules = state.settings.get("steps") or {}
    chosen = _matching(rules, step)
    isolation = chosen.get("isolation", rules.get("isolation", "none"))
    workspace = Path(state.workspace) / Path(chosen.get("workspace", "")).expanduser()
    return Place(workspace=str(workspace), isolation="" if isolation == "none" else isolation)


def _names(tools: Any) -> tuple[str, ...] | None:
    return None if tools is None else tuple(tools)
