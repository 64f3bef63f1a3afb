"""What is true of an open question: part of the state of its run, and written like it by the reducer alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from piplan_tui.run.events import RunQuestion
from piplan_tui.run.time_limit import TimeLimit


@dataclass(slots=True)
class AskState:
    """A question that is open. `live` means that a session stands still until it is answered.

    `sameness` is equal for permissions that are the same question of several agents, and empty otherwise.
    `limit` is how long the answer is waited for; `None`: for ever. A question of the run itself has a `kind` and no
    step; `about` is the limit or the fan-out that it is about.
    """

    id: str
    step_id: str
    attempt: int
    request: Any
    opened_at: datetime
    live: bool
    sameness: str = ""
    limit: TimeLimit | None = None
    kind: RunQuestion | Literal[""] = ""
    about: str = ""

    @property
    def expires_at(self) -> datetime | None:
        """When nobody waits for the answer any more."""
        return self.opened_at + timedelta(seconds=self.limit.seconds) if self.limit is not None else None

    @property
    def asker(self) -> str:
        """Who asks, for people: the step, or the run itself."""
        return self.step_id or "the run"
