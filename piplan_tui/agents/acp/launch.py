"""What is fixed for an agent and for each of its processes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

from piplan_tui.agents.warm import Limits


@dataclass(frozen=True)
class AcpLimits(Limits):
    """The limits of an agent's processes and sessions. To open a session is one of the requests to be answered."""

    answer_seconds: float = 60.0


@dataclass(frozen=True)
class Launch:
    """What is fixed when a process starts; a warm one serves only requests with an equal launch."""

    cwd: Path
    env: frozenset[tuple[str, str]] = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **dict(self.env)}
