"""The terminal view, started by the command line on a real (pseudo) terminal."""

from __future__ import annotations

import signal

import pytest

from tests.cli.conftest import ASK, Cli, R
from tests.cli.terminal import Terminal


def test_a_plan_that_is_not_started_was_declined(cli: Cli, terminals: list[Terminal]) -> None:
    terminal = Terminal(cli, cli.plan({"id": "first-step"}))
    terminals.append(terminal)
    terminal.until("first-step")
    terminal.press("q")
    assert terminal.end() == 3
    assert cli("runs", "--json").json["runs"] == []


def test_a_run_in_the_terminal_takes_an_answer_from_outside(cli: Cli, terminals: list[Terminal]) -> None:
    plan = cli.plan(ASK, {"id": "after", "dependsOn": ["topic"]})
    terminal = Terminal(cli, plan, "--yes", "--run-id", R)
    terminals.append(terminal)
    terminal.until("Which audience?")
    done = cli("answer", R, "topic", "audience=seed")
    assert (done.code, done.err) == (0, "the answer was taken\n")
    terminal.until("COMPLETED")
    terminal.press("q")
    assert terminal.end() == 0
    assert f"run {R} COMPLETED" in terminal.text
    assert f"next: piplan-tui show {R}" in terminal.text


@pytest.mark.parametrize("signals", [(signal.SIGHUP, signal.SIGCONT), ()])
def test_a_terminal_that_goes_away_leaves_the_run_paused_and_resumable(
    cli: Cli, terminals: list[Terminal], signals: tuple[signal.Signals, ...]
) -> None:
    demo = {"seconds": 600}
    plan = cli.plan({"id": "long", "demo": demo}, {"id": "longer", "demo": demo})
    terminal = Terminal(cli, plan, "--yes", "--run-id", R, "--agent", "demo", "--demo-pace", "1")
    terminals.append(terminal)
    terminal.until("RUNNING")
    assert terminal.hang_up(*signals) != 0
    [run] = cli("runs", "--json").json["runs"]
    assert (run["status"], run["counts"]) == ("paused", {"queued": 1, "pending": 1}) or run["counts"] == {
        "queued": 2
    }
    done = cli("resume", R, "--demo-pace", "0", "--ui", "quiet")
    assert done.code == 0


def test_a_workflow_that_cannot_be_begun_as_was_asked_is_told_on_the_screen(
    cli: Cli, terminals: list[Terminal]
) -> None:
    (cli.folder / "only.py").write_text('async def main(wf):\n    return await wf.agent("Say yes.")\n')
    terminal = Terminal(cli, "--args", "nonsense")
    terminals.append(terminal)
    terminal.until("only.py")
    terminal.press("\r")
    terminal.until("--args takes JSON")
    terminal.press("q")
    assert terminal.end() == 0
    assert "Traceback" not in terminal.text
