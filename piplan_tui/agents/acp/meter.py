"""Tokens and money of a session, from the two places where agents report them."""

from __future__ import annotations

from typing import Any

from acp.schema import PromptResponse, UsageUpdate
from acp.schema import Usage as ReportedUsage
from pydantic import ValidationError

from piplan_tui.run.model import Usage


class Meter:
    """Adds up what a session used since its first prompt. What was never reported stays unknown.

    Tokens come with the end of each turn; money as a running total of the whole conversation, of which what
    was spent before is taken off. When a conversation goes on and nobody knows what was spent before, its
    money stays unknown.
    """

    def __init__(self) -> None:
        self.total: float | None = None
        self._tokens = Usage()
        self._before: float | None = 0.0
        self._new = False

    @property
    def usage(self) -> Usage:
        if not self._new or self.total is None or self._before is None:
            return self._tokens
        # some agents count from zero again when they take up a conversation
        restarted = self.total < self._before
        return self._tokens.plus(Usage(cost_usd=self.total - (0.0 if restarted else self._before)))

    def begin(self, *, continued: bool, spent: float | None) -> None:
        """The first prompt is about to be sent: what was reported until now belongs to the past.

        `continued` says whether there is one, `spent` what is remembered of it.
        """
        self._before = (self.total if self.total is not None else spent) if continued else 0.0
        self._new = False

    def updated(self, update: dict[str, Any]) -> bool:
        """Take a `usage_update`; True when the money changed."""
        try:
            cost = UsageUpdate.model_validate(update).cost
        except ValidationError:
            return False
        if cost is None or cost.currency.upper() != "USD":
            return False
        self._new = True
        before, self.total = self.total, cost.amount
        return before != cost.amount and self._before is not None

    def ended(self, response: PromptResponse) -> bool:
        """Take the end of a turn; True when it came with numbers."""
        reported = response.usage
        if reported is None or not (reported.total_tokens or reported.input_tokens):
            return False
        self._tokens = self._tokens.plus(_tokens(reported))
        return True


def _tokens(reported: ReportedUsage) -> Usage:
    read, written = reported.cached_read_tokens, reported.cached_write_tokens
    counted = reported.input_tokens + reported.output_tokens + (read or 0) + (written or 0)
    # reasoning is part of the output for some agents, and apart from it for others: the total tells
    apart = min(reported.thought_tokens or 0, max(0, reported.total_tokens - counted))
    return Usage(
        input=reported.input_tokens,
        output=reported.output_tokens + apart,
        cache_read=read,
        cache_write=written,
    )
