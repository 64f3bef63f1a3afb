"""What a tool call is about."""

from __future__ import annotations

from piplan_tui.agents.tool_target import target


def test_the_target_of_a_tool_call_is_one_short_line() -> None:
    assert target({"content": "x", "path": "a.md"}) == "a.md"
    assert target({"command": "ls\n  -l"}) == "ls -l"
    assert target({"pattern": "x" * 500}) == "x" * 199 + "…"
    assert target({"timeout": 3, "path": ["a"]}) == ""
