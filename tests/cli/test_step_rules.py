"""Rules of the config file, from the file to the agent."""

from __future__ import annotations

from tests.cli.conftest import Cli


def test_a_field_of_the_plan_chooses_the_agent_and_a_missing_one_gives_way(cli: Cli) -> None:
    agent = cli.script("done_")
    (cli.folder / "c.toml").write_text(
        f'[steps.by.role.designer]\nagent = "{agent}"\n'
        f'[steps.by.role.critic]\nagent = "command:./not-there.sh"\nfallback = ["{agent}"]\n'
    )
    plan = cli.plan({"id": "a"}, {"id": "b", "role": "designer"}, {"id": "c", "role": "critic"})
    done = cli("run", plan, "--config", "c.toml")
    assert done.code == 0, done.err
    steps = {step["id"]: step["attempts"] for step in cli("show", "last", "--json").json["steps"]}
    assert [attempt["agent"] for attempt in steps["a"]] == ["demo"]
    assert [attempt["agent"] for attempt in steps["b"]] == [agent]
    assert [attempt["agent"] for attempt in steps["c"]] == ["command:./not-there.sh", agent]
    assert "[c] put off, not failed: " in done.err


def test_a_mistake_in_a_rule_is_said_with_its_line(cli: Cli) -> None:
    (cli.folder / "c.toml").write_text('\n[steps.by.role.x]\nagent = "clod"\n')
    done = cli("run", cli.plan({"id": "a"}), "--config", "c.toml")
    assert done.code == 2
    assert done.err.startswith('c.toml:3: there is no agent "clod"; the agent can be pi')
