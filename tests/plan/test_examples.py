"""The plans that come with the program."""

from __future__ import annotations

import heapq
import json
from pathlib import Path

import pytest

from piplan_tui.agents.demo_script import DemoScript, scene
from piplan_tui.plan.graph import PlanGraph
from piplan_tui.plan.load import load_plan
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.resources import examples_dir

EXAMPLES = sorted(examples_dir().glob("*.json"))


def example(name: str) -> PlanSpec:
    spec = load_plan(examples_dir() / name).spec
    assert spec is not None
    return spec


def starts(spec: PlanSpec, slots: int) -> tuple[dict[str, float], float]:
    """When each step would start at pace 1 if every question is answered at once, and the end of it all."""
    graph = PlanGraph.of(spec.steps)
    seconds = [scene(step.to_json()).seconds for step in spec.steps]
    missing = [len(wanted) for wanted in graph.dependencies]
    ready = [index for index, count in enumerate(missing) if not count]
    running: list[tuple[float, int]] = []
    begun: dict[str, float] = {}
    now = 0.0
    while ready or running:
        while ready and len(running) < slots:
            index = heapq.heappop(ready)
            begun[graph.ids[index]] = now
            heapq.heappush(running, (now + seconds[index], index))
        now, done = heapq.heappop(running)
        for dependent in graph.dependents[done]:
            missing[dependent] -= 1
            if not missing[dependent]:
                heapq.heappush(ready, dependent)
    return begun, now


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.name)
def test_an_example_has_no_problem_and_comes_back_as_it_was(path: Path) -> None:
    loaded = load_plan(path)
    assert loaded.problems == []
    assert loaded.spec is not None
    assert json.loads(loaded.spec.dumps()) == json.loads(loaded.source)


def test_the_demo_lasts_a_good_half_minute_and_asks_early() -> None:
    spec = example("demo.json")
    begun, end = starts(spec, slots=4)
    assert 35 <= end <= 45
    asking = [step for step in spec.steps if scene(step.to_json()).script.ask]
    assert [step.id for step in asking] == ["choose-limits"]
    asked_at = begun["choose-limits"] + 0.4 * scene(asking[0].to_json()).seconds
    assert 5 <= asked_at <= 10
    others = [step.id for step in spec.steps if begun[step.id] <= asked_at and step.id != "choose-limits"]
    assert len(others) >= 4


def test_the_demo_shows_everything_but_a_failure() -> None:
    spec = example("demo.json")
    scripts: list[DemoScript] = [scene(step.to_json()).script for step in spec.steps]
    assert list(dict.fromkeys(step.phase for step in spec.steps)) == [
        "Scope",
        "Research",
        "Verify",
        "Synthesize",
    ]
    assert sum(script.retry is not None for script in scripts) == 1
    assert all(script.fail is None for script in scripts)
    [ask] = [script.ask for script in scripts if script.ask]
    assert [field["type"] for field in ask["fields"]] == ["choice", "integer", "multichoice"]
    assert any(option.get("recommended") for option in ask["fields"][0]["options"])


def test_the_failing_demo_succeeds_the_second_time() -> None:
    scripts = {step.id: scene(step.to_json()).script for step in example("demo-failure.json").steps}
    assert [name for name, script in scripts.items() if script.failure(1)] == ["find-clients"]
    assert not any(script.failure(2) or script.ask for script in scripts.values())
