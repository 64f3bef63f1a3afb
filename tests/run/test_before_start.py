"""What is said before a run starts: agents and folders that are not there."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest

from piplan_tui.agents.protocol import Agent, AgentFailure
from piplan_tui.agents.registry import AgentSettings, UnknownAgent, make_agent
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import before_start, runtime
from piplan_tui.run.before_start import Outlook, folder_problem, outlook, planned, scripted
from piplan_tui.run.factory import create_runtime
from piplan_tui.run.options import RunOptions
from piplan_tui.store.memory import MemoryRuntimeStore

OTHER = "or name another with --workspace"


def agent_named(name: str) -> Agent:
    try:
        return make_agent(name, AgentSettings(pi_command=("no-such-pi",)))
    except UnknownAgent as error:
        raise AgentFailure("missing", str(error)) from error


def plan(*steps: dict[str, Any]) -> PlanSpec:
    documents = [{"title": step["id"], "goal": "Do it.", "dependsOn": [], **step} for step in steps]
    return PlanSpec.model_validate({"id": "p", "title": "A plan", "steps": documents})


def seen(folder: Path, *steps: dict[str, Any], **options: Any) -> Outlook:
    given = RunOptions(**{"workspace": folder, "agent": "demo", **options})
    return outlook(planned(plan(*(steps or ({"id": "a"},))), given, "plan.json"), agent_named)


def test_nothing_is_said_where_all_is_there(tmp_path: Path) -> None:
    (tmp_path / "step.sh").write_text("#!/bin/sh\n")
    (tmp_path / "step.sh").chmod(0o755)
    assert seen(tmp_path) == Outlook()
    assert seen(tmp_path, agent="command:./step.sh") == Outlook()


@pytest.mark.parametrize(
    ("agent", "said"),
    [
        ("pi", "no-such-pi was not found on PATH; install it with npm install -g @earendil-works/"),
        ("command:./step.sh", "the program ./step.sh was not found in "),
        ("acp:./agent", "the program ./agent of acp:./agent was not found in "),
        ("gpt", "there is no agent 'gpt'; the agent can be pi, acp:NAME"),
    ],
)
def test_the_sentence_is_that_of_the_first_step(tmp_path: Path, agent: str, said: str) -> None:
    found = seen(tmp_path, agent=agent)
    assert found.obstacles[0].startswith(said)
    assert not found.can_start


def test_what_other_steps_need_is_said_of_them_and_the_rest_can_start(tmp_path: Path) -> None:
    rules = {"by": {"role": {"designer": {"agent": "command:./draw"}}}}
    steps: list[dict[str, Any]] = [
        {"id": "look"},
        *({"id": f"draw-{n}", "role": "designer", "dependsOn": ["look"]} for n in range(5)),
    ]
    found = seen(tmp_path, *steps, steps=rules)
    assert found == Outlook(
        (f"draw-0, draw-1, draw-2 and 2 more cannot start: the program ./draw was not found in {tmp_path}",)
    )


def test_nothing_can_start_when_the_first_steps_cannot(tmp_path: Path) -> None:
    rules = {"by": {"role": {"designer": {"agent": "command:./draw"}}}}
    found = seen(
        tmp_path, {"id": "draw", "role": "designer"}, {"id": "look", "dependsOn": ["draw"]}, steps=rules
    )
    assert found.obstacles == (f"draw cannot start: the program ./draw was not found in {tmp_path}",)
    assert not found.can_start


def test_an_agent_that_takes_its_place_is_enough(tmp_path: Path) -> None:
    assert seen(tmp_path, agent="pi", steps={"fallback": ["demo"]}) == Outlook()
    found = seen(tmp_path, agent="pi", steps={"fallback": ["command:./other"]})
    assert found.obstacles[0].startswith("no-such-pi was not found")


def test_each_program_is_looked_for_once(tmp_path: Path) -> None:
    asked: list[str] = []

    def counting(name: str) -> Agent:
        asked.append(name)
        return agent_named(name)

    given = RunOptions(workspace=tmp_path, agent="demo")
    many = plan(*({"id": f"s{n}"} for n in range(50)))
    outlook(planned(many, given, ""), counting)
    assert asked == ["demo"]


def test_of_a_workflow_its_own_agent_is_looked_for_and_may_not_be_needed(tmp_path: Path) -> None:
    found = outlook(scripted(RunOptions(workspace=tmp_path, agent="pi")), agent_named)
    assert found.obstacles[0].startswith("no-such-pi was not found on PATH")
    assert found.can_start
    gone = outlook(scripted(RunOptions(workspace=tmp_path / "gone", agent="demo")), agent_named)
    assert not gone.can_start


def test_a_workspace_that_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "a folder"
    found = seen(gone)
    assert found.obstacles == (
        f"the workspace {gone} is not a folder; make it with mkdir -p '{gone}', {OTHER}",
    )
    assert not found.can_start


def test_a_folder_of_a_rule_that_is_gone(tmp_path: Path) -> None:
    rules = {"by": {"role": {"designer": {"workspace": "art"}}}}
    found = seen(tmp_path, {"id": "look"}, {"id": "draw", "role": "designer"}, steps=rules)
    assert len(found.obstacles) == 1
    assert found.obstacles[0].startswith(
        f"draw cannot start: the workspace {tmp_path / 'art'} is not a folder"
    )
    assert found.obstacles[0].endswith("or change the rule that names it")
    assert found.can_start


def test_a_file_in_the_place_of_the_handoffs(tmp_path: Path) -> None:
    (tmp_path / ".pi-plan-runtime").write_text("")
    found = seen(tmp_path)
    assert found.obstacles[0].startswith(f"{tmp_path / '.pi-plan-runtime'} is not a folder")
    assert not found.can_start


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_workspace_that_may_not_be_written_to(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        said = folder_problem(tmp_path, OTHER)
    finally:
        tmp_path.chmod(0o700)
    assert said.startswith(f"you may not write to {tmp_path}, where steps leave their files")


def test_permissions_are_asked_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(before_start.os, "access", lambda path, mode: Path(path) != tmp_path)
    assert folder_problem(tmp_path, OTHER) == (
        f"you may not write to {tmp_path}, where steps leave their files; change its permissions, {OTHER}"
    )
    (tmp_path / ".pi-plan-runtime" / "handoff").mkdir(parents=True)
    assert folder_problem(tmp_path, OTHER) == ""  # nothing is made in the workspace itself then


def test_a_workspace_on_a_read_only_file_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    flags = os.statvfs(tmp_path)

    class ReadOnly:
        f_flag = flags.f_flag | os.ST_RDONLY

    monkeypatch.setattr(before_start.os, "statvfs", lambda path: ReadOnly)
    found = seen(tmp_path)
    assert found.obstacles == (
        f"the workspace {tmp_path} is on a read-only file system; make it writable, {OTHER}",
    )
    assert not found.can_start


@pytest.mark.anyio
async def test_a_disk_that_does_not_answer_keeps_nobody_waiting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hangs = threading.Event()
    monkeypatch.setattr(runtime, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(runtime, "outlook", lambda state, agents: hangs.wait())
    state = planned(plan({"id": "a"}), RunOptions(workspace=tmp_path, agent="demo"), "")
    try:
        assert await create_runtime(store=MemoryRuntimeStore()).outlook(state) == Outlook()
    finally:
        hangs.set()
