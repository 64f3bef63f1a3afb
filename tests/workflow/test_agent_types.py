"""Agent definitions: what of them reaches a call."""

from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.workflow.agent_types import AgentType, find_agent_type, read_agent_type
from tests.workflow.scripts import WorkflowBench, logs

REVIEWER = """---
name: reviewer
description: looks
  twice
tools: Read, Grep, mcp__x
model: m9
---

You review.
"""


def test_a_definition_is_read() -> None:
    assert read_agent_type(REVIEWER) == AgentType(
        system_prompt="You review.", model="m9", tools=("read", "grep", "mcp__x")
    )
    assert read_agent_type("---\nmodel: inherit\n---\nHi") == AgentType(system_prompt="Hi")
    assert read_agent_type("---\nnever closed") == AgentType(system_prompt="---\nnever closed")


@pytest.mark.parametrize("name", ["../secret", "a/b", "", ".", "none"])
def test_a_name_never_leads_out_of_the_folder(name: str, tmp_path: Path) -> None:
    (tmp_path / ".claude" / "agents").mkdir(parents=True)
    (tmp_path / ".claude" / "secret.md").write_text("secret")
    assert find_agent_type(name, tmp_path) is None


@pytest.mark.anyio
async def test_a_call_gets_what_its_type_says_unless_it_says_otherwise(bench: WorkflowBench) -> None:
    folder = bench.folder / ".claude" / "agents"
    folder.mkdir(parents=True)
    (folder / "reviewer.md").write_text(REVIEWER)
    script = """
    await wf.agent("a", agent_type="reviewer")
    await wf.agent("b", agent_type="reviewer", model="m1", tools=["bash"])
    await wf.agent("c", agent_type="Unknown")
    await wf.agent("d", agent_type="Unknown")
    """
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(script))
        said = logs(run)
        await run.start()
        await run.wait()
    jobs = [(job.system_prompt, job.model, job.tools) for job in bench.steps.jobs]
    assert jobs == [
        ("You review.", "m9", ("read", "grep", "mcp__x")),
        ("You review.", "m1", ("bash",)),
        ("", "", None),
        ("", "", None),
    ]
    assert said == [
        "there is no agent definition 'Unknown' (.claude/agents/NAME.md); its calls run without one"
    ]
