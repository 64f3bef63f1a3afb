"""The `[steps]` table of the config file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.config.settings import load_settings
from piplan_tui.config.step_rules import problems_of
from tests.config.tables import problems

GOOD = """
model = "m"

[steps]
fallback = ["acp:claude", "command:./agent.sh --fast"]

[steps.by.role.designer]
agent = "pi"
model = "anthropic/opus"
thinking = "high"
tools = ["read"]
fallback = [{ agent = "pi", model = "openai/gpt" }, "demo"]

[steps.by.phase."2 Research"]
agent = "acp:gemini"
"""


def test_rules_are_read(tmp_path: Path) -> None:
    file = tmp_path / "config.toml"
    file.write_text(GOOD)
    steps = load_settings(environ={}, config_file=file).steps
    assert steps["by"]["role"]["designer"]["tools"] == ["read"]
    assert steps["by"]["phase"]["2 Research"] == {"agent": "acp:gemini"}
    assert load_settings(environ={"PIPLAN_STEPS": "x"}, config_file=file).steps == steps


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("steps = 1", "1: steps must be a table such as [steps.by.role.designer]"),
        (
            "\n[steps]\nfalback = []",
            '3: steps has no setting "falback"; did you mean "fallback"?',
        ),
        (
            '# a\n[steps.by.role.x]\nmodle = "m"',
            '3: steps.by.role.x has no setting "modle"; did you mean "model"?',
        ),
        (
            '[steps.by.role.x]\nmodel = "m"\nagent = "cluade"',
            '3: there is no agent "cluade"; the agent can be pi, acp:NAME, command:PROGRAM ARGUMENTS… or demo',
        ),
        (
            "[steps.by.role.x]\ntools = [\n1\n]",
            '2: steps.by.role.x.tools must be a list of names, such as ["read", "bash"]',
        ),
        (
            "[steps.by.role.x]\nthinking = 3",
            "2: steps.by.role.x.thinking has 3 as its thinking, but that must be text",
        ),
        (
            '[steps.by]\nrole = "designer"',
            "2: steps.by.role must hold a table such as [steps.by.role.designer]: "
            "a field of the steps, then one of its values",
        ),
        (
            '[steps.by.role]\ndesigner = "pi"',
            "2: steps.by.role.designer must be a table such as [steps.by.role.designer]: "
            "a field of the steps, then one of its values",
        ),
        ('[steps]\nfallback = [{ model = "m" }]', "2: steps.fallback has a table without an agent"),
        (
            '[steps]\nfallback = ["command:"]',
            '2: there is no agent "command:"; the agent can be pi, acp:NAME, command:PROGRAM ARGUMENTS… or demo',
        ),
        (
            '[steps]\nfallback = "pi"',
            '2: steps.fallback must be a list of agents, such as ["pi", "command:./agent.sh"]',
        ),
    ],
)
def test_mistakes_are_said_with_their_line(text: str, said: str, tmp_path: Path) -> None:
    assert problems(text, tmp_path) == [said]


def test_all_mistakes_are_said_at_once(tmp_path: Path) -> None:
    text = 'agnet = "pi"\n[steps.by.role.x]\nagent = "x"\n[steps.by.role.y]\nagent = "y"\n'
    assert [line.split(":")[0] for line in problems(text, tmp_path)] == ["1", "3", "5"]


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["by", "role", "x", "agent", "fallback", "tools", "model"]), inner, max_size=4
        )
    ),
    max_leaves=12,
)


@given(JSON)
def test_any_table_is_judged_without_a_crash(table: object) -> None:
    for path, said in problems_of(table):
        assert path[0] == "steps"
        assert said
        assert "\n" not in said
