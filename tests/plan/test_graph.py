from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.plan.graph import PlanGraph
from piplan_tui.plan.spec import PlanStepSpec


def graph(*needs: list[int]) -> PlanGraph:
    return PlanGraph.from_edges([f"s{index}" for index in range(len(needs))], needs)


@st.composite
def graphs(draw: st.DrawFn, *, acyclic: bool = False) -> PlanGraph:
    size = draw(st.integers(1, 12))
    needs = [
        draw(st.lists(st.integers(0, index - 1 if acyclic else size - 1), max_size=4))
        if index or not acyclic
        else []
        for index in range(size)
    ]
    return graph(*needs)


def test_a_graph_has_each_dependency_once_and_in_the_order_of_the_plan() -> None:
    def step(step_id: str, *needs: str) -> PlanStepSpec:
        return PlanStepSpec(id=step_id, title="T", goal="G", depends_on=list(needs))

    made = PlanGraph.of([step("a"), step("b", "a"), step("c", "b", "a", "b")])
    assert made.dependencies == ((), (0,), (1, 0))
    assert made.dependents == ((1, 2), (2,), ())
    assert made.index_of == {"a": 0, "b": 1, "c": 2}
    with pytest.raises(KeyError):
        PlanGraph.of([step("a", "nobody")])


def test_levels_critical_path_and_what_lies_down() -> None:
    made = graph([], [0], [0], [1, 2], [])
    assert made.levels() == [[0, 4], [1, 2], [3]]
    assert made.order() == [0, 4, 1, 2, 3]
    assert made.critical_path([1, 5, 2, 1, 6]) == (7, [0, 1, 3])
    assert made.downstream([1]) == [3]
    assert made.downstream([0]) == [1, 2, 3]
    assert graph().critical_path([]) == (0.0, [])


def test_cycles_are_spelled_from_their_first_step() -> None:
    assert graph([1], [2], [0], []).cycles() == [(0, 1, 2)]
    assert graph([0], [1, 0]).cycles() == [(0,), (1,)]
    two_knots = graph([1], [0], [3], [2])
    assert two_knots.cycles() == [(0, 1), (2, 3)]
    two_in_one_knot = graph([1], [0, 2], [1])
    assert two_in_one_knot.cycles() == [(0, 1), (1, 2)]
    with pytest.raises(ValueError, match="cycle"):
        two_knots.order()


def test_a_cycle_of_a_hundred_thousand_steps_needs_no_deep_stack() -> None:
    size = 100_000
    assert len(graph(*([(index + 1) % size] for index in range(size))).cycles()[0]) == size


@given(graphs())
def test_cycles_are_real_and_are_found_exactly_when_there_is_no_order(made: PlanGraph) -> None:
    cycles = made.cycles()
    for cycle in cycles:
        assert len(set(cycle)) == len(cycle)
        for step, needed in zip(cycle, (*cycle[1:], cycle[0]), strict=True):
            assert needed in made.dependencies[step]
    if not cycles:
        assert sorted(made.order()) == list(range(len(made)))
    else:
        with pytest.raises(ValueError, match="cycle"):
            made.order()
        cut = {(cycle[0], cycle[1 % len(cycle)]) for cycle in cycles}
        rest = [
            [needed for needed in wanted if (step, needed) not in cut]
            for step, wanted in enumerate(made.dependencies)
        ]
        assert not graph(*rest).cycles()


@given(graphs(acyclic=True), st.data())
def test_the_order_and_the_reach_agree_with_the_dependencies(made: PlanGraph, data: st.DataObject) -> None:
    place = {step: at for at, step in enumerate(made.order())}
    for step, wanted in enumerate(made.dependencies):
        assert all(place[needed] < place[step] for needed in wanted)
        for needed in wanted:
            assert step in made.dependents[needed]
            assert step in made.downstream([needed])
    weights = data.draw(st.lists(st.integers(0, 9), min_size=len(made), max_size=len(made)))
    length, path = made.critical_path(weights)
    assert length == sum(weights[step] for step in path) >= max(weights)
    assert all(a in made.dependencies[b] for a, b in pairwise(path))
