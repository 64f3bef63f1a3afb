"""Watching and steering a run of another process."""

from __future__ import annotations

import json
import signal

from tests.cli.conftest import ASK, Cli, R, Running
from tests.cli.terminal import Terminal
from tests.cli.test_control import HANGS, gone, hanging_pid

PLAN = (ASK, {"id": "after", "dependsOn": ["topic"]})


def asking(cli: Cli) -> Running:
    """A run that waits for an answer in a process of its own."""
    running = cli.start("run", cli.plan(*PLAN), "--run-id", R, "--on-ask", "wait")
    running.until("[topic] ?")
    return running


def test_lines_of_a_run_elsewhere_until_it_ends(cli: Cli) -> None:
    owner = asking(cli)
    watcher = cli.start("attach", R)
    where = watcher.until(f"run {R}")
    assert f"in process {owner.process.pid}" in where
    watcher.until("Which audience?")
    assert cli("answer", R, "topic", "audience=seed").err == "the answer was taken\n"
    watched = watcher.end()
    assert watched.code == 0
    assert "[topic] answered by you: audience=seed" in watched.err
    assert "[after] completed" in watched.err
    assert f"run {R} COMPLETED" in watched.err
    assert owner.end().code == 0


def test_a_finished_run_is_shown_at_once_with_its_own_exit_code(cli: Cli) -> None:
    cli("run", cli.plan({"id": "a"}), "--run-id", R)
    done = cli("attach", R)
    assert (done.code, done.out) == (0, "")
    assert f"run {R} COMPLETED" in done.err
    bad = cli.script("""echo '{"status": "failed", "error": "no"}'""")
    cli("run", cli.plan({"id": "a"}), "--run-id", f"{R}-bad", "--agent", bad)
    failed = cli("attach", f"{R}-bad", "--ui", "json")
    assert failed.code == 1
    assert json.loads(failed.out.splitlines()[-1])["type"] == "run.failed"


def test_ten_watchers_see_every_event_once(cli: Cli) -> None:
    owner = asking(cli)
    watchers = [cli.start("attach", R, "--ui", "json") for _ in range(10)]
    pipes = [watcher.process.stdout for watcher in watchers]
    firsts = [pipe.readline() for pipe in pipes if pipe is not None]
    assert len(firsts) == 10
    assert cli("answer", R, "topic", "audience=seed").code == 0
    seen = [first + pipe.read() for first, pipe in zip(firsts, pipes, strict=True) if pipe is not None]
    assert [watcher.end().code for watcher in watchers] == [0] * 10
    assert owner.end().code == 0
    log = (cli.folder.parent / "state" / "runs" / R / "events.jsonl").read_text()
    stored = [json.loads(line)["event"] for line in log.splitlines()]
    for text in seen:
        assert [json.loads(line) for line in text.splitlines()] == stored


def test_an_owner_that_is_killed_leaves_an_interrupted_run(cli: Cli) -> None:
    agent = cli.script(HANGS)
    cli.fifo("a")
    owner = cli.start("run", cli.plan({"id": "a"}), "--agent", agent, "--run-id", R)
    pid = hanging_pid(cli, "a")
    watcher = cli.start("attach", R)
    watcher.until(f"in process {owner.process.pid}")
    owner.signal(signal.SIGKILL)
    watched = watcher.end()
    assert watched.code == 4
    assert "[a] interrupted" in watched.err
    assert f"run {R} INTERRUPTED" in watched.err
    assert cli("cancel", R).code == 0
    assert gone(pid)


def test_ctrl_c_ends_the_watching_only(cli: Cli) -> None:
    owner = asking(cli)
    watcher = cli.start("attach", R)
    watcher.until("Which audience?")
    watcher.signal(signal.SIGINT)
    watched = watcher.end()
    assert watched.code == 3
    assert f"run {R} goes on in process {owner.process.pid}" in watched.err
    assert owner.process.poll() is None
    assert cli("answer", R, "audience=seed").code == 0
    assert owner.end().code == 0


def test_a_question_of_another_process_is_answered_by_keys(cli: Cli, terminals: list[Terminal]) -> None:
    owner = asking(cli)
    terminal = Terminal(cli, "attach", R)
    terminals.append(terminal)
    terminal.until("enterprise")
    terminal.until("detach, it goes on")
    terminal.text = ""
    terminal.press("a1")
    terminal.until("•")  # of "(•)", only what is new is drawn
    terminal.press("\x13")
    terminal.until("COMPLETED")
    assert owner.end().code == 0
    terminal.press("q")
    assert terminal.end() == 0
    shown = cli("show", R, "--json").json
    assert [step["status"] for step in shown["steps"]] == ["completed", "completed"]
    events = (cli.folder.parent / "state" / "runs" / R / "events.jsonl").read_text()
    [answered] = [e for e in map(json.loads, events.splitlines()) if e["event"]["type"] == "ask.answered"]
    assert answered["event"]["surface"] == "tui"
    assert answered["event"]["values"]["audience"] == "seed"


def test_q_leaves_a_run_of_another_process_alone(cli: Cli, terminals: list[Terminal]) -> None:
    owner = asking(cli)
    terminal = Terminal(cli, "attach", R)
    terminals.append(terminal)
    terminal.until("Which audience?")
    terminal.press("q")
    assert terminal.end() == 0
    assert f"run {R} goes on in process {owner.process.pid}" in terminal.text
    assert owner.process.poll() is None


def test_the_view_of_a_run_whose_owner_is_killed(cli: Cli, terminals: list[Terminal]) -> None:
    agent = cli.script(HANGS)
    cli.fifo("a")
    owner = cli.start("run", cli.plan({"id": "a"}), "--agent", agent, "--run-id", R)
    pid = hanging_pid(cli, "a")
    terminal = Terminal(cli, "attach", R)
    terminals.append(terminal)
    terminal.until("RUNNING")
    owner.signal(signal.SIGKILL)
    terminal.until("INTERRUPTED")
    (cli.folder / "a").unlink()
    terminal.press("p")  # nobody owns it: going on takes it over
    terminal.until("COMPLETED")
    terminal.press("q")
    assert terminal.end() == 0
    assert gone(pid)


def test_an_agent_that_cannot_be_told_anything(cli: Cli, terminals: list[Terminal]) -> None:
    agent = cli.script(HANGS)
    cli.fifo("a")
    owner = cli.start("run", cli.plan({"id": "a"}), "--agent", agent, "--run-id", R)
    hanging_pid(cli, "a")
    terminal = Terminal(cli, "attach", R)
    terminals.append(terminal)
    terminal.until("RUNNING")
    terminal.press("s")
    terminal.until("while it works")
    terminal.press("hurry\r")
    terminal.until("the agent of step a")
    assert "Told a" not in terminal.text
    terminal.press("q")
    assert terminal.end() == 0
    assert cli("cancel", R).code == 0
    assert owner.end().code == 3


def test_stop_by_keys_reaches_the_owner(cli: Cli, terminals: list[Terminal]) -> None:
    agent = cli.script(HANGS)
    cli.fifo("a")
    owner = cli.start("run", cli.plan({"id": "a"}), "--agent", agent, "--run-id", R)
    pid = hanging_pid(cli, "a")
    terminal = Terminal(cli, "attach", R)
    terminals.append(terminal)
    terminal.until("RUNNING")
    terminal.press("x")
    terminal.until("Stop the whole run")
    terminal.press("R")
    terminal.until("CANCELLED")
    assert owner.end().code == 3
    assert gone(pid)
