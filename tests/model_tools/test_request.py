"""Arguments of a model, which may be anything, become a run or one sentence."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from piplan_tui.model_tools.description import RUN_PLAN, RUN_WORKFLOW, model_tools
from piplan_tui.model_tools.request import BadToolCall, PlanCall, WorkflowCall, read_call

JS = ("javascript",)
BOTH = ("javascript", "python")
PLAN = {"id": "p", "title": "P", "steps": [{"id": "a", "title": "A", "goal": "Do a."}]}


def read(name: str, arguments: dict[str, Any], languages: tuple[str, ...] = JS) -> WorkflowCall | PlanCall:
    return read_call(name, arguments, languages=languages, folder=Path("."))


def test_the_task_names_a_script_that_has_no_name_and_stands_in_for_its_arguments() -> None:
    call = read(RUN_WORKFLOW, {"script": "return 1", "task": " Compare\n agents "})
    assert isinstance(call, WorkflowCall)
    assert (call.loaded.name, call.args) == ("Compare agents", " Compare\n agents ")
    named = "export const meta = {name: 'own', description: 'd'}\nreturn args"
    call = read(RUN_WORKFLOW, {"script": named, "task": "t", "args": {"n": 0}})
    assert isinstance(call, WorkflowCall)
    assert (call.loaded.name, call.args) == ("own", {"n": 0})


def test_a_plan_may_be_an_object_or_its_text() -> None:
    for plan in (PLAN, '{"id": "p", "title": "P", "steps": [{"id": "a", "title": "A", "goal": "g"}]}'):
        call = read(RUN_PLAN, {"plan": plan})
        assert isinstance(call, PlanCall)
        assert [step.id for step in call.plan.steps] == ["a"]


@pytest.mark.parametrize(
    ("name", "arguments", "said"),
    [
        (RUN_WORKFLOW, {}, "script must be the text of the script"),
        (RUN_WORKFLOW, {"script": 5}, "script must be the text of the script"),
        (RUN_WORKFLOW, {"script": "return 1", "task": ["x"]}, "task must be a text"),
        (RUN_WORKFLOW, {"script": "return 1", "language": "ruby"}, "language must be javascript, not ruby"),
        (RUN_WORKFLOW, {"script": "x", "language": "python"}, "language must be javascript, not python"),
        (RUN_WORKFLOW, {"script": "return agnt('x')"}, "script.js:1:8: there is no agnt()"),
        (RUN_PLAN, {}, "plan must be an object"),
        (RUN_PLAN, {"plan": [PLAN]}, "plan must be an object"),
        (RUN_PLAN, {"plan": {**PLAN, "steps": []}}, "plan.json:"),
        (RUN_PLAN, {"plan": {"id": "p", "title": "P"}}, "steps"),
        ("run\x1b[2J", {}, "There is no tool run\\u001b[2J"),
    ],
)  # fmt: skip
def test_mistakes_are_one_sentence(name: str, arguments: dict[str, Any], said: str) -> None:
    with pytest.raises(BadToolCall) as caught:
        read(name, arguments)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_python_only_where_it_is_allowed() -> None:
    script = "async def main(wf):\n    return await wf.agent('Say it.')\n"
    call = read(RUN_WORKFLOW, {"script": script, "language": "python"}, BOTH)
    assert isinstance(call, WorkflowCall)
    assert call.loaded.kind == "python"
    assert "async def main" not in model_tools(JS)[0].description
    assert "async def main" in model_tools(BOTH)[0].description


def test_the_example_of_the_description_runs_as_it_stands() -> None:
    description = model_tools(JS)[0].description
    script = description[description.index("Example:\n") + len("Example:\n") :]
    call = read(RUN_WORKFLOW, {"script": script, "args": {"files": ["a.py"]}})
    assert isinstance(call, WorkflowCall)
    assert [phase["title"] for phase in call.loaded.phases] == ["Find", "Verify"]
    assert call.loaded.problems == []
