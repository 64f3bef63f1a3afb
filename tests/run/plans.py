"""Plans and hypothesis strategies that the tests of the run core share."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from piplan_tui.plan.spec import PlanSpec


def plan_document(edges: dict[str, list[str]], *, mode: str = "parallel", **fields: Any) -> dict[str, Any]:
    """A plan whose steps and dependencies are `edges`: step id to the ids that it needs."""
    steps = [
        {"id": step_id, "title": step_id.upper(), "goal": f"reach {step_id}", "dependsOn": needs}
        for step_id, needs in edges.items()
    ]
    return {"id": "p", "title": "Plan", "executionMode": mode, "steps": steps, **fields}


def plan(edges: dict[str, list[str]], *, mode: str = "parallel", **fields: Any) -> PlanSpec:
    return PlanSpec.model_validate(plan_document(edges, mode=mode, **fields))


@st.composite
def graphs(draw: st.DrawFn, max_steps: int = 9) -> dict[str, list[str]]:
    """An acyclic graph, in plan order or not."""
    count = draw(st.integers(1, max_steps))
    names = [f"s{number}" for number in range(count)]
    edges = {
        name: sorted(draw(st.sets(st.sampled_from(names[:index]), max_size=3))) if index else []
        for index, name in enumerate(names)
    }
    order = draw(st.permutations(names))
    return {name: edges[name] for name in order}
