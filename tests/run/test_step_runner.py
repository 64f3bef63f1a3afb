"""One errand at a time, carried out by real programs as `command:` agents."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path
from typing import Any

import pytest

from piplan_tui.agents.command import CommandAgent
from piplan_tui.agents.protocol import Agent, AgentFailure, AgentSession, Notice, SessionEvent, TextDelta
from piplan_tui.run.model import HandoffDescriptor, HandoffFile, StepExecutionInput, StepJob, UserInput
from piplan_tui.run.prompt import step_prompt
from piplan_tui.run.redact import Redactor
from piplan_tui.run.step_runner import ResultMissing, StepRunner

pytestmark = pytest.mark.anyio


class Heard:
    """What an errand reported."""

    def __init__(self) -> None:
        self.events: list[SessionEvent] = []
        self.reprompts: list[str] = []

    def opened(self, session: AgentSession, workspace: Path | None = None) -> None:
        self.session = session

    def said(self, event: SessionEvent) -> None:
        self.events.append(event)

    def held_up(self, problem: str) -> None:
        raise AssertionError(problem)

    def reprompted(self, count: int, problem: str) -> None:
        self.reprompts.append(problem)


def given(workspace: Path, **more: Any) -> StepExecutionInput:
    return StepExecutionInput(
        run_id="r",
        attempt=1,
        plan={"id": "p", "title": "Plan", "summary": "about", "owner": "team-7"},
        step={"id": "slides", "title": "Slides", "goal": "Make five slides.", "role": "designer"},
        workspace=str(workspace),
        **more,
    )


async def run(workspace: Path, program: str, *, runner: dict[str, Any] | None = None) -> tuple[Any, Heard]:
    """Carry out the step with a Python program as the agent; it finds the prompt on stdin."""
    script = workspace / "agent.py"
    script.write_text("import json, os, pathlib, sys\nprompt = sys.stdin.read()\n" + program)
    command = shlex.join([sys.executable, str(script)])
    heard = Heard()
    async with CommandAgent(command) as agent:

        async def named(name: str) -> Agent:
            assert name == "command"
            return agent

        step_runner = StepRunner(named, **(runner or {}))
        done = await step_runner.execute(StepJob(given=given(workspace), agent="command"), heard)
    return done, heard


async def test_a_result_in_prose_and_a_fence_is_found_and_handed_over(tmp_path: Path) -> None:
    answer = 'Well.\n```json\n{"status": "completed", "summary": "Five slides", "files": ["a.md"]}\n```\nBye.'
    done, heard = await run(tmp_path, f"print({answer!r})")
    assert done.result.status == "completed"
    assert done.handoff is not None
    result = json.loads((tmp_path / done.handoff.directory / "result.json").read_text())
    assert (result["summary"], result["files"]) == ("Five slides", ["a.md"])
    assert (tmp_path / done.handoff.directory / "raw_output.txt").read_text().startswith("Well.")
    assert any(isinstance(event, TextDelta) for event in heard.events)


async def test_a_session_that_forgot_the_result_is_told_what_was_wrong(tmp_path: Path) -> None:
    program = """
if "Reply with that JSON object only" in prompt:
    print('{"status": "completed", "summary": "now"}')
else:
    print('{"status": "finished-ish"}')
"""
    done, heard = await run(tmp_path, program)
    assert done.result.summary == "now"
    assert len(heard.reprompts) == 1
    assert "status" in heard.reprompts[0]


async def test_after_the_last_try_the_text_is_kept_with_the_failure(tmp_path: Path) -> None:
    with pytest.raises(ResultMissing) as failed:
        await run(tmp_path, "print('the weather is fine')", runner={"max_reprompts": 1})
    assert "asked again once" in str(failed.value)
    assert "the weather is fine" in failed.value.detail


async def test_waiting_for_the_user_leaves_no_handoff(tmp_path: Path) -> None:
    ask = '{"status": "waiting_user", "summary": "?", "inputRequest": {"message": "Who?"}}'
    done, _ = await run(tmp_path, f"print({ask!r})")
    assert done.result.status == "waiting_user"
    assert done.result.input_request == {"message": "Who?"}
    assert done.handoff is None
    assert not (tmp_path / ".pi-plan-runtime").exists()


async def test_a_program_that_fails_says_so_with_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(AgentFailure) as failed:
        await run(tmp_path, "print('no key', file=sys.stderr); sys.exit(7)")
    assert "7" in str(failed.value)
    assert "no key" in failed.value.detail


async def test_secrets_reach_the_program_by_its_environment_and_come_back_as_names(tmp_path: Path) -> None:
    redactor = Redactor()
    redactor.learn({"NPM_TOKEN": "npm_hunter2"})
    program = 'print(json.dumps({"status": "completed", "summary": "used " + os.environ["NPM_TOKEN"]}))'
    more = {"redactor": redactor, "environment": lambda: redactor.secrets}
    done, _ = await run(tmp_path, program, runner=more)
    assert done.result.summary == "used $secret:NPM_TOKEN"
    assert done.handoff is not None
    for file in done.handoff.files:
        assert "hunter2" not in (tmp_path / file.path).read_text()


async def test_notices_of_a_program_reach_the_transcript(tmp_path: Path) -> None:
    program = "print('careful', file=sys.stderr)\nprint('{\"status\": \"completed\"}')"
    _, heard = await run(tmp_path, program)
    assert any(isinstance(event, Notice) and "careful" in event.text for event in heard.events)


def test_the_prompt_says_all_that_a_step_needs(tmp_path: Path) -> None:
    outline = HandoffDescriptor(
        plan_id="p",
        step_id="outline",
        attempt=1,
        directory="h",
        files=(HandoffFile("result.json", "h/outline/result.json", 120, "0" * 64),),
        summary="An outline",
    )
    answered = UserInput(ask_id="q", message="Who?", action="accept", values={"audience": "seed"})
    prompt = step_prompt(
        given(tmp_path, dependencies=(outline,), metadata={"projectId": "p1"}, user_input=(answered,))
    )
    for part in (
        "# Step `slides`: Slides",
        "Make five slides.",
        '"role": "designer"',
        '"owner": "team-7"',
        "read the handoff files",
        "h/outline/result.json (120 bytes)",
        '"projectId": "p1"',
        '"audience": "seed"',
        "exactly one JSON object",
        '"waiting_user"',
    ):
        assert part in prompt
