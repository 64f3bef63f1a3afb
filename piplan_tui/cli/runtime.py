"""The runtime and the options of runs, as the settings want them."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from typing import Any

from piplan_tui.agents.registry import AgentSettings, UnknownAgent, make_agent
from piplan_tui.clean import printable
from piplan_tui.cli.context import Context, in_terminal
from piplan_tui.cli.parser import OPEN, UsageError
from piplan_tui.config.agent_tables import named_agents, permissions_by_agent
from piplan_tui.config.settings import Settings
from piplan_tui.run.events import RuntimeEvent
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.fan_out import ASK_AGENTS
from piplan_tui.run.options import RunChanges, RunOptions
from piplan_tui.run.runtime import PlanRuntime


def make_runtime(context: Context, sink: Callable[[RuntimeEvent], None] | None = None) -> PlanRuntime:
    """A runtime on the command line's store and agents. `sink` is told every event of its runs.

    Raises:
        UsageError: the agent that was named does not exist.
    """
    agents = agent_settings(context)
    try:
        make_agent(context.settings.agent, agents)
    except UnknownAgent as error:
        raise UsageError(f"{str(error)[:1].upper()}{str(error)[1:]}.") from None
    return create_runtime(store=context.store, agents=agents, sink=sink)


def agent_settings(context: Context) -> AgentSettings:
    """What starts the agents, and the user's own names for them.

    Raises:
        UsageError: the command that starts Pi has an unfinished quote.
    """
    settings = context.settings
    try:
        pi_command = tuple(shlex.split(settings.pi_command)) or None
    except ValueError as error:
        raise UsageError(f"The command {printable(settings.pi_command)} cannot be read: {error}.") from None
    return AgentSettings(
        pi_command=pi_command, demo_pace=settings.demo_pace, named=named_agents(settings.agents)
    )


def run_options(context: Context, source: str) -> RunOptions:
    """How a new run is to be made. `source` is the plan's path.

    Raises:
        UsageError: the workspace is no folder.
    """
    settings = context.settings
    workspace = settings.workspace_dir()
    if not workspace.is_dir():
        raise UsageError(
            f"The workspace {printable(str(workspace))} is not a folder. Make it first: mkdir -p."
        )
    metadata: dict[str, Any] = dict(context.given("meta") or ())
    return RunOptions(
        workspace=workspace,
        agent=settings.agent,
        model=settings.model,
        provider=settings.provider,
        thinking=settings.thinking,
        tools=settings.tools,
        system_prompt=settings.system_prompt,
        steps=_step_rules(settings, context.given("isolation")),
        permissions=_permissions(settings),
        max_concurrency=settings.max_concurrency,
        workflow_concurrency=settings.max_concurrency if _chosen(settings, "max_concurrency") else None,
        max_agents=settings.max_agents,
        max_items=settings.max_items,
        ask_agents=_ask_agents(context),
        models=settings.models,
        budget_tokens=settings.budget_tokens,
        budget_usd=settings.budget_usd,
        budget_output_tokens=settings.budget_output_tokens,
        metadata=metadata,
        run_id=context.given("run_id"),
        source=source,
        demo_pace=settings.demo_pace if _chosen(settings, "demo_pace") else None,
    )


def run_changes(context: Context, *, for_steps: bool = False) -> RunChanges:
    """What the command line itself (not the config file) changes of a run that is taken up again.

    With `for_steps`, agent and model are for single steps and leave the run's own alone.
    """
    tools = context.given("tools")
    return RunChanges(
        agent=None if for_steps else context.given("agent"),
        model=None if for_steps else context.given("model"),
        provider=context.given("provider"),
        thinking=context.given("thinking"),
        tools=tuple(tools) if tools is not None else None,
        max_concurrency=context.given("max_concurrency"),
        budget_tokens=context.given("budget_tokens"),
        budget_usd=context.given("budget_usd"),
        budget_output_tokens=context.given("budget_output_tokens"),
        max_agents=context.given("max_agents"),
        max_items=context.given("max_items"),
        ask_agents=0 if context.given("yes") else context.given("ask_agents"),
        demo_pace=context.given("demo_pace"),
    )


def _chosen(settings: Settings, name: str) -> bool:
    return name in settings.model_fields_set


def _ask_agents(context: Context) -> int | None:
    """From how many likely calls on a fan-out is asked about: never by itself where nobody is there to answer."""
    settings = context.settings
    if settings.ask_agents is not None:
        return settings.ask_agents
    if context.given("yes"):
        return None
    view = context.given("ui") == "tui" or (
        context.given("ui") is None and context.given("command") in (OPEN, "demo")
    )
    waits = settings.on_ask == "wait" or context.given("detach")
    return ASK_AGENTS if waits or (view and in_terminal()) else None


def _step_rules(settings: Settings, isolation: str | None) -> dict[str, Any]:
    return settings.steps if isolation is None else {**settings.steps, "isolation": isolation}


def _permissions(settings: Settings) -> dict[str, Any]:
    """The user's policies as a run keeps them: for all agents, and by agent."""
    by = permissions_by_agent(settings.agents)
    policies: dict[str, Any] = {"default": settings.permissions} if settings.permissions else {}
    return {**policies, "by": by} if by else policies
