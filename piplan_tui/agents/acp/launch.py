"""What is fixed for an agent and for each of its processes."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class AcpLimits:
    """Times in seconds, and how many processes are kept warm.

    `silence_seconds` is how long a turn may bring no update while no tool runs and nobody is asked.
    """

    start_seconds: float = 60.0
    answer_seconds: float = 60.0
    silence_seconds: float = 15 * 60.0
    abort_seconds: float = 5.0
    terminate_seconds: float = 2.0
    max_idle: int = 4


@dataclass(frozen=True)
class Launch:
    """What is fixed when a process starts; a warm one serves only requests with an equal launch."""

    cwd: Path
    env: frozenset[tuple[str, str]] = field(repr=False)

    @property
    def environment(self) -> dict[str, str]:
        return {**os.environ, **dict(self.env)}
