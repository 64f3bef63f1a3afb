"""`check`: every problem at once, with its place."""

from __future__ import annotations

from tests.cli.conftest import Cli


def test_a_good_plan(cli: Cli) -> None:
    done = cli("check", cli.plan({"id": "a"}, {"id": "b", "dependsOn": ["a"]}))
    assert (done.code, done.out, done.err) == (0, "", "plan.json: 2 steps, no problems\n")


def test_every_problem_of_every_plan(cli: Cli) -> None:
    good = cli.plan({"id": "a"}, name="good.json")
    bad = cli.plan({"id": "a", "dependsOn": ["b", "x"]}, {"id": "b", "dependsOn": ["a"]}, name="bad.json")
    done = cli("check", good, bad, "none.json")
    assert done.code == 2
    assert "good.json" not in done.out
    lines = done.out.splitlines()
    assert any(line.startswith("bad.json:1:") and '"x"' in line for line in lines)
    assert any("a → b → a" in line for line in lines)
    assert lines[-1] == "none.json: there is no such file"
    assert "bad.json, none.json cannot be run" in done.err


def test_as_json_and_from_stdin(cli: Cli) -> None:
    done = cli("check", "-", "--json", stdin='{"id": "a"')
    assert done.code == 2
    (plan,) = done.json["plans"]
    assert (plan["file"], plan["valid"]) == ("-", False)
    assert plan["problems"][0]["line"] == 1
    assert done.err == ""
    fine = cli("check", cli.plan({"id": "a"}), "--json")
    assert (fine.code, fine.json["plans"][0]["planId"]) == (0, "p")


def test_running_an_invalid_plan_says_the_same(cli: Cli) -> None:
    plan = cli.plan({"id": "a", "dependsOn": ["x"]})
    done = cli("run", plan)
    assert done.code == 2
    assert done.err == cli("check", plan).out
    assert cli("runs", "--json").json["runs"] == []


def test_what_is_not_here_is_said_and_the_plan_is_still_good(cli: Cli) -> None:
    plan = cli.plan({"id": "a"})
    done = cli("--agent", "command:./not-there.sh", "check", plan)
    missing = f"the program ./not-there.sh was not found in {cli.folder}"
    assert (done.code, done.out) == (0, "")
    assert done.err.splitlines() == [
        "plan.json: 1 step, no problems",
        f"plan.json: cannot start here yet: {missing}",
    ]
    (document,) = cli("--agent", "command:./not-there.sh", "check", plan, "--json").json["plans"]
    assert (document["valid"], document["obstacles"]) == (True, [missing])


def test_what_the_settings_lack_is_said_of_a_good_plan_too(cli: Cli) -> None:
    plan = cli.plan({"id": "a"})
    done = cli("--workspace", "gone", "check", plan)
    assert done.code == 0
    assert "plan.json: cannot start here yet: The workspace " in done.err
    assert "is not a folder" in done.err


def test_a_run_of_which_no_step_could_start_is_not_begun(cli: Cli) -> None:
    plan = cli.plan({"id": "a"})
    done = cli("run", plan, "--agent", "command:./not-there.sh")
    assert done.code == 2
    missing = f"the program ./not-there.sh was not found in {cli.folder}"
    assert f"Cannot start: {missing}." in done.err
    assert cli("runs", "--json").json["runs"] == []


def test_what_a_later_step_lacks_is_said_before_the_run_begins(cli: Cli) -> None:
    plan = cli.plan({"id": "a"}, {"id": "b", "dependsOn": ["a"], "role": "designer"})
    config = cli.folder / "config.toml"
    config.write_text('[steps.by.role.designer]\nagent = "command:./draw.sh"\n')
    done = cli("run", plan, "--config", config)
    assert done.code == 1
    assert done.err.splitlines()[0] == (
        f"piplan-tui: b cannot start: the program ./draw.sh was not found in {cli.folder}"
    )
    assert "[a]" in done.err
