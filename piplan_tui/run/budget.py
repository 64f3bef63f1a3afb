"""Limits on what a run may use: tokens of all kinds together, output tokens, or US dollars."""

from __future__ import annotations

from piplan_tui.run.events import BudgetExceeded
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.state import RunState

_OPTIONS = {
    "tokens": "--budget-tokens",
    "outputTokens": "--budget-output-tokens",
    "usd": "--budget-usd",
}


def spent(state: RunState) -> BudgetExceeded | None:
    """The limit that is reached, if one is. What no agent reported counts as nothing used."""
    tokens, usd = state.usage.tokens, state.usage.cost_usd
    if state.budget_tokens is not None and tokens is not None and tokens >= state.budget_tokens:
        return BudgetExceeded(kind="tokens", limit=state.budget_tokens, spent=tokens)
    if state.budget_usd is not None and usd is not None and usd >= state.budget_usd:
        return BudgetExceeded(kind="usd", limit=state.budget_usd, spent=usd)
    output = state.usage.output
    if state.budget_output_tokens is not None and output is not None and output >= state.budget_output_tokens:
        return BudgetExceeded(kind="outputTokens", limit=state.budget_output_tokens, spent=output)
    return None


def refuse_when_spent(state: RunState) -> None:
    """Do not let a run go on that would stop at once.

    Raises:
        ControlRefused: its budget is spent.
    """
    over = spent(state)
    if over is not None:
        raise ControlRefused(f"the budget is spent: {over.amounts}; raise it with {_OPTIONS[over.kind]}")
