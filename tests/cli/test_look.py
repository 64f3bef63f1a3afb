"""`runs`, `show`, `agents`, and readers that go away."""

from __future__ import annotations

import subprocess
import sys
from datetime import datetime

from tests.cli.conftest import ASK, Cli


def test_no_runs_yet(cli: Cli) -> None:
    done = cli("runs")
    assert (done.code, done.out) == (0, "")
    assert "There are no runs yet" in done.err
    missing = cli("show", "last")
    assert missing.code == 2
    assert "none was started yet" in missing.err


def test_runs(cli: Cli) -> None:
    for name in ("one", "two"):
        assert cli("run", cli.plan({"id": "a"}), "--run-id", name, "--ui", "quiet").code == 0
    lines = cli("runs").out.splitlines()
    assert lines[0].split() == ["RUN", "STATE", "DONE", "ASKS", "TOKENS", "COST", "TIME", "AGE", "TITLE"]
    assert [line.split()[:3] for line in lines[1:]] == [
        ["two", "completed", "1/1"],
        ["one", "completed", "1/1"],
    ]
    document = cli("runs", "--json").json
    assert document["version"] == 1
    assert [run["runId"] for run in document["runs"]] == ["two", "one"]
    assert datetime.fromisoformat(document["runs"][0]["createdAt"])


def test_show(cli: Cli) -> None:
    plan = cli.plan(ASK, {"id": "after", "dependsOn": ["topic"], "phase": "Second"})
    assert cli("run", plan, "--run-id", "r").code == 4
    text = cli("show", "r")
    assert (text.code, text.err) == (0, "")
    assert "run r NEEDS YOU" in text.out
    assert "after" in text.out
    assert "waits: topic" in text.out
    assert "Which audience?" in text.out
    shown = cli("show", "r", "--json").json
    assert shown["status"] == "waiting_user"
    assert shown["asks"][0]["request"]["message"] == "Which audience?"
    attempt = shown["steps"][0]["attempts"][0]
    assert attempt["usage"]["tokens"] > 0
    assert attempt["log"].endswith("/attempts/topic/1.jsonl")
    assert shown["totals"]["usage"]["tokens"] == attempt["usage"]["tokens"]
    assert [phase["title"] for phase in shown["phases"]] == ["", "Second"]
    ascii_only = cli("show", "r", "--store", cli.env["PIPLAN_STORE"], env={"PIPLAN_ASCII": "1"})
    assert ascii_only.out.isascii()


def test_agents(cli: Cli) -> None:
    found = {agent["name"]: agent for agent in cli("agents", "--json").json["agents"]}
    assert found["demo"]["installed"] is True
    missing = cli("agents", "--pi-command", "/nowhere/pi")
    assert missing.code == 0
    assert missing.out.splitlines()[1].split()[:2] == ["pi", "no"]


def test_a_reader_that_goes_away(cli: Cli) -> None:
    plan = cli.plan(*({"id": f"s{number}"} for number in range(30)))
    piped = f"{sys.executable} -m piplan_tui run {plan} --ui json --run-id r | head -n 1 > first"
    done = subprocess.run(
        ["sh", "-c", piped], cwd=cli.folder, env=cli.env, capture_output=True, text=True, check=True
    )
    assert "Traceback" not in done.stderr
    assert "BrokenPipe" not in done.stderr
    assert cli("show", "r", "--json").json["status"] == "completed"
