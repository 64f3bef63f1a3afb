"""Runs that go on in a process of their own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections import Counter
from contextlib import suppress
from pathlib import Path

import psutil

from tests.cli.conftest import ASK, SECONDS, Cli, R
from tests.cli.terminal import Terminal
from tests.cli.test_control import HANGS, gone, hanging_pid

WAITS = """
    echo "$PIPLAN_STEP_ID" >> ran
    [ -p "$PIPLAN_STEP_ID" ] || { done_; exit 0; }
    echo $$ > "$PIPLAN_STEP_ID"
    cat "$PIPLAN_STEP_ID.go" > /dev/null
    done_
"""
"""Writes its pid into one pipe, then waits at another."""


def owner_of(cli: Cli) -> psutil.Process:
    [run] = cli("runs", "--json").json["runs"]
    return psutil.Process(run["owner"]["pid"])


def release(cli: Cli, step: str) -> None:
    (cli.folder / f"{step}.go").write_text("")


def marked(run_id: str) -> list[int]:
    """Living processes that carry the mark of a run."""
    found = []
    for path in Path("/proc").glob("[0-9]*/environ"):
        with suppress(OSError):
            if f"PIPLAN_RUN_TOKEN={run_id}@".encode() in path.read_bytes():
                found.append(int(path.parent.name))
    return found


def test_it_waits_for_answers_and_ends_by_itself(cli: Cli) -> None:
    started = cli("run", cli.plan(ASK, {"id": "after", "dependsOn": ["topic"]}), "--detach", "--run-id", R)
    assert (started.code, started.out) == (0, f"{R}\n")
    owner = owner_of(cli)
    assert f"run {R} goes on in process {owner.pid}" in started.err
    assert f"piplan-tui attach {R}" in started.err
    assert os.getsid(owner.pid) == owner.pid
    watcher = cli.start("attach", R)
    watcher.until("Which audience?")
    assert cli("answer", R, "topic", "audience=seed").code == 0
    assert watcher.end().code == 0
    assert gone(owner.pid)
    log = cli.folder.parent / "state" / "runs" / R / "owner.log"
    assert log.stat().st_mode & 0o777 == 0o600
    assert f"run {R} COMPLETED" in log.read_text()


def test_it_outlives_the_session_that_started_it(cli: Cli) -> None:
    agent = cli.script(WAITS)
    cli.fifo("a")
    cli.fifo("a.go")
    command = f"{sys.executable} -m piplan_tui run {cli.plan({'id': 'a'}, {'id': 'b'})} --detach --run-id {R}"
    session = subprocess.Popen(
        ["sh", "-c", f"{command} --agent {agent} && exec sleep 300"],
        cwd=cli.folder,
        env=cli.env,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    assert session.stdout is not None
    assert session.stdout.readline() == f"{R}\n".encode()
    hanging_pid(cli, "a")
    os.killpg(session.pid, signal.SIGHUP)
    os.killpg(session.pid, signal.SIGKILL)
    session.communicate(timeout=SECONDS)
    owner = owner_of(cli)
    owner.send_signal(signal.SIGHUP)
    release(cli, "a")
    assert cli("attach", R).code == 0
    assert gone(owner.pid)
    assert Counter((cli.folder / "ran").read_text().split()) == {"a": 1, "b": 1}


def test_cancel_leaves_no_process(cli: Cli) -> None:
    agent = cli.script("setsid sleep 300 &\n" + HANGS)
    cli.fifo("a")
    assert cli("run", cli.plan({"id": "a"}), "--detach", "--run-id", R, "--agent", agent).code == 0
    owner = owner_of(cli)
    hanging_pid(cli, "a")
    assert len(marked(R)) >= 2
    assert cli("cancel", R).code == 0
    assert marked(R) == []
    assert gone(owner.pid)
    assert cli("show", R, "--json").json["status"] == "cancelled"


def test_what_keeps_it_from_starting_is_told(cli: Cli) -> None:
    missing = cli("run", "nothing.json", "--detach")
    assert missing.code != 0
    assert missing.out == ""
    plan = cli.plan({"id": "a"}, {"id": "b"})
    memory = cli("run", plan, "--detach", "--store", "memory")
    assert memory.code == 2
    assert "must be kept in files" in memory.err
    assert cli("run", plan, "--detach", "--ui", "json").code == 2
    assert cli("run", plan, "--run-id", R, "--budget-tokens", "1").code == 4
    spent = cli("resume", R, "--detach")
    assert spent.code == 0  # it waits there for the answer
    ask_id = cli("show", R, "--json").json["asks"][0]["askId"]
    assert cli("answer", R, ask_id, "decision=lift").code == 0
    assert cli("attach", R).code == 0


def test_retry_in_a_process_of_its_own(cli: Cli) -> None:
    agent = cli.script(
        """
        echo "$PIPLAN_STEP_ID" >> ran
        [ "$PIPLAN_STEP_ID" != b ] || [ -e mended ] || { echo '{"status": "failed", "error": "no"}'; exit 0; }
        done_
        """
    )
    plan = cli.plan({"id": "a"}, {"id": "b", "dependsOn": ["a"]}, {"id": "c", "dependsOn": ["b"]})
    assert cli("run", plan, "--agent", agent, "--run-id", R).code == 1
    (cli.folder / "mended").touch()
    assert cli("retry", R, "b", "--goal", "Better.", "--detach").code == 0
    assert cli("attach", R).code == 0
    assert (cli.folder / "ran").read_text().split() == ["a", "b", "b", "c"]
    assert cli("show", R, "--json").json["steps"][1]["goal"] == "Better."


def test_keep_running_hands_the_run_over(cli: Cli, terminals: list[Terminal]) -> None:
    agent = cli.script(WAITS)
    cli.fifo("b")
    cli.fifo("b.go")
    plan = cli.plan({"id": "a"}, {"id": "b"}, {"id": "c"})
    terminal = Terminal(cli, plan, "--yes", "--run-id", R, "--agent", agent)
    terminals.append(terminal)
    first = hanging_pid(cli, "b")
    terminal.until("RUNNING")
    terminal.press("q")
    terminal.until("Keep running")
    terminal.press("d")
    second = hanging_pid(cli, "b")
    assert terminal.end() == 0
    assert gone(first)
    owner = owner_of(cli)
    assert owner.pid != terminal.process.pid
    assert f"run {R} goes on in process {owner.pid}" in terminal.text
    assert f"piplan-tui attach {R}" in terminal.text
    release(cli, "b")
    assert cli("attach", R).code == 0
    assert gone(second)
    assert gone(owner.pid)
    assert Counter((cli.folder / "ran").read_text().split()) == {"a": 1, "b": 2, "c": 1}
    shown = cli("show", R, "--json").json
    assert [step["status"] for step in shown["steps"]] == ["completed"] * 3
