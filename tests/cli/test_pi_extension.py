"""Pi's model starts runs by itself: both versions of the real Pi, with the installed extension."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import SECONDS, Cli
from tests.support.model_server import MODEL, PROVIDER, ModelServer, Rule, Tool, Turn, pi_environment
from tests.support.pi_versions import PiVersion, pi_version
from tests.support.processes import is_running

__all__ = ["pi_version"]

SCRIPT = """export const meta = {name: 'talk', description: 'd', phases: [{title: 'Say'}]}
phase('Say')
const said = await parallel([1, 2, 3].map(n => () => agent(`say ${n}`, {label: `say ${n}`})))
return {said: said.length, topic: args.topic}
"""
PLAN = {"id": "p", "title": "P", "steps": [{"id": "a", "title": "A", "goal": "Do a."}]}


def calling(tool: str, **arguments: Any) -> Rule:
    return Rule("^GO$", [Turn(tools=[Tool(tool, arguments)]), Turn(text="That is all.")])


class Pi:
    """One Pi with the extension in its folder, driven over RPC."""

    def __init__(self, cli: Cli, version: PiVersion, environment: dict[str, str]) -> None:
        self.events: list[dict[str, Any]] = []
        self.process = subprocess.Popen(
            [*version.command, "--mode", "rpc", "--no-session", "--provider", PROVIDER, "--model", MODEL],
            cwd=cli.folder,
            env={**cli.env, **environment},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def send(self, **command: Any) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(command) + "\n")
        self.process.stdin.flush()

    def until(self, kind: str) -> dict[str, Any]:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            event = json.loads(line)
            self.events.append(event)
            if event.get("type") == kind:
                return dict(event)
        raise AssertionError(f"Pi ended without {kind}: {self.events[-3:]}")

    def close(self) -> None:
        self.process.kill()
        self.process.communicate(timeout=SECONDS)


@pytest.fixture
def model() -> Iterator[ModelServer]:
    with ModelServer() as server:
        yield server


@pytest.fixture
def environment(cli: Cli, model: ModelServer, tmp_path: Path) -> dict[str, str]:
    found = pi_environment(tmp_path, model)
    assert cli("install", "pi", env=found).code == 0
    return found


@pytest.fixture
def pi(cli: Cli, pi_version: PiVersion, environment: dict[str, str]) -> Iterator[Pi]:
    made = Pi(cli, pi_version, environment)
    yield made
    made.close()


def told(model: ModelServer) -> str:
    content = model.requests[-1].messages[-1]["content"]
    return content if isinstance(content, str) else "".join(part["text"] for part in content)


def test_the_model_runs_a_workflow_and_then_a_plan(cli: Cli, pi: Pi, model: ModelServer) -> None:
    model.rules.insert(0, calling("run_workflow", script=SCRIPT, args={"topic": "bees"}, task="Talk"))
    pi.send(type="prompt", message="GO")
    ended = pi.until("tool_execution_end")
    pi.until("agent_end")
    assert not ended["isError"]
    assert '{"said":3,"topic":"bees"}' in told(model)
    assert ended["result"]["details"]["steps"] == 3
    updates = [event for event in pi.events if event["type"] == "tool_execution_update"]
    assert any("of 3 steps" in event["partialResult"]["content"][0]["text"] for event in updates)

    model.rules.insert(0, Rule("^PLAN$", calling("run_plan", plan=PLAN).turns))
    pi.send(type="prompt", message="PLAN")
    assert not pi.until("tool_execution_end")["isError"]
    pi.until("agent_end")
    assert ".pi-plan-runtime/handoff/p/a/result.json" in told(model)
    runs = cli("runs", "--json").json["runs"]
    assert [(run["title"], run["status"]) for run in runs] == [("P", "completed"), ("talk", "completed")]


def test_a_mistake_reaches_the_model_in_a_sentence(pi: Pi, model: ModelServer) -> None:
    model.rules.insert(0, calling("run_workflow", script="return agnt('x')"))
    pi.send(type="prompt", message="GO")
    assert pi.until("tool_execution_end")["isError"]
    pi.until("agent_end")
    assert "there is no agnt() in a workflow script" in told(model)


def test_an_abort_cancels_the_run(
    cli: Cli, pi_version: PiVersion, environment: dict[str, str], model: ModelServer
) -> None:
    started = cli.fifo("started")
    agent = cli.script(f"echo $$ > {started}\nexec sleep 600")
    model.rules.insert(0, calling("run_workflow", script="return await agent('wait')"))
    pi = Pi(cli, pi_version, {**environment, "PIPLAN_AGENT": agent})
    try:
        pi.send(type="prompt", message="GO")
        pid = int(started.read_text())
        pi.send(type="abort")
        assert pi.until("tool_execution_end")["isError"]
    finally:
        pi.close()
    [run] = cli("runs", "--json").json["runs"]
    assert run["status"] == "cancelled"
    assert not is_running(pid)


def test_the_agents_of_a_run_do_not_have_the_tools(
    cli: Cli, pi_version: PiVersion, environment: dict[str, str], model: ModelServer
) -> None:
    outside = Pi(cli, pi_version, environment)
    inside = Pi(cli, pi_version, {**environment, "PIPLAN_RUN_ID": "r"})
    names = []
    for pi in (outside, inside):
        try:
            pi.send(type="prompt", message="hello")
            pi.until("agent_end")
        finally:
            pi.close()
        names.append({tool["function"]["name"] for tool in model.requests[-1].body.get("tools", [])})
    assert {"run_workflow", "run_plan"} <= names[0]
    assert names[1] == names[0] - {"run_workflow", "run_plan"}


def test_print_shows_it_and_writes_nothing(cli: Cli, tmp_path: Path) -> None:
    env = {"PI_CODING_AGENT_DIR": str(tmp_path / "pi")}
    shown = cli("install", "pi", "--print", env=env)
    assert shown.code == 0
    assert "registerTool" in shown.out
    assert not (tmp_path / "pi").exists()
    assert cli("install", "pi", env=env).code == 0
    path = tmp_path / "pi" / "extensions" / "piplan-tui.ts"
    assert path.read_text() == shown.out
    path.write_text(path.read_text() + "// mine\n")
    refused = cli("install", "pi", env=env)
    assert (refused.code, refused.err.count("\n")) == (2, 1)
    assert "--force" in refused.err
    assert cli("uninstall", "pi", "--force", env=env).code == 0
    assert not path.exists()
