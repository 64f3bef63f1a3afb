"""A state of a run to go back to, for views that show something that is not in the store."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import fields

from piplan_tui.run.state import RunState


class KeptState:
    """What a state was. `restore` makes it so again, in the same objects for the run and its steps."""

    def __init__(self, state: RunState) -> None:
        self._kept = deepcopy(state)

    def restore(self, state: RunState) -> None:
        """Call it once; no step may have been added since."""
        kept = self._kept
        same = {id(step): state.steps[step.id] for step in kept.order}
        for step in kept.order:
            for each in fields(step):
                setattr(state.steps[step.id], each.name, getattr(step, each.name))
        for each in fields(kept):
            setattr(state, each.name, deepcopy(getattr(kept, each.name), same))
