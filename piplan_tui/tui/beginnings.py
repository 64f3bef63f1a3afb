"""What the interface can begin besides a plan of its own; made by whoever opens it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.store.protocol import StoreError


class CannotBegin(Exception):
    """What was asked for when the interface was opened does not fit. `str()` is a sentence for the user."""


CANNOT_BEGIN = (CannotBegin, StoreError, PlanInvalid, OSError)
"""Why nothing is begun."""


@dataclass(frozen=True)
class Beginnings:
    """`demo` gives the bundled plan and how it is to be run; `workflow` makes a run of a script, not started.

    Both may raise what is in `CANNOT_BEGIN`. What is `None` is not offered.
    """

    demo: Callable[[], tuple[Path, RunOptions]] | None = None
    workflow: Callable[[Path], Awaitable[Run]] | None = None
