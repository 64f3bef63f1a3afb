"""Files and terminals for an agent."""

from __future__ import annotations

import json
import os
from pathlib import Path

import anyio
import pytest

from piplan_tui.agents.acp.files import FileRefused, inside, read_text, write_text
from piplan_tui.agents.acp.terminals import Terminals
from piplan_tui.agents.process import RUN_MARK
from piplan_tui.agents.protocol import SessionRequest, ToolEnded, ToolOutput, ToolStarted
from tests.agents.acp.conftest import MakeAcp
from tests.support.pi_sessions import Events, alive_of


@pytest.mark.anyio
async def test_an_agent_reads_writes_and_runs(
    make_acp: MakeAcp, session_request: SessionRequest, workspace: Path, tmp_path: Path
) -> None:
    (workspace / "in.txt").write_text("one\ntwo\nthree\n")
    (tmp_path / "secret.txt").write_text("secret\nsecret\n")
    (workspace / "link").symlink_to(tmp_path)
    async with make_acp() as agent:
        session = await agent.open(session_request)

        async def said(prompt: str) -> str:
            return (await session.prompt(prompt, Events())).text

        assert await said(f"read {workspace}/in.txt") == "two\n"
        assert (await said(f"read {workspace}/none.txt")).startswith("refused -32002")
        for path in (
            tmp_path / "secret.txt",
            workspace / "link" / "secret.txt",
            "in.txt",
            workspace / "../x",
        ):
            assert (await said(f"read {path}")).startswith("refused -32602")
            assert (await said(f"write {path} gone")).startswith("refused -32602")
        assert (tmp_path / "secret.txt").read_text() == "secret\nsecret\n"
        assert await said(f"write {workspace}/new/out.txt hello") == "written"
        assert (workspace / "new" / "out.txt").read_text() == "hello"

        events = Events()
        turn = await session.prompt("run echo out; echo err >&2; pwd; exit 3", events)
        output = f"out\nerr\n{workspace}\n"
        assert json.loads(turn.text) == [3, None, output]
        assert events.of(ToolStarted)[0].target == "echo out; echo err >&2; pwd; exit 3"
        assert output.startswith(events.of(ToolOutput)[0].text)
        assert events.of(ToolEnded)[0].text == output
        assert json.loads(await said(f"run printenv {RUN_MARK}"))[2].strip() == session_request.run_id

        # what a turn leaves running ends with its session
        await session.prompt("leave exec sleep 300", Events())
        await until_sleeping(session_request.run_id)
        await session.close()
        assert not [line for line in alive_of(session_request.run_id) if "sleep" in line]


@pytest.mark.anyio
async def test_what_runs_in_a_session_that_nobody_closed_ends_with_the_agent(
    make_acp: MakeAcp, session_request: SessionRequest
) -> None:
    async with make_acp() as agent:
        session = await agent.open(session_request)
        await session.prompt("leave exec sleep 300", Events())
        await until_sleeping(session_request.run_id)
    assert alive_of(session_request.run_id) == []


async def until_sleeping(run_id: str) -> None:
    with anyio.fail_after(10):
        while "sleep 300" not in alive_of(run_id):  # noqa: ASYNC110 - a program that sleeps gives no sign
            await anyio.sleep(0.01)


@pytest.mark.anyio
async def test_terminals(tmp_path: Path) -> None:
    changed: list[str] = []
    environment = {**os.environ, RUN_MARK: f"run-{tmp_path.name}-{os.getpid()}"}
    async with anyio.create_task_group() as tasks:
        terminals = Terminals(tasks, environment, changed.append, 0.5)
        wide = await terminals.create("printf", ["ab\u00e9\u00e9"], tmp_path, {}, 3)
        missing = await terminals.create("no-such-program", [], tmp_path, {}, None)
        killed = await terminals.create("sh -c 'sleep 300 & echo started; wait'", [], tmp_path, {}, None)
        greeting = await terminals.create("sh", ["-c", "echo $GREETING"], tmp_path, {"GREETING": "hi"}, None)
        for terminal_id in (wide, missing, greeting):
            terminal = terminals.get(terminal_id)
            assert terminal
            with anyio.fail_after(10):
                await terminal.exited.wait()
        assert terminals.text(wide) == "\u00e9"
        assert terminals.get(wide).truncated  # type: ignore[union-attr]  # checked above
        assert terminals.get(missing).exit_code == 127  # type: ignore[union-attr]  # checked above
        assert terminals.text(greeting) == "hi\n"
        assert terminals.running

        await terminals.kill(killed)
        terminal = terminals.get(killed)
        assert terminal
        assert (terminal.exit_code, terminal.exit_signal) == (None, "SIGTERM")
        assert not terminals.running
        assert alive_of(environment[RUN_MARK]) == []
        await terminals.release(killed)
        assert terminals.get(killed) is None
        assert terminals.text(killed) in ("", "started\n")
        assert set(changed) == {wide, missing, killed, greeting}

        await terminals.close()
        with pytest.raises(OSError, match="the session is over"):
            await terminals.create("true", [], tmp_path, {}, None)
    assert alive_of(environment[RUN_MARK]) == []


def test_only_files_of_the_workspace(workspace: Path) -> None:
    os.mkfifo(workspace / "pipe")
    for path in (str(workspace / "pipe"), str(workspace), "/etc/passwd", "relative", f"{workspace}\0"):
        with pytest.raises(FileRefused):
            read_text(workspace, path)
        with pytest.raises(FileRefused):
            write_text(workspace, path, "x")
    (workspace / "loop").symlink_to(workspace / "loop")
    with pytest.raises(FileRefused):
        read_text(workspace, str(workspace / "loop"))
    assert inside(workspace, str(workspace / "a" / ".." / "b")) == workspace.resolve() / "b"


def test_lines_of_a_file(workspace: Path) -> None:
    path = str(workspace / "a.txt")
    write_text(workspace, path, "1\n2\n3")
    assert read_text(workspace, path) == "1\n2\n3"
    assert read_text(workspace, path, 2) == "2\n3"
    assert read_text(workspace, path, 0, 1) == "1\n"
    assert read_text(workspace, path, 9, 1) == ""
    assert read_text(workspace, path, None, 0) == ""
