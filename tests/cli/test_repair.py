"""A run whose file of events was damaged."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.conftest import Cli, R
from tests.cli.terminal import Terminal


@pytest.fixture
def damaged(cli: Cli) -> Path:
    """The events of a finished run with three steps, of which a line in the middle was changed."""
    assert cli("run", cli.plan({"id": "a"}, {"id": "b"}, {"id": "c"}), "--run-id", R).code == 0
    path = cli.folder.parent / "state" / "runs" / R / "events.jsonl"
    lines = path.read_bytes().splitlines(keepends=True)
    at = next(n for n, line in enumerate(lines) if b'"step.completed"' in line and b'"b"' in line)
    lines[at] = lines[at].replace(b"completed", b"forgotten")
    path.write_bytes(b"".join(lines))
    return path


def test_it_is_refused_with_its_place_and_repaired(cli: Cli, damaged: Path) -> None:
    before = damaged.read_bytes()
    for command in ("show", "resume", "attach"):
        refused = cli(command, R)
        assert refused.code == 2
        assert f"{damaged}:" in refused.err
        assert "does not match its checksum" in refused.err
        assert "piplan-tui repair" in refused.err
    told = cli("repair", R)
    assert told.code == 2
    assert "keeps   " in told.err
    assert "1 of 3 steps completed" in told.err
    assert f"piplan-tui repair {R} --yes" in told.err
    assert damaged.read_bytes() == before
    done = cli("repair", R, "--yes")
    assert done.code == 0, done.err
    [copy] = damaged.parent.glob("events.jsonl.damaged-*")
    assert copy.read_bytes() == before
    assert str(copy) in done.err
    again = cli("resume", R)
    assert again.code == 0
    assert "[a] started" not in again.err
    assert "nothing to repair" in cli("repair", R).err


def test_it_asks(cli: Cli, damaged: Path) -> None:
    before = damaged.read_bytes()
    terminal = Terminal(cli, "repair", R)
    terminal.until("Repair it? [y/N]")
    terminal.press("\n")
    assert terminal.end() == 3
    terminal.close()
    assert damaged.read_bytes() == before
    terminal = Terminal(cli, "repair", R)
    terminal.until("Repair it? [y/N]")
    terminal.press("y\n")
    assert terminal.end() == 0
    terminal.close()
    assert cli("show", R).code == 0
