"""Session updates, one by one, as events."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from acp.schema import PromptResponse
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.agents.acp.content import diff_text
from piplan_tui.agents.acp.meter import Meter
from piplan_tui.agents.acp.settings import SessionSettings, some_of
from piplan_tui.agents.acp.updates import TurnReader
from piplan_tui.agents.protocol import (
    Notice,
    PlanItem,
    PlanReported,
    TextDelta,
    ToolEnded,
    ToolOutput,
    ToolStarted,
)
from piplan_tui.run.model import Usage

WORKSPACE = Path("/project")


def reader(**terminals: str) -> TurnReader:
    return TurnReader(WORKSPACE, lambda terminal_id: terminals.get(terminal_id, ""))


def said(text: str, **more: Any) -> dict[str, Any]:
    return {"sessionUpdate": "agent_message_chunk", "content": {"type": "text", "text": text}, **more}


def call(**more: Any) -> dict[str, Any]:
    return {"sessionUpdate": "tool_call", "toolCallId": "1", "title": "Look", **more}


def update(**more: Any) -> dict[str, Any]:
    return {"sessionUpdate": "tool_call_update", "toolCallId": "1", **more}


def text_content(text: str) -> list[dict[str, Any]]:
    return [{"type": "content", "content": {"type": "text", "text": text}}]


def test_the_last_message_is_the_text_of_the_turn() -> None:
    turn = reader()
    turn.feed(said("first", messageId="a"))
    turn.feed(said("sec", messageId="b"))
    turn.feed(said("ond", messageId="b"))
    assert turn.text == "second"
    turn.feed(call(status="completed"))
    assert turn.text == "second"
    turn.feed(said("third", messageId="b"))
    assert turn.text == "third"
    link = {"type": "resource_link", "name": "log", "uri": "file:///log"}
    assert turn.feed(said("", content=link)) == [TextDelta("\n[log file:///log]\n")]


def test_a_call_starts_when_its_arguments_are_known() -> None:
    turn = reader()
    assert turn.feed(call(title="bash", kind="execute", status="pending", rawInput={})) == []
    [started] = turn.feed(update(title="make all", rawInput={"command": "make\nall"}))
    assert started == ToolStarted("1", "bash", "make all", {"command": "make\nall"})
    assert turn.feed(update(status="in_progress", content=text_content("a"))) == [ToolOutput("1", "a")]
    assert turn.feed(update(content=text_content("a"))) == []
    assert turn.feed(update(status="completed", content=text_content("ab"))) == [ToolEnded("1", True, "ab")]
    # once more what has ended
    assert turn.feed(update(status="completed")) == []


@pytest.mark.parametrize(
    ("said_of_it", "tool", "target"),
    [
        ({"kind": "read", "locations": [{"path": "/project/src/a.py"}]}, "read", "src/a.py"),
        ({"kind": "read", "locations": [{"path": "/etc/hosts"}]}, "read", "/etc/hosts"),
        ({"title": "grep", "kind": "search", "rawInput": {"pattern": "TODO"}}, "grep", "TODO"),
        ({"title": "Search the web", "kind": "other"}, "tool", "Search the web"),
        ({"kind": "execute", "rawInput": {"command": ["git", "log"]}}, "execute", "git log"),
        ({"title": "Edit it", "kind": "edit", "_meta": {"own": {"toolName": "Edit"}}}, "Edit", "Edit it"),
    ],
)
def test_what_stands_on_the_row_of_a_call(said_of_it: dict[str, Any], tool: str, target: str) -> None:
    if "title" not in said_of_it:
        said_of_it["title"] = "Do something there"
    [started] = reader().feed(call(status="in_progress", **said_of_it))
    assert (started.tool, started.target) == (tool, target)


def test_the_output_of_a_call_comes_from_wherever_it_is() -> None:
    turn = reader(t1="$ ls\na\n")
    turn.feed(call(status="in_progress", content=[{"type": "terminal", "terminalId": "t1"}]))
    assert turn.terminal_changed("t1") == []
    assert turn.terminal_changed("t2") == []
    assert turn.feed(update(status="failed"))[-1] == ToolEnded("1", False, "$ ls\na\n")
    turn.feed(call())
    assert turn.feed(update(status="completed", rawOutput={"output": "raw"})) == [ToolEnded("1", True, "raw")]


def test_agents_that_run_commands_themselves_tell_the_output_aside() -> None:
    turn = reader()
    turn.feed(call(status="pending", content=[{"type": "terminal", "terminalId": "own"}]))
    assert turn.feed(update(_meta={"terminal_output": {"terminal_id": "own", "data": "a\n"}})) == [
        ToolOutput("1", "a\n")
    ]
    # soon after, only the end is told
    assert turn.feed(update(_meta={"terminal_output": {"terminal_id": "own", "data": "b\n"}})) == []
    assert turn.feed(update(_meta={"terminal_output": {"terminal_id": 3}})) == []
    assert turn.feed(update(status="completed")) == [ToolEnded("1", True, "a\nb\n")]


def test_calls_that_never_ended_end_with_the_turn() -> None:
    turn = reader()
    turn.feed(call(status="pending", rawInput={}))
    assert turn.tools_run
    assert [type(event) for event in turn.finish(False)] == [ToolStarted, ToolEnded]
    assert not turn.tools_run
    assert turn.finish(True) == []


def test_updates_of_other_kinds_and_shapes() -> None:
    turn = reader()
    assert turn.feed({"sessionUpdate": "available_commands_update", "availableCommands": []}) == []
    assert turn.feed({"sessionUpdate": "from_the_future"}) == []
    assert turn.feed({}) == []
    [notice] = turn.feed({"sessionUpdate": "agent_message_chunk", "content": {"type": "text"}})
    assert isinstance(notice, Notice)
    assert "agent_message_chunk in an unknown form (content.text.text: Field required)" in notice.text
    mode = {"sessionUpdate": "current_mode_update", "currentModeId": "plan"}
    assert turn.feed(mode) == [Notice("the agent is now in its mode plan")]
    entry = {"content": "look", "priority": "high", "status": "pending"}
    plan = {"sessionUpdate": "plan", "entries": [entry]}
    assert turn.feed(plan) == [
        PlanReported((PlanItem("look", "pending"),)),
        Notice("the agent's plan\n[ ] look"),
    ]
    assert turn.feed(plan) == []


KINDS = [
    "agent_message_chunk",
    "agent_thought_chunk",
    "tool_call",
    "tool_call_update",
    "plan",
    "usage_update",
]
KEYS = ["toolCallId", "title", "kind", "status", "content", "locations", "rawInput", "rawOutput", "entries",
        "type", "text", "path", "oldText", "newText", "terminalId", "cost", "_meta", "messageId", "command",
]  # fmt: skip
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8)
    | st.sampled_from(["text", "diff", "content", "terminal", "pending", "completed", "execute", "1"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5),
    max_leaves=12,
)  # fmt: skip


@given(
    st.lists(st.tuples(st.sampled_from(KINDS), st.dictionaries(st.sampled_from(KEYS), values)), max_size=6)
)
def test_no_update_can_break_the_reader(updates: list[tuple[str, dict[str, Any]]]) -> None:
    turn = reader()
    open_calls: set[str] = set()
    for kind, body in updates:
        for event in turn.feed({"title": "Look", "toolCallId": "1", **body, "sessionUpdate": kind}):
            if isinstance(event, ToolStarted):
                assert event.call_id not in open_calls
                open_calls.add(event.call_id)
            elif isinstance(event, ToolEnded):
                open_calls.remove(event.call_id)
    for event in turn.finish(True):
        if isinstance(event, ToolEnded):
            open_calls.discard(event.call_id)
    assert not open_calls


def applied(diff: str, old: str) -> str:
    """What a unified diff makes of a text."""
    source, result, at = old.splitlines(), [], 0
    for line in diff.splitlines()[2:]:
        if line.startswith("@@"):
            first, _, count = line.split()[1][1:].partition(",")
            start = int(first) - (0 if count == "0" else 1)
            result += source[at:start]
            at = start
        elif line.startswith("+"):
            result.append(line[1:])
        else:
            assert source[at] == line[1:]
            at += 1
            if line.startswith(" "):
                result.append(line[1:])
    return "\n".join([*result, *source[at:]])


lines = st.lists(st.sampled_from(["a", "b", "c", ""]), max_size=30).map("\n".join)


@given(lines, lines)
def test_a_diff_turns_the_old_text_into_the_new(old: str, new: str) -> None:
    assert applied(diff_text("f", old, new), old) == "\n".join(new.splitlines())


def test_diffs_of_new_and_of_huge_files() -> None:
    assert diff_text("/a", None, "x\ny\n") == "--- /dev/null\n+++ /a\n@@ -0,0 +1,2 @@\n+x\n+y"
    old = "".join(f"{n}\n" for n in range(50_000))
    assert "@@ line 1: 50000 lines became 2; too many to compare @@" in diff_text("/a", old, "x\ny\n")
    changed = old.replace("\n40000\n", "\nchanged\n")
    assert "@@ -39998,7 +39998,7 @@" in diff_text("/a", old, changed)


def used(amount: float, currency: str = "USD") -> dict[str, Any]:
    cost = {"amount": amount, "currency": currency}
    return {"sessionUpdate": "usage_update", "used": 1, "size": 2, "cost": cost}


def test_money_is_what_this_session_added() -> None:
    meter = Meter()
    meter.begin(continued=False, spent=None)
    assert meter.usage == Usage()
    assert meter.updated(used(0.5))
    assert not meter.updated(used(0.5))
    assert meter.usage == Usage(cost_usd=0.5)
    assert not meter.updated(used(9.0, "EUR"))
    assert not meter.updated({"sessionUpdate": "usage_update"})
    assert meter.usage == Usage(cost_usd=0.5)


@pytest.mark.parametrize(
    ("reported_before", "remembered", "expected"),
    [(2.0, None, 0.5), (None, 2.0, 0.5), (2.0, 1.0, 0.5), (None, None, None), (None, 7.0, 2.5)],
)
def test_money_of_a_conversation_that_goes_on(
    reported_before: float | None, remembered: float | None, expected: float | None
) -> None:
    meter = Meter()
    if reported_before is not None:
        meter.updated(used(reported_before))
    meter.begin(continued=True, spent=remembered)
    assert meter.usage == Usage()
    assert meter.updated(used(2.5)) == (expected is not None)
    assert meter.usage == Usage(cost_usd=expected)


@pytest.mark.parametrize(
    ("reported", "usage"),
    [
        (None, None),
        ({"totalTokens": 0, "inputTokens": 0, "outputTokens": 0}, None),
        (
            {"totalTokens": 30, "inputTokens": 20, "outputTokens": 10, "thoughtTokens": 5},
            Usage(input=20, output=10),
        ),
        (
            {"totalTokens": 35, "inputTokens": 20, "outputTokens": 10, "thoughtTokens": 5},
            Usage(input=20, output=15),
        ),
        (
            {
                "totalTokens": 9,
                "inputTokens": 1,
                "outputTokens": 2,
                "cachedReadTokens": 6,
                "cachedWriteTokens": 0,
            },
            Usage(input=1, output=2, cache_read=6, cache_write=0),
        ),
    ],
)
def test_tokens_of_a_turn(reported: dict[str, int] | None, usage: Usage | None) -> None:
    meter = Meter()
    response = PromptResponse.model_validate({"stopReason": "end_turn", "usage": reported})
    assert meter.ended(response) == (usage is not None)
    assert meter.usage == (usage or Usage())


def select(category: str, current: str, *options: Any) -> dict[str, Any]:
    return {
        "id": f"the-{category}", "name": category, "category": category, "type": "select",
        "currentValue": current, "options": list(options),
    }  # fmt: skip


def test_models_are_chosen_by_option_or_the_older_way() -> None:
    group = {"group": "g", "name": "G", "options": [{"value": "b/large", "name": "Large"}]}
    answer = {"configOptions": [select("model", "a/small", {"value": "a/small", "name": "Small"}), "odd"]}
    settings = SessionSettings("s", answer)
    assert (settings.model, settings.offered("model")) == ("a/small", ["a/small"])
    assert settings.change("model", "a/small") == ("", {})
    assert settings.change("model", "large") is None
    settings = SessionSettings("s", {"configOptions": [select("model", "a/small", group)]})
    wanted = ("session/set_config_option", {"sessionId": "s", "configId": "the-model", "value": "b/large"})
    for words in (("b/large",), ("Large",), ("large",), ("no", "b/large")):
        assert settings.change("model", *words) == wanted

    models = {"currentModelId": "old", "availableModels": [{"modelId": "old"}, {"modelId": "new"}, 3]}
    settings = SessionSettings("s", {"models": models})
    change = settings.change("model", "new")
    assert change == ("session/set_model", {"sessionId": "s", "modelId": "new"})
    settings.chosen("model", change)
    assert settings.model == "new"
    assert SessionSettings("s", {"models": {"availableModels": 3}}).offered("model") == []
    assert SessionSettings("s", {"models": "none", "modes": 3}).offered("model") == []


def test_what_is_offered_fits_a_sentence() -> None:
    assert some_of(["b", "a"]) in ("b, a", "a, b")
    assert some_of([f"model-{n}" for n in range(20)], "model-7").startswith("model-7, ")
    assert some_of([f"model-{n}" for n in range(20)]).endswith(" and 12 more")
