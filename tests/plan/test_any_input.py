"""Whatever a file holds, checking it ends with problems that have a place, never with an exception."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.plan.load import load_plan_text
from piplan_tui.plan.rules import check_spec
from piplan_tui.plan.spec import PlanSpec

scraps = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text(max_size=4)
    | st.sampled_from(["a", "b", "c", "A", ".", "con"])
)
values = st.recursive(
    scraps,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
)
ids = st.sampled_from(["a", "b", "c", "A"])
step = st.fixed_dictionaries(
    {},
    optional={
        "id": ids | values,
        "title": st.just("T") | values,
        "goal": st.just("G") | values,
        "dependsOn": st.lists(ids | values, max_size=3) | values,
        "depends_on": values,
        "gaol": values,
        "phase": values,
    },
)
plan = st.fixed_dictionaries(
    {},
    optional={
        "id": st.just("p") | values,
        "title": st.just("P") | values,
        "summary": values,
        "mode": values,
        "executionMode": st.sampled_from(["serial", "parallel", "paralel"]) | values,
        "steps": st.lists(step | values, max_size=4) | values,
    },
)
good_step = st.fixed_dictionaries(
    {"id": ids, "title": st.just("T"), "goal": st.just("G"), "dependsOn": st.lists(ids, max_size=2)}
)
good_plan = st.fixed_dictionaries(
    {"id": st.just("p"), "title": st.just("P"), "steps": st.lists(good_step, min_size=1, max_size=4)}
)


def check(source: bytes) -> None:
    loaded = load_plan_text(source, "p")
    assert loaded.source == source
    lines = source.decode(errors="replace").removeprefix("\ufeff").split("\n")
    for problem in loaded.problems:
        assert str(problem).isprintable()
        assert 1 <= problem.line <= len(lines)
        assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1
    assert (loaded.spec is None) == any(problem.severity == "error" for problem in loaded.problems)
    if loaded.spec is not None:
        assert loaded.spec.to_json() == json.loads(source)


@given(st.binary(max_size=60) | st.text("{}[]:,\"\\/'ab1 \n", max_size=40).map(str.encode))
def test_any_bytes(source: bytes) -> None:
    check(source)


@given(plan | values, st.sampled_from([None, 1]))
def test_any_document(document: Any, indent: Any) -> None:
    check(json.dumps(document, indent=indent).encode())


@given(good_plan)
def test_a_plan_has_the_same_problems_as_a_file_and_as_an_object(document: Any) -> None:
    from_file = load_plan_text(json.dumps(document).encode(), "p").problems
    from_object = check_spec(PlanSpec.from_json(document))
    assert sorted(problem.message.split(" (the first")[0] for problem in from_file) == sorted(
        problem.message for problem in from_object
    )
