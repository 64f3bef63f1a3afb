"""What the interface can begin besides a plan of its own; made by whoever opens it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run


@dataclass(frozen=True)
class Beginnings:
    """`demo` gives the bundled plan and how it is to be run; `workflow` makes a run of a script, not started.

    Both may raise `StoreError`, `PlanInvalid` or `OSError`. What is `None` is not offered.
    """

    demo: Callable[[], tuple[Path, RunOptions]] | None = None
    workflow: Callable[[Path], Awaitable[Run]] | None = None
