"""What an agent call is recognised by, and what its step is called."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.plan.names import folder_key, folder_name_problem
from piplan_tui.run.call import AgentCall, read_call, step_id_for
from piplan_tui.workflow.host import ScriptMistake


def call(prompt: str = "p", **options: Any) -> AgentCall:
    return read_call(prompt, options, phase="Now")


@given(st.lists(st.text(max_size=150), max_size=12))
def test_any_label_becomes_a_folder_name_of_its_own(labels: list[str]) -> None:
    taken: dict[str, Any] = {}
    used: dict[str, int] = {}
    for label in labels:
        name = step_id_for(call(label=label), taken, used)
        assert folder_name_problem(name) is None
        assert folder_key(name) not in map(folder_key, taken)
        taken[name] = None


@pytest.mark.parametrize("label", ["con", "../../etc", "NUL.txt", "⚡", "\x1b[31m", "a" * 400, "-", "..."])
def test_hostile_labels_stay_harmless(label: str) -> None:
    assert folder_name_problem(step_id_for(call(label=label), {}, {})) is None


def test_a_name_that_is_taken_by_another_label_is_passed_over() -> None:
    taken: dict[str, Any] = {}
    used: dict[str, int] = {}
    names = []
    for label in ("x 2", "x", "X", "x"):
        names.append(step_id_for(call(label=label), taken, used))
        taken[names[-1]] = None
    assert names == ["x-2", "x", "x-3", "x-4"]


@pytest.mark.parametrize(
    "options",
    [
        {"model": "m"},
        {"effort": "high"},
        {"tools": []},
        {"schema": {"type": "object"}},
        {"agentType": "a"},
        {"isolation": "worktree"},
    ],
)
def test_the_key_depends_on_what_the_result_depends_on(options: dict[str, Any]) -> None:
    assert call(**options).key != call().key
    assert call(**options).key == call(**options).key


def test_the_key_does_not_depend_on_where_a_call_stands() -> None:
    moved = call(label="l", phase="Later", path="pipeline:0/item:3", retries=5)
    assert moved.key == call().key
    assert moved.place != call().place
    assert call(schema={"a": 1, "type": "object"}).key == call(schema={"type": "object", "a": 1}).key


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"modle": "x"}, "agent() has no option 'modle'; did you mean model?"),
        ({"quux": 1}, "it has label, phase, schema"),
        ({"label": 7}, "a text as its option label, not 7"),
        ({"tools": "read"}, "a list of tool names as its option tools, not 'read'"),
        ({"retries": True}, "a number from 0 to 10"),
        ({"isolation": "docker"}, "knows only the isolation 'worktree'"),
    ],
)
def test_wrong_options_are_said_in_one_sentence(options: dict[str, Any], said: str) -> None:
    with pytest.raises(ScriptMistake) as mistake:
        call(**options)
    assert said in str(mistake.value)


def test_options_that_are_null_are_as_left_out() -> None:
    assert call(label=None, schema=None, tools=None, retries=None) == call()
    assert call(retries=2.0).retries == 2
