"""Sentences about agents."""

from __future__ import annotations

from piplan_tui.agents.failures import in_sentence, provider_failure


def test_foreign_text_in_a_sentence_is_harmless() -> None:
    assert in_sentence("a\x1b[31m\r\n b\x00\u202e") == "a b"
    assert len(in_sentence("x" * 1000)) == 300


def test_a_refused_request_names_the_model_if_it_is_known() -> None:
    assert provider_failure("500 oops", "m-1").message == "the provider of m-1 failed the request: 500 oops"
    assert provider_failure("").message == "the model's provider failed the request: no reason given"
