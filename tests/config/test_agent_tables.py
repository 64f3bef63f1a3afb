"""The `[agents]` table of the config file, and policies in it."""

from __future__ import annotations

from pathlib import Path

import pytest

from piplan_tui.agents.command import CommandAgent
from piplan_tui.agents.pi import PiAgent
from piplan_tui.agents.registry import AgentSettings, UnknownAgent, make_agent
from piplan_tui.config.agent_tables import named_agents, permissions_by_agent
from piplan_tui.config.settings import SettingsInvalid, load_settings
from piplan_tui.resources import examples_dir

GOOD = """
permissions = "allow read-only"

[agents.old-pi]
agent = "pi"
command = "node '/opt/old pi/cli.js'"
environment = { PI_OFFLINE = "1" }
permissions = "deny"

[agents."acp:opencode"]
permissions = "allow in workspace"

[agents.lint]
agent = "command:./lint.sh --all"

[steps.by.role.linter]
agent = "lint"
permissions = "ask"
"""


def test_names_policies_and_rules(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(GOOD)
    settings = load_settings(environ={}, config_file=file)
    assert settings.permissions == "allow-read-only"
    assert permissions_by_agent(settings.agents) == {"old-pi": "deny", "acp:opencode": "allow-in-workspace"}
    named = named_agents(settings.agents)
    assert named["old-pi"].command == ("node", "/opt/old pi/cli.js")
    agents = AgentSettings(named=named)
    old = make_agent("old-pi", agents)
    assert (type(old), old.name) == (PiAgent, "old-pi")
    lint = make_agent("lint", agents)
    assert (type(lint), lint.name) == (CommandAgent, "lint")
    assert make_agent("acp:opencode", agents).name == "acp:opencode"
    with pytest.raises(UnknownAgent, match="or one of your own: old-pi, acp:opencode, lint"):
        make_agent("newer-pi", agents)
    said = load_settings({"permissions": "deny"}, environ={"PIPLAN_PERMISSIONS": "ask"}, config_file=file)
    assert said.permissions == "deny"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("agents = 1", "1: agents must be tables such as [agents.my-agent]"),
        ("[agents.x]", "1: agents.x needs agent: pi, acp:NAME, command:PROGRAM ARGUMENTS… or demo"),
        ('[agents.x]\nagent = "y"', "1: agents.x needs agent: pi, acp:NAME, command:PROGRAM ARGUMENTS… or demo"),
        ('[agents."a b"]\nagent = "pi"', '1: an agent cannot be named "a b"'),
        ('[agents.pi]\nagent = "demo"', "2: agents.pi is an agent already"),
        ('[agents.x]\nagent = "demo"\ncommand = "a"', "3: agents.x.command is only for pi"),
        ('[agents.x]\nagent = "pi"\ncommand = "a \'b"', "3: agents.x.command cannot be read: No closing quotation"),
        ('[agents.pi]\nenvironment = { A = 1 }', "2: agents.pi.environment must hold text"),
        (
            '[agents.pi]\npermissions = "all"',
            '2: agents.pi.permissions is "all", but must be ask, allow read-only, allow in workspace or deny',
        ),
        ('[agents.pi]\npermission = "ask"', '2: agents.pi has no setting "permission"; did you mean "permissions"?'),
        (
            'permissions = "yes"',
            '1: permissions is "yes", but must be ask, allow read-only, allow in workspace or deny',
        ),
        (
            '[steps.by.role.x]\nagent = "mine"',
            '2: there is no agent "mine"; the agent can be pi, acp:NAME, command:PROGRAM ARGUMENTS… or demo',
        ),
        (
            '[steps.by.role.x]\npermissions = "no"',
            '2: steps.by.role.x.permissions is "no", but must be ask, allow read-only, allow in workspace or deny',
        ),
        (
            '[steps.by.role.x]\nisolation = "container"',
            '2: steps.by.role.x.isolation is "container", but must be none or worktree',
        ),
        ("[steps.by.role.x]\nworkspace = 1", "2: steps.by.role.x.workspace is 1, but must be a folder"),
    ],
)  # fmt: skip
def test_mistakes_are_told_with_their_line(tmp_path: Path, text: str, said: str) -> None:
    file = tmp_path / "config.toml"
    file.write_text(text)
    with pytest.raises(SettingsInvalid) as caught:
        load_settings(environ={}, config_file=file)
    [line] = caught.value.problems
    assert line.removeprefix(f"{file}:").startswith(said)


def test_the_example_can_be_used() -> None:
    settings = load_settings(environ={}, config_file=examples_dir() / "mixed-agents.toml")
    agents = AgentSettings(named=named_agents(settings.agents))
    rules = settings.steps["by"]["executor"].values()
    assert {make_agent(rule["agent"], agents).name for rule in rules} == {"pi", "acp:opencode", "checks"}
