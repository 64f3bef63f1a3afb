"""Puts a runtime together: the one place where the run core meets the agents."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from piplan_tui.agents import process
from piplan_tui.agents.protocol import Agent, AgentFailure
from piplan_tui.agents.registry import AgentSettings, UnknownAgent, make_agent
from piplan_tui.run.options import DEFAULT_MAX_CONCURRENCY, RunOptions
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.sink import Sink
from piplan_tui.store.memory import MemoryRuntimeStore
from piplan_tui.store.protocol import RuntimeStore


async def sweep_processes(run_token: str) -> int:
    """End every process that carries the run's token; how many could not be ended."""
    return (await process.sweep(run_token, mark=process.RUN_TOKEN)).left


def create_runtime(
    *,
    store: RuntimeStore,
    agents: AgentSettings | None = None,
    options: RunOptions | None = None,
    sink: Sink | None = None,
    session_factory: Agent | None = None,
) -> PlanRuntime:
    """A runtime over the built-in agents. `session_factory` takes the place of the agent `pi`."""

    def named(name: str) -> Agent:
        if session_factory is not None and name == session_factory.name:
            return session_factory
        try:
            return make_agent(name, agents)
        except UnknownAgent as error:
            raise AgentFailure("missing", str(error)) from error

    return PlanRuntime(store=store, make_agent=named, sweep=sweep_processes, options=options, sink=sink)


def create_pi_plan_runtime(
    *,
    workspace_root: str | Path,
    pi_config_root: str | Path | None = None,
    model: Mapping[str, str] | None = None,
    thinking_level: str = "",
    tools: Sequence[str] | None = None,
    step_system_prompt: str = "",
    store: RuntimeStore | None = None,
    scheduler: Mapping[str, Any] | None = None,
    sink: Sink | None = None,
    agent: str = "pi",
    pi_command: Sequence[str] | None = None,
    session_factory: Agent | None = None,
    budget_tokens: int | None = None,
    budget_usd: float | None = None,
) -> PlanRuntime:
    """The runtime of pi-plan-runtime, for a host application with its own screens.

    `workspace_root` is where steps work and leave their handoff files. `model` is
    `{"provider": …, "id": …}`. `scheduler` is `{"mode": "serial" | "parallel", "max_concurrency": n}`: a run
    is parallel only when both its plan and the scheduler are. Without `store`, runs are kept in memory.
    `sink` receives every event: an object with `emit(event)`, or a function; either may be async.
    `session_factory` carries out the steps instead of a Pi agent set up from these options; see
    `create_default_pi_session_factory`.

    Raises:
        ValueError: `scheduler` has a mode or a number that does not exist.
    """
    scheduler = dict(scheduler or {})
    mode = scheduler.pop("mode", None)
    slots = scheduler.pop("max_concurrency", scheduler.pop("maxConcurrency", DEFAULT_MAX_CONCURRENCY))
    if scheduler:
        raise ValueError(
            f"scheduler has no setting {next(iter(scheduler))!r}; it has mode and max_concurrency"
        )
    if mode not in (None, "serial", "parallel"):
        raise ValueError(f"scheduler mode must be 'serial' or 'parallel', not {mode!r}")
    if not isinstance(slots, int) or slots < 1:
        raise ValueError(f"scheduler max_concurrency must be a whole number from 1, not {slots!r}")
    chosen = model or {}
    options = RunOptions(
        workspace=Path(workspace_root),
        agent=session_factory.name if session_factory is not None else agent,
        model=chosen.get("id", ""),
        provider=chosen.get("provider", ""),
        thinking=thinking_level,
        tools=tuple(tools) if tools is not None else None,
        system_prompt=step_system_prompt,
        max_concurrency=slots,
        mode=mode,
        budget_tokens=budget_tokens,
        budget_usd=budget_usd,
    )
    agents = AgentSettings(
        pi_command=tuple(pi_command) if pi_command else None,
        pi_config_root=Path(pi_config_root) if pi_config_root is not None else None,
    )
    return create_runtime(
        store=store or MemoryRuntimeStore(),
        agents=agents,
        options=options,
        sink=sink,
        session_factory=session_factory,
    )
