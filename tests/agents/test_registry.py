"""Names of agents."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from piplan_tui.agents.registry import AgentSettings, UnknownAgent, known_agents, make_agent
from tests.support.pi_versions import PiVersion


def fake_pi(tmp_path: Path, body: str) -> tuple[str, ...]:
    program = tmp_path / "pi.py"
    program.write_text(body)
    return (sys.executable, str(program))


@pytest.mark.parametrize("name", ["pi", "demo", "command:./run.sh --fast", "acp:opencode", "acp:./agent -x"])
def test_an_agent_has_the_name_that_chose_it(name: str) -> None:
    assert make_agent(name).name == name


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("gpt", "there is no agent 'gpt'; the agent can be pi, acp:NAME, command:PROGRAM ARGUMENTS… or demo"),
        ("pi:fast", "there is no agent 'pi:fast'"),
        ("", "there is no agent ''"),
        ("command", "there is no agent 'command'"),
        ("command:", "command: needs a program, such as command:./step.sh"),
        ("acp", "there is no agent 'acp'"),
        ("acp:", "acp: needs an agent: one of opencode, claude, codex,"),
        ("acp:./my 'agent", "acp:./my 'agent cannot be read as a command: No closing quotation"),
    ],
)
def test_an_unknown_name_gets_one_sentence(name: str, message: str) -> None:
    with pytest.raises(UnknownAgent) as error:
        make_agent(name)
    assert str(error.value).startswith(message)
    assert "\n" not in str(error.value)


def test_the_version_of_pi_is_found(pi_version: PiVersion) -> None:
    pi, *others = known_agents(AgentSettings(pi_command=pi_version.command))
    assert (pi.name, pi.installed, pi.version, pi.hint) == ("pi", True, pi_version.version, "")
    assert str(pi_version.cli) in pi.where
    own = [(agent.name, agent.installed) for agent in others if not agent.name.startswith("acp:")]
    assert own == [("command:PROGRAM", True), ("demo", True)]


def test_agents_over_acp_are_listed(tmp_path: Path) -> None:
    program = tmp_path / "kimi"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    settings = AgentSettings(environment={"PATH": str(tmp_path)}, pi_command=("no-such-pi",))
    known = {agent.name: agent for agent in known_agents(settings)}
    assert known["acp:kimi"].installed
    assert known["acp:kimi"].where == f"{program} acp"
    assert not known["acp:opencode"].installed
    assert known["acp:opencode"].hint == "install it with npm install -g opencode-ai"
    assert known["acp:COMMAND"].installed


@pytest.mark.parametrize(
    ("body", "hint"),
    [
        (
            "import sys; sys.exit('SyntaxError: The requested module does not provide an export named x\\n"
            "Node.js v20.1.0')",
            "this pi needs a newer Node.js (22.19 or later, this is v20.1.0)",
        ),
        ("print('something else')", f"{sys.executable} did not come up as pi (exit code 0)"),
    ],
)
def test_a_pi_that_cannot_be_used_says_why(tmp_path: Path, body: str, hint: str) -> None:
    [pi, *_] = known_agents(AgentSettings(pi_command=fake_pi(tmp_path, body)))
    assert (pi.installed, pi.hint) == (False, hint)


def test_a_missing_pi_says_how_to_get_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.delenv("PIPLAN_PI", raising=False)
    assert known_agents()[0].hint == (
        "pi was not found on PATH; install it with npm install -g @earendil-works/pi-coding-agent, "
        "or name it with --pi-command / PIPLAN_PI"
    )
    monkeypatch.setenv("PIPLAN_PI", "my-pi 'unfinished")
    assert "PIPLAN_PI cannot be read" in known_agents()[0].hint
