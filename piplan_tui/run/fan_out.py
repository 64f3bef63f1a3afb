"""What a large fan-out of a workflow is likely to use, and the question whether it is to go on."""

from __future__ import annotations

from typing import Any, NamedTuple

from piplan_tui.run.state import RunState

ASK_AGENTS = 50
"""From so many calls on, a run that may ask does ask before a fan-out."""
LARGE = 25
"""From so many calls on, what a fan-out is likely to use is said before it goes on."""


class Projection(NamedTuple):
    """A fan-out that is about to begin. Tokens and dollars are `None` when no finished call says what one uses."""

    items: int
    calls: int
    """Calls that it is likely to make anew: what has a result already is not counted."""
    tokens: int | None
    output: int | None
    usd: float | None
    known: int
    """The number of calls so far, whose mean this is."""

    def __str__(self) -> str:
        calls = f"{self.items:,} items come next, about {self.calls:,} agent calls"
        amounts = [f"{self.tokens:,} tokens"] if self.tokens is not None else []
        amounts += [f"${self.usd:,.2f}"] if self.usd else []
        if not amounts:
            return f"{calls}; what a call uses is not known yet"
        so_far = "the one so far" if self.known == 1 else f"the {self.known:,} so far"
        return f"{calls}: about {' and '.join(amounts)}, if each uses as much as {so_far}"


def project(state: RunState, items: int, calls: int) -> Projection:
    """From the mean of the attempts so far. O(1)."""
    ended = state.counts.get("completed", 0) + state.counts.get("failed", 0)
    usage = state.usage

    def likely(used: float | None) -> float | None:
        return used * calls / ended if used is not None and ended else None

    tokens, output, usd = likely(usage.tokens), likely(usage.output), likely(usage.cost_usd)
    return Projection(
        items,
        calls,
        None if tokens is None else round(tokens),
        None if output is None else round(output),
        usd,
        ended,
    )


def beyond_budget(state: RunState, ahead: Projection) -> str:
    """In a sentence, that it will not fit into what is left of the budget; empty when it will, as far as is known."""
    limits: tuple[tuple[float | None, float | None, float | None, str], ...] = (
        (state.budget_tokens, state.usage.tokens, ahead.tokens, "{:,.0f} tokens"),
        (state.budget_output_tokens, state.usage.output, ahead.output, "{:,.0f} output tokens"),
        (state.budget_usd, state.usage.cost_usd, ahead.usd, "${:,.2f}"),
    )
    for limit, used, needed, unit in limits:
        if limit is not None and needed is not None and needed > (left := max(0.0, limit - (used or 0))):
            return f"{unit.format(left)} of the budget are left"
    return ""


def wants_asking(state: RunState, ahead: Projection) -> bool:
    """Whether the user is to be asked. A run that nobody watches has no threshold, and does not ask."""
    threshold = int(state.settings.get("askAgents", 0))
    return threshold > 0 and (
        ahead.calls >= threshold or (ahead.calls > 1 and bool(beyond_budget(state, ahead)))
    )


def fan_out_request(state: RunState, ahead: Projection) -> dict[str, Any]:
    """The question as a form."""
    short = beyond_budget(state, ahead)
    return {
        "title": f"About {ahead.calls:,} agent calls come next",
        "message": f"{ahead}.{f' Only {short}.' if short else ''}",
        "urgency": "high",
        "fields": [
            {
                "name": "decision",
                "type": "choice",
                "label": "Go on?",
                "default": "go",
                "options": [
                    {"value": "go", "label": "go on", "recommended": True},
                    {"value": "stop", "label": "stop the run; what is done is kept"},
                ],
            }
        ],
    }
