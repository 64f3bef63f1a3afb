"""Each mistake of a script ends in one clear sentence with its place, in both languages; the run's state is kept."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.run.reduce import fold
from piplan_tui.store.file import FileRuntimeStore
from tests.workflow.scripts import WorkflowBench, logs

pytestmark = pytest.mark.anyio


class Row(NamedTuple):
    """A script that has one good call first. `before` it runs, or while it runs, it is told `said`."""

    name: str
    python: str
    said_python: str
    javascript: str
    said_javascript: str
    before: bool = True


ROWS = [
    Row(
        "syntax error",
        "x = (1,",
        r"flow\.py:3:\d+: this is no Python: '\(' was never closed",
        "const x = (1,",
        r"flow\.js:3:1: syntax error: the script ends in the middle of something",
    ),
    Row(
        "unknown primitive",
        "await wf.agnet('x')",
        r"flow\.py:3:11: wf has no agnet; did you mean wf\.agent\?",
        "await agnet('x')",
        r"flow\.js:2:7: there is no agnet\(\) in a workflow script: did you mean agent\(\)\?",
    ),
    Row(
        "never awaited",
        "wf.agent('x')",
        r"flow\.py:3:5: this wf\.agent\(…\) is never awaited, so it does nothing; write await wf\.agent\(…\)",
        "agent('x')",
        r"flow\.js:2:1: the script ended while this call was still running: write `await` before it",
        before=False,
    ),
    Row(
        "a schema that no model can meet",
        "await wf.agent('x', schema={'type': 'string', 'minLength': 3, 'enum': ['a']})",
        r"flow\.py:3: agent\(\) got a schema that cannot be used: .*no value",
        "await agent('x', { schema: { type: 'string', minLength: 3, enum: ['a'] } })",
        r"flow\.js:2:\d+: agent\(\) got a schema that cannot be used: .*no value",
        before=False,
    ),
    Row(
        "writes to a global",
        "wf.agent = None",
        r"flow\.py:3:5: wf\.agent cannot be changed; use a name of your own",
        "agent = null",
        r"flow\.js:2:1: `agent` is a global of the workflow and cannot be changed: use another name",
    ),
    Row(
        "100,000 items",
        "await wf.pipeline(range(100_000), lambda n: wf.agent(f'{n}'))",
        r"flow\.py:3: 100,000 items in one parallel or pipeline call are more than a run may have \(4,096\); .*",
        "await pipeline(Array.from({ length: 100_000 }, (_, n) => n), (n) => agent(`${n}`))",
        r"flow\.js:2:\d+: 100,000 items in one parallel or pipeline call are more than a run may have \(4,096\); .*",
        before=False,
    ),
]


@pytest.fixture
def bench(tmp_path: Path) -> WorkflowBench:
    return WorkflowBench(tmp_path, FileRuntimeStore(tmp_path / "store"))


@pytest.mark.parametrize("language", ["python", "javascript"])
@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
async def test_each_mistake_is_one_sentence_with_its_place(
    bench: WorkflowBench, row: Row, language: str
) -> None:
    python = language == "python"
    body = row.python if python else row.javascript
    script = (
        f"async def main(wf):\n    await wf.agent('first')\n    {body}\n"
        if python
        else f"await agent('first')\n{body}\n"
    )
    expected = row.said_python if python else row.said_javascript
    loaded = bench.load_as(language, script)
    before = row.before or (python and row.name == "never awaited")
    async with bench.runtime() as runtime:
        if before:
            with pytest.raises(PlanInvalid, match=expected) as invalid:
                await runtime.create_workflow_run(loaded)
            assert "\n" not in str(invalid.value)
            return
        run = await runtime.create_workflow_run(loaded)
        await run.start()
        state = await run.wait()
        stored = [event async for event in bench.store.read(run.id)]
    assert state.status == "failed"
    assert "\n" not in state.reason
    assert re.search(expected, state.reason), state.reason
    # what was done before the mistake is kept
    assert (state.order[0].status, state.order[0].value) == ("completed", "<first>")
    assert fold(stored) == state


async def test_a_stage_that_returns_nothing_is_said_in_both_languages(bench: WorkflowBench) -> None:
    python = bench.load(
        """
        def stage(item):
            print(item)

        async def main(wf):
            await wf.pipeline([1], stage, lambda x: x)
        """
    )
    assert [str(problem).partition("flow.py:")[2] for problem in python.problems] == [
        "6:28: the stage stage returns nothing, so the next one gets only None; return what it needs"
    ]
    script = "await agent('first')\nreturn await pipeline([1], (n) => { n + 1 }, (x) => x ?? 'nothing')"
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load_as("javascript", script))
        said = logs(run)
        await run.start()
        state = await run.wait()
    assert (state.status, state.result) == ("completed", ["nothing"])
    assert said == [
        "pipeline() stage 0 returned nothing for item 0, so that the next stage gets undefined: "
        "is a `return` missing? (flow.js:2:14)"
    ]
