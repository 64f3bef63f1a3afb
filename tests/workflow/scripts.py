"""Scripts that the tests of workflows run, and agents whose answers a test writes."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import anyio

from piplan_tui.run import events as ev
from piplan_tui.run.model import StepDone, StepJob, StepResult, Usage
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState
from piplan_tui.run.step_runner import StepPort
from piplan_tui.workflow.load import LoadedWorkflow, read_workflow
from tests.run.conftest import Bench
from tests.run.steps import Steps

Answer = Callable[[str], Any]


class Answers(Steps):
    """Every call is answered with its own prompt in angle brackets, or with what `answer` says."""

    def __init__(self, answer: Answer = lambda prompt: f"<{prompt}>") -> None:
        super().__init__()
        self.answer = answer
        self.tokens = 0
        self.prompts: list[str] = []

    async def execute(self, job: StepJob, port: StepPort) -> StepDone:
        prompt = str(job.given.step["goal"])
        self.prompts.append(prompt)
        done = await super().execute(job, port)
        if done.result.status != "completed":
            return done
        if self.tokens:
            from piplan_tui.agents.protocol import UsageReported

            port.said(UsageReported(Usage(input=self.tokens - 1, output=1)))
        return StepDone(result=StepResult(status="completed", summary="done"), value=self.answer(prompt))


class WorkflowBench(Bench):
    """A runtime over scripted agent calls: the real driver, journal, reducer and store."""

    def __init__(self, workspace: Path, store: Any) -> None:
        super().__init__(workspace, store)
        self.answers = Answers()
        self.steps = self.answers
        self.options = replace(self.options, workflow_concurrency=3)
        self.folder = workspace

    def load(self, script: str, name: str = "flow") -> LoadedWorkflow:
        """A workflow whose `main` has this body, or a whole script."""
        return loaded(script, self.folder, name)

    def load_as(self, language: str, script: str) -> LoadedWorkflow:
        """A script of this language."""
        if language == "python":
            return self.load(script)
        return read_workflow(script.encode(), "flow.js", "javascript", folder=self.folder)

    async def finish(
        self, runtime: PlanRuntime, script: str | LoadedWorkflow, **more: Any
    ) -> tuple[Run, RunState]:
        """Run a script until it has ended or rests."""
        read = self.load(script) if isinstance(script, str) else script
        run = await runtime.create_workflow_run(read, **more)
        await run.start()
        return run, await run.wait()


def loaded(script: str, folder: Path, name: str = "flow") -> LoadedWorkflow:
    script = textwrap.dedent(script)
    if "def main" not in script:
        script = "async def main(wf):\n" + textwrap.indent(script, "    ")
    return read_workflow(script.encode(), f"{name}.py", "python", folder=folder)


def logs(run: Run) -> list[str]:
    """The lines that a run says from here on."""
    said: list[str] = []

    def hear(event: ev.RuntimeEvent) -> None:
        if isinstance(event, ev.Logged):
            said.append(event.message)

    run.subscribe(hear)
    return said


async def until(condition: Callable[[], bool]) -> None:
    """Let the loop turn until something is so."""
    with anyio.fail_after(5):
        while not condition():
            await anyio.lowlevel.checkpoint()
