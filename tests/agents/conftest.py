"""What the agent tests share."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from piplan_tui.agents.protocol import SessionRequest
from tests.support.model_server import ModelServer
from tests.support.pi_versions import newest_pi, pi_version

__all__ = ["newest_pi", "pi_version"]


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    folder.mkdir()
    return folder


@pytest.fixture
def session_request(workspace: Path, tmp_path: Path) -> SessionRequest:
    return SessionRequest(
        run_id=f"run-{uuid.uuid4().hex}",
        step_id="outline",
        attempt=1,
        workspace=workspace,
        session_dir=tmp_path / "sessions",
    )
