"""Errors of providers, told apart."""

from __future__ import annotations

import pytest

from piplan_tui.agents.pi.failures import died, request_failed


@pytest.mark.parametrize(
    ("error", "kind", "retryable"),
    [
        ('429: {"message":"rate limited","type":"rate_limit_error"}', "rate_limit", True),
        ("You exceeded your current quota", "rate_limit", True),
        ("401 Incorrect API key provided", "auth", False),
        ("403 Forbidden", "auth", False),
        ("No API key found for openai.\n\nUse /login to log in. See:\n  /docs/providers.md", "auth", False),
        ("No model selected.\n\nUse /login", "auth", False),
        ('529: {"type":"overloaded_error"}', "provider", True),
        ("500 internal error", "provider", True),
        ("Connection error.", "provider", True),
        ("terminated", "provider", True),
        ("400 prompt is too long", "provider", False),
        ("", "provider", False),
    ],
)
def test_kinds(error: str, kind: str, retryable: bool) -> None:
    failure = request_failed(error, "openai/gpt")
    assert (failure.kind, failure.retryable) == (kind, retryable)
    assert "\n" not in failure.message
    assert "/docs/" not in failure.message


def test_a_death_ends_with_the_last_words() -> None:
    failure = died(
        1, "starting\nTypeError: x is not a function\n    at run\n\nNode.js v22", during="while idle"
    )
    assert failure.message == "pi ended while idle (exit code 1): TypeError: x is not a function"
    assert failure.detail.startswith("starting")
