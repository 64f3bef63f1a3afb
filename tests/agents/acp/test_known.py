"""Names and command lines of agents over ACP."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from piplan_tui.agents.acp.known import KNOWN, find_commands, read_command
from piplan_tui.agents.protocol import AgentFailure


def program(folder: Path, name: str) -> str:
    file = folder / name
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return str(file)


def test_a_known_name_stands_for_its_commands() -> None:
    gemini = read_command("gemini --sandbox")
    assert gemini.name == "acp:gemini --sandbox"
    assert gemini.candidates == (
        ("gemini", "--acp", "--sandbox"),
        ("gemini", "--experimental-acp", "--sandbox"),
    )
    assert "GEMINI_API_KEY" in gemini.login
    assert set(KNOWN) == {
        "opencode", "claude", "codex", "gemini", "goose", "copilot", "kimi", "openhands", "pi"
    }  # fmt: skip
    assert all(agent.install and agent.login for agent in KNOWN.values())


def test_anything_else_is_a_command_line() -> None:
    own = read_command("./my-agent --name 'two words'")
    assert own.candidates == (("./my-agent", "--name", "two words"),)
    assert own.login == ""


@pytest.mark.parametrize(
    ("text", "words"), [("", "acp: needs an agent: one of opencode,"), ("a 'b", "No closing")]
)
def test_a_command_that_cannot_be_read(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        read_command(text)


def test_programs_are_found_on_the_path_or_from_the_workspace(tmp_path: Path) -> None:
    older = program(tmp_path, "claude-code-acp")
    assert find_commands(read_command("claude"), tmp_path, str(tmp_path)) == [(older,)]
    newer = program(tmp_path, "claude-agent-acp")
    assert find_commands(read_command("claude -v"), tmp_path, str(tmp_path)) == [(newer, "-v"), (older, "-v")]
    assert find_commands(read_command("./claude-agent-acp"), tmp_path, "") == [(newer,)]
    with pytest.raises(AgentFailure, match="agents known by name are opencode, claude") as failure:
        find_commands(read_command("cluade"), tmp_path, str(tmp_path))
    assert failure.value.kind == "missing"


def test_the_library_of_the_protocol_is_loaded_late() -> None:
    code = (
        "import sys; from piplan_tui.agents.registry import known_agents, make_agent; "
        "make_agent('acp:opencode'); known_agents(); sys.exit('acp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
