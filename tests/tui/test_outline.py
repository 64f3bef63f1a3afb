"""Which rows there are."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.run import events as ev
from piplan_tui.tui.outline import FILTERS, Outline
from piplan_tui.tui.row_list import RowList
from piplan_tui.tui.step_places import StepPlaces
from piplan_tui.views.step_row import queue_positions
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import deck, step


def shown(outline: Outline) -> list[str]:
    return [row.step.id if row.step else row.phase.title for row in outline.rows()]


def test_finished_phases_fold_and_the_rest_is_there() -> None:
    rows = shown(Outline(deck().state))
    assert rows[:3] == ["Scope", "Research", "outline"]
    assert rows[-2:] == ["Synthesize", "synthesize"]


def test_failures_and_questions_outrank_folding() -> None:
    outline = Outline(deck().state, folded={"Research": True})
    assert shown(outline)[:4] == ["Scope", "Research", "topic-choice", "interviews"]
    assert "pricing" not in shown(outline)


def test_the_row_under_the_cursor_never_disappears() -> None:
    run = deck()
    assert "scope" in shown(Outline(run.state, pinned=("Scope", "scope")))
    assert "outline" in shown(Outline(run.state, filter="failed", pinned=("Research", "outline")))
    assert shown(Outline(run.state, held={"Scope"}))[1] == "scope"


def test_a_plan_without_phases_has_no_phase_rows() -> None:
    run = RunDouble([step("a", "A"), step("b", "B")])
    assert shown(Outline(run.state)) == ["a", "b"]
    run.emit(ev.RunStarted())
    for name in "ab":
        run.started(name)
        run.completed(name)
    assert shown(Outline(run.state)) == ["a", "b"], "what has no phase row cannot fold"


statuses = st.lists(
    st.sampled_from(["none", "running", "asks", "completed", "failed"]), min_size=1, max_size=12
)


@given(statuses, st.sampled_from(FILTERS), st.booleans(), st.integers(0, 11))
def test_rows_are_in_plan_order_and_keep_what_must_be_seen(
    wanted: list[str], chosen: str, fold: bool, cursor: int
) -> None:
    run = RunDouble([step(f"s{n}", "S", f"P{n % 3}") for n in range(len(wanted))])
    run.emit(ev.RunStarted())
    for n, status in enumerate(wanted):
        if status == "none":
            continue
        run.started(f"s{n}")
        if status == "asks":
            run.asks(f"s{n}", "?")
        elif status == "completed":
            run.completed(f"s{n}")
        elif status == "failed":
            run.failed(f"s{n}")
    under = run.state.order[cursor % len(wanted)]
    outline = Outline(run.state, fold_finished=fold, filter=chosen, pinned=(under.phase, under.id))  # type: ignore[arg-type]  # of FILTERS
    rows = outline.rows()
    steps = [row.step for row in rows if row.step]
    assert under in steps
    assert len({id(found) for found in steps}) == len(steps)
    for phase in run.state.phases.values():
        indexes = [found.index for found in steps if found.phase == phase.title]
        assert indexes == sorted(indexes)
    if chosen == "all":
        for found in run.state.order:
            if found.status not in ("completed",):
                assert found in steps, "pending, running, failed and asking steps always show"


@given(
    st.lists(st.tuples(st.integers(0, 11), st.sampled_from(["start", "ask", "complete", "fail", "retry"]))),
    st.sampled_from(FILTERS),
    st.integers(0, 11),
    st.sets(st.sampled_from(["P0", "P1", "P2"])),
    st.dictionaries(st.integers(0, 11), st.integers(0, 15)),
)
def test_a_row_list_is_the_rows_spelled_out(
    moves: list[tuple[int, str]], chosen: str, cursor: int, folded: set[str], unfolded: dict[int, int]
) -> None:
    after = {3: ("s0",), 4: ("s0", "s1"), 7: ("s3", "s4"), 10: ("s7",)}
    run = RunDouble([step(f"s{n}", "S", f"P{n % 3}", after.get(n, ())) for n in range(12)])
    run.emit(ev.RunStarted())
    places = StepPlaces(run.state)
    key = (f"P{cursor % 3}", f"s{cursor}")
    for number, move in moves:
        name = f"s{number}"
        state = run.state.steps[name]
        if move == "start" and state.status == "queued":
            run.started(name)
        elif move == "ask" and state.status == "running":
            run.asks(name, {"message": "?"})
        elif move == "complete" and state.status == "running":
            run.completed(name)
        elif move == "fail" and state.status == "running":
            run.failed(name)
        elif move == "retry" and state.status in ("completed", "failed"):
            run.emit(ev.StepRetried(step_id=name))
        places.note(state)
    for number, tools in unfolded.items():
        if run.state.steps[f"s{number}"].status == "running":
            for call in range(tools):
                run.tool(f"s{number}", "read", "x", call_id=str(call))
    outline = Outline(run.state, filter=chosen, pinned=key, folded=dict.fromkeys(folded, True))  # type: ignore[arg-type]  # a sampled literal
    outline.unfolded = {f"s{number}" for number in unfolded}
    rows = outline.rows()
    listed = RowList(outline, places)
    assert list(listed) == rows
    assert [listed[at] for at in range(len(listed))] == rows
    assert [listed.index_near(row, 0) if row.work else listed.index_of(row.key) for row in rows] == list(
        range(len(rows))
    )
    assert not listed.has_other_work(run.state.steps)
    shown_keys = {row.key for row in rows}
    assert all(
        listed.index_of((s.phase, s.id)) is None for s in run.state.order if (s.phase, s.id) not in shown_keys
    )
    positions = queue_positions(run.state)
    assert {s.id: places.queue_position(s) for s in run.state.order if s.status == "queued"} == positions
    assert places.first("failed") is next((s for s in run.state.order if s.status == "failed"), None)


def test_what_goes_on_inside_a_step_shows_under_it_while_it_is_unfolded() -> None:
    run = RunDouble([step("a", "A"), step("b", "B")])
    run.emit(ev.RunStarted())
    outline = Outline(run.state)
    running, waiting = run.state.steps["a"], run.state.steps["b"]
    run.started("a")
    assert not outline.unfold_step(running), "nothing goes on inside it"
    run.tool("a", "bash", "npm test", call_id="1")
    assert [row.work for row in outline.rows()] == ["", ""], "folded to begin with"
    assert outline.unfold_step(running)
    assert not outline.unfold_step(waiting)
    listed = RowList(outline, StepPlaces(run.state))
    assert [(row.key[1], row.work) for row in listed] == [("a", ""), ("a", "tool:1"), ("b", "")]
    run.tool("a", "read", "x", call_id="2")
    assert listed.has_other_work(["a"])
    assert not listed.has_other_work(["b"])
    assert [row.work for row in outline.rows()] == ["", "tool:1", "tool:2", ""]
    run.completed("a")
    assert [row.work for row in outline.rows()] == ["", ""]
    outline.fold_ended()
    assert not outline.unfolded
