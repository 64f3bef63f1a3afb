from __future__ import annotations

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.plan.spec import PlanSpec, PlanStepSpec

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
known_names = {"id", "title", "goal", "dependsOn", "phase", "summary", "executionMode", "steps"}
names = st.text(max_size=8).filter(lambda name: name not in known_names) | st.sampled_from(
    ["depends_on", "execution_mode", "model_config", "model_fields", "copy", "to_json", "__class__", "self"]
)
texts = st.text(min_size=1, max_size=8)
steps = st.builds(
    lambda unknown, known, optional: {**unknown, **known, **optional},
    st.dictionaries(names, json_values, max_size=4),
    st.fixed_dictionaries({"id": texts, "title": texts, "goal": texts}),
    st.fixed_dictionaries(
        {}, optional={"dependsOn": st.lists(texts, max_size=3), "phase": st.none() | texts}
    ),
)
plans = st.builds(
    lambda unknown, known, optional: {**unknown, **known, **optional},
    st.dictionaries(names, json_values, max_size=4),
    st.fixed_dictionaries({"id": texts, "title": texts, "steps": st.lists(steps, min_size=1, max_size=3)}),
    st.fixed_dictionaries(
        {}, optional={"summary": st.text(), "executionMode": st.sampled_from(["serial", "parallel"])}
    ),
)


@given(plans)
def test_every_field_of_a_plan_comes_back_as_it_was(document: dict[str, Any]) -> None:
    before = json.dumps(document, sort_keys=True)
    spec = PlanSpec.from_json(document)
    assert json.dumps(spec.to_json(), sort_keys=True) == before
    assert json.loads(spec.dumps()) == document
    assert [step.to_json() for step in spec.steps] == document["steps"]
    assert json.dumps(document, sort_keys=True) == before


def test_only_the_names_of_the_file_count_in_a_file() -> None:
    step = {"id": "b", "title": "T", "goal": "G", "depends_on": ["a"]}
    assert PlanStepSpec.from_json(step).depends_on == []
    assert PlanStepSpec.from_json(step).to_json() == step


def test_a_host_may_use_the_names_of_python() -> None:
    step = PlanStepSpec(id="b", title="T", goal="G", depends_on=["a"])
    assert step.to_json() == {"id": "b", "title": "T", "goal": "G", "dependsOn": ["a"]}


def test_the_text_of_a_plan_is_for_people_too() -> None:
    spec = PlanSpec(id="p", title="Plän", steps=[PlanStepSpec(id="a", title="T", goal="G")])
    assert spec.dumps().startswith('{\n  "id": "p",\n  "title": "Plän"')
    assert spec.dumps().endswith("}\n")
