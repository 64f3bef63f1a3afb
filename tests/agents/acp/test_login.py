"""Every agent that is known by name, when nobody has logged in to it: one sentence with what to run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from piplan_tui.agents.acp.agent import AcpAgent
from piplan_tui.agents.acp.known import KNOWN
from piplan_tui.agents.protocol import AgentFailure, SessionRequest

LOCKED = """\
#!{python}
import json, sys
for line in sys.stdin:
    asked = json.loads(line)
    if asked.get("method") == "initialize":
        told = {{"result": {{"protocolVersion": 1, "agentCapabilities": {{}}}}}}
    else:
        told = {{"error": {{"code": -32000, "message": "Authentication required"}}}}
    if "id" in asked:
        print(json.dumps({{"jsonrpc": "2.0", "id": asked["id"], **told}}), flush=True)
"""


@pytest.mark.anyio
@pytest.mark.parametrize("name", KNOWN)
async def test_the_sentence_says_what_to_run(
    name: str, session_request: SessionRequest, tmp_path: Path
) -> None:
    program = tmp_path / "bin" / KNOWN[name].commands[0][0]
    program.parent.mkdir()
    program.write_text(LOCKED.format(python=sys.executable))
    program.chmod(0o755)
    path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
    async with AcpAgent(name, environment={"PATH": path}) as agent:
        with pytest.raises(AgentFailure) as failure:
            await agent.open(session_request)
    assert failure.value.kind == "auth"
    assert failure.value.message == f"acp:{name} is not logged in: {KNOWN[name].login}"
    assert "run " in failure.value.message
