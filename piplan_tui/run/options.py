"""What a host says about how a run is to go: when it is made, and when it is taken up again."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

DEFAULT_MAX_CONCURRENCY = 4


@dataclass(frozen=True, kw_only=True)
class RunOptions:
    """How a plan is to be run.

    `mode` `None` follows the plan; `serial` makes a parallel plan run one step at a time. `source` is the plan's
    path, for people. Budgets count the whole run: tokens of all kinds, US dollars, output tokens. A workflow takes
    `workflow_concurrency` in place of `max_concurrency` (`None`: 16, fewer on small machines), and may have
    `max_agents` agent calls and `max_items` items in one fan-out. Before a fan-out of `ask_agents` likely calls, or
    of what does not fit into the budget, the run asks; `None` and 0: it only says what is likely to be used.
    `models` says which model a script means by a name such as `opus`. `steps` are the rules by which single steps
    get another agent or model; see `piplan_tui.run.routing.routes`. `permissions` is what agents may do without a
    question, `{"default": policy, "by": {agent: policy}}`; see `piplan_tui.run.permission`. `demo_pace` stretches
    the demo agent's time: 1 as written, 0 at once, `None` as the runtime's agents are set up.
    """

    workspace: Path
    agent: str = "pi"
    model: str = ""
    provider: str = ""
    thinking: str = ""
    tools: tuple[str, ...] | None = None
    system_prompt: str = ""
    max_concurrency: int = DEFAULT_MAX_CONCURRENCY
    workflow_concurrency: int | None = None
    max_agents: int | None = None
    max_items: int | None = None
    ask_agents: int | None = None
    models: Mapping[str, str] = field(default_factory=dict)
    mode: Literal["serial", "parallel"] | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_output_tokens: int | None = None
    metadata: Mapping[str, Any] = field(default_factory=dict)
    run_id: str | None = None
    source: str = ""
    steps: Mapping[str, Any] = field(default_factory=dict)
    permissions: Mapping[str, Any] = field(default_factory=dict)
    demo_pace: float | None = None

    def settings(self) -> dict[str, Any]:
        """What agents are told at start, as it is kept with the run."""
        given = {
            "provider": self.provider,
            "thinking": self.thinking,
            "tools": list(self.tools) if self.tools is not None else None,
            "systemPrompt": self.system_prompt,
            "steps": dict(self.steps) or None,
            "permissions": dict(self.permissions) or None,
            "maxAgents": self.max_agents,
            "maxItems": self.max_items,
            "askAgents": self.ask_agents,
            "models": dict(self.models) or None,
            "demoPace": self.demo_pace,
        }
        return {key: value for key, value in given.items() if value not in (None, "")}


@dataclass(frozen=True, kw_only=True)
class RunChanges:
    """What is to be different when a run is taken up again; `None` keeps what it had."""

    agent: str | None = None
    model: str | None = None
    provider: str | None = None
    thinking: str | None = None
    tools: tuple[str, ...] | None = None
    max_concurrency: int | None = None
    budget_tokens: int | None = None
    budget_usd: float | None = None
    budget_output_tokens: int | None = None
    max_agents: int | None = None
    max_items: int | None = None
    ask_agents: int | None = None
    demo_pace: float | None = None
