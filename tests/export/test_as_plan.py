"""Dependencies from the order in which calls began and ended."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.export.as_plan import _dependencies
from piplan_tui.run.attempt_state import AttemptState
from piplan_tui.run.events import EPOCH
from piplan_tui.run.state import StepState

spans = st.lists(st.tuples(st.integers(0, 12), st.integers(1, 6)), min_size=1, max_size=12).map(sorted)


def steps_of(times: list[tuple[int, int]]) -> list[StepState]:
    steps = []
    for index, (begun, length) in enumerate(times):
        step = StepState(index, f"s{index}", "t", "g", "", (), {})
        start = EPOCH + timedelta(seconds=begun)
        step.queued_at = start
        end = start + timedelta(seconds=length)
        step.attempts = [AttemptState(1, "completed", start, ended_at=end)]
        steps.append(step)
    return steps


@given(spans)
def test_a_step_needs_all_that_had_ended_and_names_nothing_twice(times: list[tuple[int, int]]) -> None:
    steps = steps_of(times)
    direct = {name: {step.id for step in needed} for name, needed in _dependencies(steps).items()}

    def reach(name: str) -> set[str]:
        return direct[name].union(*map(reach, direct[name]))

    for step, (begun, _) in zip(steps, times, strict=True):
        had_ended = {
            other.id
            for other, (start, length) in zip(steps, times, strict=True)
            if start + length <= begun and other.index < step.index
        }
        assert reach(step.id) == had_ended
        through = set().union(*map(reach, direct[step.id]))
        assert not direct[step.id] & through
