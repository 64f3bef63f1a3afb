"""The real Pi, set up against the scripted model server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from piplan_tui.agents.pi import PiAgent
from tests.support.model_server import ModelServer, pi_environment
from tests.support.pi_sessions import MakeAgent
from tests.support.pi_versions import PiVersion


@pytest.fixture
def make_agent(pi_version: PiVersion, server: ModelServer, tmp_path: Path) -> MakeAgent:
    environment = pi_environment(tmp_path, server)

    def make(*arguments: str, **options: Any) -> PiAgent:
        return PiAgent([*pi_version.command, *arguments], environment=environment, **options)

    return make
