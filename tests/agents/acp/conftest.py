"""The small agent of tests/support, and the real opencode."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from piplan_tui.agents.acp.agent import AcpAgent

ROOT = Path(__file__).parents[3]
MakeAcp = Callable[..., AcpAgent]


@pytest.fixture
def make_acp() -> MakeAcp:
    """An agent that runs the small agent with these arguments."""

    def make(*arguments: str, **options: Any) -> AcpAgent:
        command = shlex.join([sys.executable, "-m", "tests.support.acp_agent", *arguments])
        return AcpAgent(command, environment={"PYTHONPATH": str(ROOT)}, **options)

    return make
