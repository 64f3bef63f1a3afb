"""Stopping, dying, going on: signals, `cancel`, `resume`, `retry`."""

from __future__ import annotations

import os
import select
import signal
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.cli.conftest import SECONDS, Cli, R
from tests.support.processes import is_running

# writes its pid into a pipe and then does not end by itself
HANGS = """
    trap '' TERM
    [ -p "$PIPLAN_STEP_ID" ] || { done_; exit 0; }
    echo $$ > "$PIPLAN_STEP_ID"
    exec sleep 300
"""


def hanging_pid(cli: Cli, step: str) -> int:
    pipe = os.open(cli.folder / step, os.O_RDONLY | os.O_NONBLOCK)
    try:
        readable, _, _ = select.select([pipe], [], [], SECONDS)
        assert readable, f"step {step} never started"
        return int(os.read(pipe, 100))
    finally:
        os.close(pipe)


def gone(pid: int) -> bool:
    deadline = time.monotonic() + SECONDS
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.01)
    return not is_running(pid)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_first_signal_cancels_in_order(cli: Cli, number: signal.Signals) -> None:
    agent = cli.script(HANGS)
    cli.fifo("b")
    running = cli.start(
        "run", cli.plan({"id": "a"}, {"id": "b"}, {"id": "c"}), "--agent", agent, "--run-id", R
    )
    pid = hanging_pid(cli, "b")
    running.signal(number)
    done = running.end()
    assert done.code == 3
    assert f"{number.name}: cancelling in order" in done.err
    assert f"run {R} CANCELLED" in done.err
    assert gone(pid)
    shown = cli("show", R, "--json").json
    assert {step["id"]: step["status"] for step in shown["steps"]} == {
        "a": "completed",
        "b": "cancelled",
        "c": "cancelled",
    }
    assert cli("resume", R).code == 3
    (cli.folder / "b").unlink()
    again = cli("retry", R)
    assert again.code == 0
    assert "[a] started" not in again.err


def test_a_second_signal_kills_at_once(cli: Cli) -> None:
    agent = cli.script(HANGS)
    cli.fifo("a")
    running = cli.start("run", cli.plan({"id": "a"}), "--agent", agent, "--run-id", R)
    pid = hanging_pid(cli, "a")
    running.signal(signal.SIGINT)
    running.until("cancelling in order")
    running.signal(signal.SIGINT)
    assert running.end().code == 3
    assert gone(pid)
    assert cli("show", R, "--json").json["status"] == "cancelled"


def test_after_kill_9_no_finished_step_runs_again(cli: Cli) -> None:
    agent = cli.script('echo "$PIPLAN_STEP_ID" >> ran\n' + HANGS)
    cli.fifo("c")
    steps = [{"id": "a"}, *({"id": y, "dependsOn": [x]} for x, y in ("ab", "bc", "cd"))]
    running = cli.start("run", cli.plan(*steps), "--agent", agent, "--run-id", R)
    pid = hanging_pid(cli, "c")
    running.signal(signal.SIGKILL)
    assert running.end().code == -signal.SIGKILL
    assert "interrupted" in cli("runs").out
    shown = cli("show", R, "--json").json
    assert (shown["status"], shown["owner"]) == ("interrupted", None)
    (cli.folder / "c").unlink()
    done = cli("resume", R)
    assert done.code == 0
    assert f"run {R} goes on: 2 of 4 steps are done" in done.err
    assert gone(pid)
    assert Counter((cli.folder / "ran").read_text().split()) == {"a": 1, "b": 1, "c": 2, "d": 1}


def test_cancel_from_another_terminal(cli: Cli) -> None:
    agent = cli.script(HANGS)
    for name in ("a", "b"):
        cli.fifo(name)
    plan = cli.plan({"id": "a"}, {"id": "b"}, {"id": "c", "dependsOn": ["a"]}, mode="parallel")
    running = cli.start("run", plan, "--agent", agent, "--run-id", R)
    first, second = hanging_pid(cli, "a"), hanging_pid(cli, "b")
    busy = cli("resume", R)
    assert busy.code == 2
    assert f"in process {running.process.pid}" in busy.err
    step = cli("cancel", R, "a")
    assert (step.code, step.err) == (0, "step a was cancelled\n")
    assert gone(first)
    running.until("[a] cancelled; blocks 1 step: c")
    assert is_running(second)
    refused = cli("cancel", R, "nothing")
    assert refused.code == 2
    assert "has no step 'nothing'" in refused.err
    whole = cli("cancel", R)
    assert (whole.code, whole.err) == (0, f"run {R} was cancelled; 0 processes left\n")
    assert running.end().code == 3
    assert gone(second)
    assert cli("cancel", R).code == 2


def test_cancel_a_run_that_nobody_owns(cli: Cli) -> None:
    ask = {"message": "Really?"}
    assert cli("run", cli.plan({"id": "a", "demo": {"ask": ask}}), "--run-id", R).code == 4
    assert cli("cancel", "last").code == 0
    assert cli("show", R, "--json").json["status"] == "cancelled"
    assert cli("asks", "--json").json["asks"] == []


def test_retry(cli: Cli) -> None:
    agent = cli.script(
        """
        echo "$PIPLAN_STEP_ID" >> ran
        [ "$PIPLAN_STEP_ID" != b ] || [ -e mended ] || { echo '{"status": "failed", "error": "no"}'; exit 0; }
        done_
        """
    )
    plan = cli.plan({"id": "a"}, {"id": "b", "dependsOn": ["a"]}, {"id": "c", "dependsOn": ["b"]})
    assert cli("run", plan, "--agent", agent, "--run-id", R).code == 1
    assert cli("resume", R).code == 1
    unknown = cli("retry", R, "bb")
    assert unknown.code == 2
    assert "Did you mean b?" in unknown.err
    (cli.folder / "mended").touch()
    done = cli("retry", R, "b", "--goal", "Better.")
    assert done.code == 0
    assert "[b] will be tried again" in done.err
    assert (cli.folder / "ran").read_text().split() == ["a", "b", "b", "c"]
    assert cli("show", R, "--json").json["steps"][1]["goal"] == "Better."
    assert cli("resume", R).code == 0
    nothing = cli("retry", R)
    assert nothing.code == 2
    assert "nothing to try again" in nothing.err
    assert cli("retry", R, "a", "--downstream", "--ui", "quiet").code == 0
    assert Counter((cli.folder / "ran").read_text().split()) == {"a": 2, "b": 3, "c": 2}


def test_retry_in_a_live_run(cli: Cli) -> None:
    agent = cli.script(
        """
        [ "$PIPLAN_STEP_ID" != bad ] || [ -e mended ] || { echo '{"status": "failed", "error": "no"}'; exit 0; }
        """
        + HANGS
    )
    cli.fifo("slow")
    plan = cli.plan({"id": "bad"}, {"id": "slow"}, mode="parallel")
    running = cli.start("run", plan, "--agent", agent, "--run-id", R)
    hanging_pid(cli, "slow")
    running.until("[bad] failed")
    (cli.folder / "mended").touch()
    done = cli("retry", R)
    assert (done.code, done.err) == (0, "will be tried again: bad\n")
    running.until("[bad] completed")
    assert cli("cancel", R).code == 0
    assert running.end().code == 3


def test_which_run_is_meant(cli: Cli) -> None:
    plan = cli.plan({"id": "a"})
    for name in ("abc", "abd", "x"):
        assert cli("run", plan, "--run-id", name, "--ui", "quiet").code == 0
    assert cli("show", "last", "--json").json["runId"] == "x"
    assert cli("show", "abc", "--json").json["runId"] == "abc"
    assert cli("show", "abd", "--json").json["runId"] == "abd"
    for word, said in (
        ("ab", "the beginning of 2 runs"),
        ("abx", "Did you mean"),
        ("../x", "There is no run ../x"),
    ):
        done = cli("show", word)
        assert (done.code, done.out) == (2, "")
        assert said in done.err


def test_a_plan_is_not_run_twice_at_once_in_one_folder_unless_that_is_meant(cli: Cli) -> None:
    agent, plan = cli.script(HANGS), cli.plan({"id": "a"})
    cli.fifo("a")
    running = cli.start("run", plan, "--agent", agent, "--run-id", R)
    hanging_pid(cli, "a")
    refused = cli("run", plan, "--run-id", "other")
    assert refused.code == 2
    assert f"Run {R} of plan p is going on in" in refused.err
    (cli.folder / "apart").mkdir()
    assert cli("run", plan, "--workspace", "apart").code == 0
    assert cli("run", plan, "--yes").code == 0
    assert cli("cancel", R).code == 0
    running.end()
    assert cli("run", plan).code == 0


def test_the_pace_of_the_demo_agent_is_kept_with_the_run(cli: Cli) -> None:
    plan = cli.plan({"id": "a", "demo": {"fail": "no luck"}})
    assert cli("run", plan, "--run-id", R, "--demo-pace", "0.01").code == 1
    events = Path(cli.env["PIPLAN_STORE"]) / "runs" / R / "events.jsonl"
    assert events.read_text().count('"demoPace":0.01') == 1
    # what is set for all runs is not said of this one
    assert cli("retry", R, env={"PIPLAN_DEMO_PACE": "0.02"}).code == 1
    assert '"demoPace":0.02' not in events.read_text()
    assert cli("retry", R, "--demo-pace", "0").code == 1
    assert '"demoPace":0.0' in events.read_text().replace('"demoPace":0.01', "")
