"""What an open question wants to know, in one line."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from piplan_tui.run.ask_state import AskState
from piplan_tui.views.questions import question

PERMISSION = {"options": [{"optionId": "1", "name": "Allow", "kind": "allow_once"}]}


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        ({"message": "Which one?"}, "Which one?"),
        ({"questions": [{"question": "Which one?"}]}, "Which one?"),
        ({**PERMISSION, "toolCall": {"title": "write a.md"}}, "Allow write a.md?"),
        (
            {**PERMISSION, "toolCall": {"title": "bash", "rawInput": {"command": "rm -r b"}}},
            "Allow bash: rm -r b?",
        ),
        ({**PERMISSION, "toolCall": {}}, "Allow tool call?"),
        ({**PERMISSION, "toolCall": {"title": "a\x1b[31mb\nc"}}, "Allow ab c?"),
        ({}, "an answer"),
    ],
)
def test_in_one_line(request_: Any, said: str) -> None:
    ask = AskState("1", "s", 1, request_, datetime(2026, 1, 1, tzinfo=UTC), False)
    assert question(ask) == said
