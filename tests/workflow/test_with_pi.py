"""A workflow through the real Pi of both versions: the model is scripted, everything else is as users have it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from piplan_tui.agents.pi import PiAgent
from piplan_tui.run.factory import create_pi_plan_runtime
from piplan_tui.store.file import FileRuntimeStore
from tests.support.model_server import PROVIDER, ModelServer, Rule, Tool, Turn, pi_environment
from tests.support.pi_versions import PiVersion, pi_version
from tests.workflow.scripts import loaded

__all__ = ["pi_version"]
pytestmark = pytest.mark.anyio

SCRIPT = """
from pydantic import BaseModel, Field

class Count(BaseModel):
    files: int = Field(ge=1)
    note: str

async def main(wf):
    wf.phase("Count")
    count = await wf.agent("COUNT the files here", schema=Count, label="count")
    text = await wf.agent(f"REPORT that there are {count.files}", phase="Report")
    return [count.files, count.note, text]
"""


@pytest.fixture
def server() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def agent(pi_version: PiVersion, server: ModelServer, tmp_path: Path) -> PiAgent:
    return PiAgent(pi_version.command, environment=pi_environment(tmp_path, server), provider=PROVIDER)


async def test_an_agent_with_tools_is_asked_again_until_its_answer_fits(
    agent: PiAgent, server: ModelServer, tmp_path: Path
) -> None:
    server.rules = [
        Rule("Reply with that JSON object only", [Turn(text='Sorry: {"files": 2, "note": "two of them"}')]),
        Rule(
            "COUNT the files",
            [
                Turn(text="Looking.", tools=[Tool("bash", {"command": "ls | wc -l"})]),
                Turn(text='```json\n{"files": 0}\n```'),
            ],
        ),
        Rule("REPORT that there are 2", [Turn(text="There are two.")]),
    ]
    workspace = tmp_path / "workspace"
    workspace.mkdir()
    runtime = create_pi_plan_runtime(
        workspace_root=workspace, store=FileRuntimeStore(tmp_path / "store"), session_factory=agent
    )
    async with runtime:
        run = await runtime.create_workflow_run(loaded(SCRIPT, tmp_path))
        await run.start()
        state = await run.wait()
    assert (state.status, state.result) == ("completed", [2, "two of them", "There are two."]), state.reason
    count = state.steps["count"].attempts
    assert (len(count), count[0].reprompts, count[0].tools) == (1, 1, 1)
    assert state.usage.tokens
    assert not list(workspace.glob("**/result.json"))
