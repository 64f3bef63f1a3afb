"""A Pi that is not there, is not Pi, or cannot work."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

import msgspec
import pytest

from piplan_tui.agents.pi import PiAgent, PiLimits, pi_command
from piplan_tui.agents.process import sweep
from piplan_tui.agents.protocol import AgentFailure, SessionRequest
from tests.support.model_server import ModelServer, pi_environment
from tests.support.pi_versions import PiVersion

pytestmark = pytest.mark.anyio


async def failure_of(request: SessionRequest, *command: str, **options: Any) -> AgentFailure:
    async with PiAgent(command, **options) as agent:
        with pytest.raises(AgentFailure) as failure:
            await agent.open(request)
    assert "\n" not in failure.value.message
    assert await sweep(request.run_id) == (0, 0)
    return failure.value


@pytest.fixture
def no_keys(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.endswith(("_API_KEY", "_TOKEN")) or name.startswith("AWS_"):
            monkeypatch.delenv(name)


async def test_not_installed(session_request: SessionRequest) -> None:
    failure = await failure_of(session_request, "no-such-pi")
    assert failure.kind == "missing"
    assert failure.message == (
        "no-such-pi was not found on PATH; install it with npm install -g @earendil-works/pi-coding-agent, "
        "or name it with --pi-command / PIPLAN_PI"
    )
    failure = await failure_of(session_request, "/nowhere/pi")
    assert failure.message.startswith("/nowhere/pi was not found; install it")


@pytest.mark.parametrize(
    ("program", "kind", "message"),
    [
        (
            "import sys; sys.exit('SyntaxError: The requested module does not provide an export named x\\n"
            "    at ModuleJob\\n\\nNode.js v20.1.0')",
            "unusable",
            "this pi needs a newer Node.js (22.19 or later, this is v20.1.0)",
        ),
        (
            "import sys; sys.exit('Error: Unknown option: --mode\\nsee --help')",
            "unusable",
            "pi did not start: Unknown option: --mode",
        ),
        ("import sys; sys.exit(\"env: 'node': No such file or directory\")", "missing", "pi needs Node.js"),
        (
            "import time; time.sleep(300)",
            "hung",
            f"{sys.executable} did not come up as pi within 0.5 s",
        ),
        (
            "import os, time; os.close(0); time.sleep(300)",
            "hung",
            f"{sys.executable} did not come up as pi within 0.5 s",
        ),
        (
            'while True: print(\'{"type":"x"}\')',
            "hung",
            f"{sys.executable} did not come up as pi within 0.5 s",
        ),
        ("while True: print('noise ' * 999)", "hung", f"{sys.executable} did not come up as pi within 0.5 s"),
        (
            'print(\'{"type":"extension_ui_request","id":"1","method":"confirm","title":"Trust?"}\', flush=True);'
            "import time; time.sleep(300)",
            "hung",
            f"{sys.executable} did not come up as pi within 0.5 s: an extension asks while pi starts, where "
            "nobody can answer: Trust?",
        ),
    ],
    ids=["old node", "other options", "no node", "silent", "closed stdin", "records", "noise", "question"],
)
async def test_something_else_than_pi(
    session_request: SessionRequest, program: str, kind: str, message: str
) -> None:
    limits = PiLimits(start_seconds=0.5 if kind == "hung" else 20)
    failure = await failure_of(session_request, sys.executable, "-c", program, limits=limits)
    assert failure.kind == kind
    assert failure.message.startswith(message)


async def test_no_model(
    pi_version: PiVersion, session_request: SessionRequest, tmp_path: Path, no_keys: None
) -> None:
    """An empty configuration and no key."""
    failure = await failure_of(
        session_request, *pi_version.command, config_root=tmp_path / "empty", environment={"PI_OFFLINE": "1"}
    )
    assert failure.kind == "auth"
    assert failure.message.startswith("pi has no model that it can use: set an API key")


async def test_a_model_that_pi_does_not_know(
    pi_version: PiVersion, server: ModelServer, session_request: SessionRequest, tmp_path: Path, no_keys: None
) -> None:
    environment = pi_environment(tmp_path, server)
    failure = await failure_of(
        msgspec.structs.replace(session_request, model="nowhere/model-x"),
        *pi_version.command,
        environment=environment,
    )
    assert failure.kind == "unusable"
    assert "model-x" in failure.message


async def test_the_workspace_is_not_there(
    newest_pi: PiVersion, session_request: SessionRequest, tmp_path: Path
) -> None:
    request = msgspec.structs.replace(session_request, workspace=tmp_path / "gone")
    failure = await failure_of(request, *newest_pi.command)
    assert failure.message == f"the workspace {tmp_path / 'gone'} is not a folder"
    long = msgspec.structs.replace(session_request, system_prompt="é" * 70_000)
    failure = await failure_of(long, *newest_pi.command)
    assert failure.message == "the system prompt for pi is longer than 120,000 bytes"


def test_the_command_comes_from_the_environment() -> None:
    assert pi_command({}) == ("pi",)
    assert pi_command({"PIPLAN_PI": "node 'my pi/cli.js' --offline"}) == ("node", "my pi/cli.js", "--offline")
    with pytest.raises(AgentFailure, match="PIPLAN_PI cannot be read"):
        pi_command({"PIPLAN_PI": "pi 'x"})
