"""A secret that a run without a screen asks for: answered from elsewhere, and in no file."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Cli, R
from tests.cli.terminal import Terminal

SECRET = "hunter2-hunter2-Zürich"
NEEDS_TOKEN = r"""
    if [ -z "$TOKEN" ]; then
        echo '{"status": "waiting_user", "inputRequest": {"message": "Which token?", "fields": [
            {"name": "token", "type": "secret", "required": true, "secret": {"env": "TOKEN"}},
            {"name": "count", "type": "integer", "required": false}]}}'
        exit 0
    fi
    printf %s "$TOKEN" | cksum > sum
    echo "the token is $TOKEN"
    done_
"""


@pytest.fixture
def detached(cli: Cli) -> Cli:
    """A run in a process of its own that waits for a token."""
    agent = cli.script(NEEDS_TOKEN)
    assert cli("run", cli.plan({"id": "a"}), "--detach", "--run-id", R, "--agent", agent).code == 0
    watcher = cli.start("attach", R)
    watcher.until("Which token?")
    return cli


def the_agent_had_it_and_no_file_has(cli: Cli) -> None:
    done = cli("attach", R)
    assert done.code == 0, done.err
    assert f"run {R} COMPLETED" in done.err
    assert SECRET not in done.err
    (cli.folder / "secret").write_text(SECRET)
    (cli.folder / "expected.sh").write_text("cksum < secret")
    counted = (cli.folder / "sum").read_text().split()[:2]
    assert counted == _cksum(cli)
    (cli.folder / "secret").unlink()
    forms = [SECRET.encode(), json.dumps(SECRET)[1:-1].encode()]
    files = [path for path in cli.folder.parent.rglob("*") if path.is_file()]
    assert len(files) > 8
    for path in files:
        assert not any(form in path.read_bytes() for form in forms), path
    [answers] = [a["answers"] for a in cli("show", R, "--json").json["steps"][0]["attempts"]]
    assert answers[0]["values"] == {"count": 3} or answers[0]["values"].get("token") != SECRET


def _cksum(cli: Cli) -> list[str]:
    import subprocess

    done = subprocess.run(["sh", "expected.sh"], cwd=cli.folder, capture_output=True, text=True, check=True)
    return done.stdout.split()[:2]


def test_it_is_asked_for_without_being_shown(detached: Cli, terminals: list[Terminal]) -> None:
    terminal = Terminal(detached, "answer", R, "a", "count=3")
    terminals.append(terminal)
    terminal.until("token (not shown): ")
    terminal.press(f"{SECRET}\n")
    assert terminal.end() == 0
    assert "the answer was taken" in terminal.text
    assert SECRET not in terminal.text
    the_agent_had_it_and_no_file_has(detached)


def test_it_comes_from_stdin(detached: Cli) -> None:
    missing = detached("answer", R, "a", "count=3")
    assert missing.code == 2
    assert "--json -" in missing.err
    given = detached("answer", R, "a", f"token={SECRET}")
    assert given.code == 2
    assert "belongs on no command line" in given.err
    wrong = detached("answer", R, "a", "--json", "-", stdin=json.dumps({"token": SECRET, "count": "many"}))
    assert wrong.code == 2
    assert SECRET not in wrong.err
    done = detached("answer", R, "a", "--json", "-", stdin=json.dumps({"token": SECRET, "count": 3}))
    assert (done.code, done.err) == (0, "the answer was taken\n")
    the_agent_had_it_and_no_file_has(detached)


def test_it_is_typed_into_the_view_of_another_process(detached: Cli, terminals: list[Terminal]) -> None:
    terminal = Terminal(detached, "attach", R)
    terminals.append(terminal)
    terminal.until("Which token?")
    terminal.until("detach, it goes on")
    terminal.text = ""
    terminal.press("a" + SECRET)
    terminal.until("•" * len(SECRET))
    terminal.press("\x13")
    terminal.until("COMPLETED")
    terminal.press("q")
    assert terminal.end() == 0
    assert SECRET not in terminal.text
    the_agent_had_it_and_no_file_has(detached)


def test_without_an_owner_there_is_nobody_to_keep_it(cli: Cli) -> None:
    agent = cli.script(NEEDS_TOKEN)
    assert cli("run", cli.plan({"id": "a"}), "--run-id", R, "--agent", agent).code == 4
    done = cli("answer", R, "a", "--json", "-", stdin=json.dumps({"token": SECRET}))
    assert done.code == 2
    assert f"piplan-tui resume {R}" in done.err
    assert len(cli("asks", "--json").json["asks"]) == 1
