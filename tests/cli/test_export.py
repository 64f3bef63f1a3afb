"""`export`: what it prints can be run."""

from __future__ import annotations

import json

from tests.cli.conftest import Cli

SCRIPT = """export const meta = {name: 'talk', description: 'Talk it over', phases: [{title: 'A'}, {title: 'B'}]}
phase('A')
await parallel([1, 2].map(n => () => agent(`say ${n}`, {label: `say ${n}`})))
phase('B')
return await agent('sum up', {label: 'sum up'})
"""


def test_a_workflow_becomes_a_plan_and_a_plan_a_workflow_and_both_run(cli: Cli) -> None:
    (cli.folder / "talk.js").write_text(SCRIPT)
    assert cli("run", "talk.js", "--ui", "quiet").code == 0
    plan = cli("export", "last")
    assert plan.code == 0, plan.err
    steps = {step["id"]: step for step in plan.json["steps"]}
    assert set(steps) == {"say-1", "say-2", "sum-up"}
    assert steps["sum-up"]["dependsOn"] == ["say-1", "say-2"]
    assert "dependsOn" not in steps["say-2"]
    assert [step["phase"] for step in steps.values()] == ["A", "A", "B"]
    assert cli("export", "last", "--as", "workflow").out == SCRIPT

    (cli.folder / "plan.json").write_text(plan.out)
    assert cli("run", "plan.json", "--ui", "quiet").code == 0
    script = cli("export", "plan.json")
    (cli.folder / "again.py").write_text(script.out)
    assert cli("check", "again.py").err == "again.py: no problems\n"
    assert cli("run", "again.py", "--ui", "quiet").code == 0
    shown = cli("show", "last", "--json").json
    assert shown["title"] == "talk"
    assert [(step["id"], step["phase"]) for step in shown["steps"]] == [
        ("say-1", "A"),
        ("say-2", "A"),
        ("sum-up", "B"),
    ]
    prompt = shown["steps"][2]["goal"]
    assert "## What came of say-1" in prompt
    assert "## What came of say-2" in prompt
    assert cli("export", "last").json["steps"][2]["dependsOn"] == ["say-1", "say-2"]


def test_a_step_that_fails_blocks_what_needs_it_in_the_script_too(cli: Cli) -> None:
    agent = cli.script('case "$PIPLAN_STEP_ID" in a) exit 1;; esac\nprintf "fine"')
    cli.plan({"id": "b", "dependsOn": ["a"]}, {"id": "a"}, {"id": "c", "x": 'quote " and \\ and \u202e'})
    script = cli("export", "plan.json")
    (cli.folder / "w.py").write_text(script.out)
    assert "\u202e" not in script.out
    done = cli("run", "w.py", "--ui", "quiet", "--agent", agent)
    assert done.code == 1
    assert "these steps did not complete: a, b" in done.err
    shown = cli("show", "last", "--json").json
    assert [step["id"] for step in shown["steps"]] == ["a", "c"]
    assert "quote" in shown["steps"][1]["goal"]


def test_the_run_of_a_plan_becomes_that_plan_again(cli: Cli) -> None:
    cli.plan({"id": "a", "phase": "First"}, {"id": "b", "dependsOn": ["a"], "owner": {"name": "Ada"}})
    assert cli("run", "plan.json", "--ui", "quiet").code == 0
    done = cli("export", "last")
    assert (done.code, done.err) == (0, "")
    assert done.json == json.loads((cli.folder / "plan.json").read_text())
    script = cli("export", "last", "--as", "workflow")
    (cli.folder / "again.py").write_text(script.out)
    assert cli("check", "again.py").code == 0


def test_what_cannot_be_exported_is_one_sentence(cli: Cli) -> None:
    (cli.folder / "none.js").write_text("return 1")
    assert cli("run", "none.js", "--ui", "quiet").code == 0
    for word, said in (
        ("last", "has no step"),
        ("none.js", "becomes a plan by being run"),
        ("nope", "no run nope"),
    ):
        done = cli("export", word)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert said in done.err
