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
    an earlier session spent is taken off.
    """

    def __init__(self) -> None:
        self._tokens = Usage()
        self._cost: float | None = None
        self._spent_before = 0.0
        self.other_currency = ""

    @property
    def usage(self) -> Usage:
        cost = None if self._cost is None else max(0.0, self._cost - self._spent_before)
        return self._tokens.plus(Usage(cost_usd=cost))

    def begin(self) -> None:
        """The first prompt is about to be sent: what was reported until now belongs to others."""
        self._spent_before = self._cost or 0.0
        self._cost = None

    def updated(self, update: dict[str, Any]) -> bool:
        """Take a `usage_update`; True when the money changed."""
        try:
            cost = UsageUpdate.model_validate(update).cost
        except ValidationError:
            return False
        if cost is None:
            return False
        if cost.currency.upper() != "USD":
            self.other_currency = cost.currency
            return False
        before, self._cost = self._cost, cost.amount
        return before != cost.amount

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
