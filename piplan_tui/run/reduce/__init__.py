"""The one reducer: `RunState = fold(reduce, events)`.

Deterministic, without clock or I/O. It changes the state in place (a copy per event would make every event
cost as much as the run is long) and returns it. The cost of an event does not depend on the history, only on
the number of direct dependents of the step that it is about.
"""

from __future__ import annotations

from piplan_tui.run.reduce.reducer import fold, reduce

__all__ = ["fold", "reduce"]
