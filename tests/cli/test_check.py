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
