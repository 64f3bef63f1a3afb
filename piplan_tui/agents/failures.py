"""What went wrong with an agent, in one clear sentence: what all agents share."""

from __future__ import annotations

import re

from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.clean import clean_text

_MAX_SENTENCE = 300

_RATE = re.compile(r"\b429\b|rate.?limit|too many requests|quota", re.IGNORECASE)
_AUTH = re.compile(
    r"\b40[13]\b|unauthori[sz]ed|forbidden|authentication|invalid.{0,12}(api.?key|token)|no api key|api.?key",
    re.IGNORECASE,
)
_PASSING = re.compile(
    r"\b5\d\d\b|overloaded|unavailable|server.?error|internal.?error|network|connection|socket|fetch failed"
    r"|timed? ?out|terminated|ended without|upstream|other side closed",
    re.IGNORECASE,
)


def in_sentence(text: str) -> str:
    """Text of the agent, fit to stand inside a sentence: one line, no control characters, not too long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in clean_text(text)).split())
    return line if len(line) <= _MAX_SENTENCE else line[: _MAX_SENTENCE - 1] + "…"


def span(seconds: float) -> str:
    """A time limit, for a sentence: `90 s`, `15 minutes`."""
    return f"{seconds / 60:g} minutes" if seconds >= 120 else f"{seconds:g} s"


def provider_failure(error: str, model: str = "") -> AgentFailure:
    """A request that the model's provider refused, told apart by what can be done about it."""
    text = in_sentence(error) or "no reason given"
    who = f"the provider of {model}" if model else "the model's provider"
    if _RATE.search(error):
        return AgentFailure("rate_limit", f"{who} limits the rate of requests: {text}", retryable=True)
    if _AUTH.search(error):
        return AgentFailure("auth", f"{who} did not accept the key: {text}")
    return AgentFailure(
        "provider", f"{who} failed the request: {text}", retryable=bool(_PASSING.search(error))
    )
