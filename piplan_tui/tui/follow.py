"""Where the cursor goes by itself while it follows."""

from __future__ import annotations

from piplan_tui.run.state import IN_PROGRESS, RunState, StepState
from piplan_tui.tui.step_places import StepPlaces


def followed(state: RunState, places: StepPlaces, here: StepState | None) -> tuple[str, str] | None:
    """The row that follow wants: stay while it runs, else what started last, else the first ask."""
    if here is not None and here.status in IN_PROGRESS:
        return here.phase, here.id
    active = [step for step in places.with_status("running", "retrying") if step.attempt]
    if active:
        newest = max(active, key=lambda s: (s.attempt.started_at if s.attempt else s.id, -s.index))
        return newest.phase, newest.id
    waiting = next(iter(state.asks.values()), None)
    if waiting is not None and (asker := state.steps.get(waiting.step_id)):
        return asker.phase, asker.id
    if state.status == "failed" and (failed := places.first("failed")):
        return failed.phase, failed.id
    return None
