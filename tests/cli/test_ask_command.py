"""The user's own command, once for every question."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from piplan_tui.cli import ask_command
from piplan_tui.cli.ask_command import ask_commands
from piplan_tui.config.screen_tables import Notify
from piplan_tui.run import events as ev
from tests.cli.conftest import ASK, Cli, R
from tests.tui.support.run_double import RunDouble
from tests.tui.support.scenes import AUDIENCE, deck

NOTE = "import sys; open(sys.argv[1], 'ab').write(sys.stdin.buffer.read() + b'\\n')"


async def heard_of(run: RunDouble, command: str | tuple[str, ...]) -> list[str]:
    told: list[str] = []
    async with ask_commands(Notify(command), told.append) as heard:

        def on_event(event: ev.RuntimeEvent) -> None:
            heard(run.state, event)

        run.subscribe(on_event)  # type: ignore[arg-type]  # only appends
        run.asks("pricing", AUDIENCE)
        on_event(ev.StepWaitingUser(step_id="pricing", attempt=1, ask_id="ask-pricing", request=AUDIENCE))
        run.asks("competitors", {"message": "Second \x1b[31mone?"})
    return told


@pytest.mark.anyio
async def test_it_gets_each_question_once_as_json(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    assert await heard_of(deck(asking=False), (sys.executable, "-c", NOTE, str(file))) == []
    notes = [json.loads(line) for line in file.read_text().splitlines()]
    assert sorted(note["stepId"] for note in notes) == ["competitors", "pricing"]
    [note] = [note for note in notes if note["stepId"] == "pricing"]
    assert (note["runId"], note["planId"], note["message"]) == (
        "7f3a",
        "deck-plan",
        "Which audience should the deck target?",
    )
    assert note["answer"][0].startswith("piplan-tui answer 7f3a pricing")
    assert {note["message"] for note in notes} == {note["message"], "Second one?"}


@pytest.mark.anyio
async def test_a_text_goes_to_a_shell(tmp_path: Path) -> None:
    file = tmp_path / "notes"
    assert await heard_of(deck(asking=False), f"cat >> '{file}'; echo >> '{file}'") == []
    assert file.read_text().count('"stepId"') == 2


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("command", "problem"),
    [
        (("/nowhere/at-all",), "/nowhere/at-all cannot be started: No such file or directory"),
        ("echo no route >&2; exit 3", "it ended with exit code 3: no route"),
    ],
)
async def test_its_failure_is_told_once(command: str | tuple[str, ...], problem: str) -> None:
    assert await heard_of(deck(asking=False), command) == [f"[notify] command: {problem}"]


@pytest.mark.anyio
async def test_one_that_hangs_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ask_command, "LIMIT_SECONDS", 0.05)
    [told] = await heard_of(deck(asking=False), "sleep 600 & sleep 600")
    assert "took longer" in told


@pytest.mark.parametrize("where", [["--on-ask", "exit"], ["--detach", "--on-ask", "exit"]])
def test_a_run_without_the_terminal_view_tells_it(cli: Cli, where: list[str]) -> None:
    notes = cli.folder / "notes"
    config = cli.folder / "notify.toml"
    command = json.dumps([sys.executable, "-c", NOTE, str(notes)])
    config.write_text(f"[notify]\ncommand = {command}\n")
    done = cli("run", cli.plan(ASK), "--run-id", R, "--config", str(config), *where)
    assert done.code == (0 if "--detach" in where else 4)
    if "--detach" in where:
        cli("attach", R, "--ui", "quiet")
    assert json.loads(notes.read_text())["stepId"] == "topic"
