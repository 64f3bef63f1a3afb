"""`piplan-tui mcp`, called by the client of the official SDK over stdio."""

from __future__ import annotations

import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import anyio
import anyio.to_thread
import psutil
import pytest
from mcp import Client
from mcp.client.stdio import StdioServerParameters
from mcp.shared.exceptions import MCPError
from mcp_types import ElicitRequestFormParams, ElicitResult

from piplan_tui.cli.mcp import install_command
from tests.cli.conftest import ASK, SECONDS, Cli
from tests.support.processes import is_running

SCRIPT = """export const meta = {name: 'talk', description: 'd', phases: [{title: 'Say'}]}
phase('Say')
const said = await parallel([1, 2].map(n => () => agent(`say ${n}`, {label: `say ${n}`})))
return {said: said.length, task: args}
"""
ONE_AGENT = "return await agent('wait')"


def client(cli: Cli, *words: str, **options: Any) -> Client:
    command = StdioServerParameters(
        command=sys.executable, args=["-m", "piplan_tui", "mcp", *words], env=cli.env, cwd=cli.folder
    )
    return Client(command, **options)


def text_of(result: Any) -> str:
    return "".join(part.text for part in result.content)


@pytest.mark.anyio
@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_a_client_runs_a_workflow_and_a_plan(cli: Cli, mode: str) -> None:
    lines: list[tuple[float, str]] = []

    async def progress(done: float, _total: float | None, message: str | None) -> None:
        lines.append((done, message or ""))

    async with client(cli, mode=mode) as caller:
        tools = {tool.name: tool for tool in (await caller.list_tools()).tools}
        assert set(tools) == {"run_workflow", "run_plan"}
        assert tools["run_workflow"].input_schema["properties"]["language"]["enum"] == ["javascript"]
        result = await caller.call_tool(
            "run_workflow", {"script": SCRIPT, "task": "Talk"}, progress_callback=progress
        )
        assert not result.is_error
        assert result.structured_content["result"] == {"said": 2, "task": "Talk"}
        assert '{"said": 2, "task": "Talk"}' in text_of(result)
        assert [done for done, _ in lines] == sorted({done for done, _ in lines})
        assert any("of 2 steps" in message for _, message in lines)

        plan = {"id": "p", "title": "P", "steps": [{"id": "a", "title": "A", "goal": "Do a."}]}
        result = await caller.call_tool("run_plan", {"plan": plan})
        [step] = result.structured_content["results"]
        assert (step["id"], step["status"]) == ("a", "completed")
        assert (cli.folder / step["handoff"][0]).is_file()

        broken = await caller.call_tool("run_workflow", {"script": "return agnt('x')"})
        assert broken.is_error
        assert (
            text_of(broken) == "script.js:1:8: there is no agnt() in a workflow script: did you mean agent()?"
        )
        thrown = await caller.call_tool("run_workflow", {"script": "throw new Error('no luck')"})
        assert thrown.is_error
        assert "no luck" in text_of(thrown)
    runs = cli("runs", "--json").json["runs"]
    assert [(run["title"], run["status"]) for run in reversed(runs)] == [
        ("talk", "completed"),
        ("P", "completed"),
        ("script", "failed"),
    ]


@pytest.mark.anyio
async def test_a_call_that_is_cancelled_cancels_its_run(cli: Cli) -> None:
    started = cli.fifo("started")
    agent = cli.script(f"echo > {started}\nexec sleep 600")
    async with client(cli, "--agent", agent) as caller, anyio.create_task_group() as tasks:
        tasks.start_soon(caller.call_tool, "run_workflow", {"script": ONE_AGENT})
        await anyio.to_thread.run_sync(started.read_text)
        watching = cli.start("attach", "last")
        await anyio.to_thread.run_sync(watching.until, "run ")
        tasks.cancel_scope.cancel()
        with anyio.CancelScope(shield=True):
            ended = await anyio.to_thread.run_sync(watching.end)
    assert ended.code == 3
    [run] = cli("runs", "--json").json["runs"]
    assert run["status"] == "cancelled"


@pytest.mark.anyio
async def test_a_client_that_goes_leaves_nothing_running(cli: Cli) -> None:
    started = cli.fifo("started")
    agent = cli.script(f"echo $$ > {started}\nexec sleep 600")
    with anyio.CancelScope() as scope:
        async with client(cli, "--agent", agent) as caller, anyio.create_task_group() as tasks:
            tasks.start_soon(caller.call_tool, "run_workflow", {"script": ONE_AGENT})
            pid = int(await anyio.to_thread.run_sync(started.read_text))
            scope.cancel()
    [run] = cli("runs", "--json").json["runs"]
    assert run["status"] == "cancelled"
    assert run["owner"] is None
    assert not is_running(pid)


@pytest.mark.anyio
async def test_a_signal_cancels_what_runs_before_the_server_ends(cli: Cli) -> None:
    started = cli.fifo("started")
    agent = cli.script(f"echo $$ > {started}\nexec sleep 600")
    failed = []

    async with client(cli, "--agent", agent) as caller, anyio.create_task_group() as tasks:

        async def call() -> None:
            try:
                result = await caller.call_tool("run_workflow", {"script": ONE_AGENT})
                failed.append(text_of(result))
            except MCPError as error:
                failed.append(str(error))

        tasks.start_soon(call)
        pid = int(await anyio.to_thread.run_sync(started.read_text))
        server = next(parent for parent in psutil.Process(pid).parents() if "mcp" in parent.cmdline())
        server.send_signal(signal.SIGTERM)
        assert await anyio.to_thread.run_sync(server.wait, SECONDS) in (None, 3)
    assert len(failed) == 1
    [run] = cli("runs", "--json").json["runs"]
    assert (run["status"], run["owner"]) == ("cancelled", None)
    assert not is_running(pid)


ASKING = {"id": "p", "title": "P", "steps": [{**ASK, "title": "Topic", "goal": "Choose."}]}
Callback = Callable[[Any, ElicitRequestFormParams], Awaitable[ElicitResult]]


def answering(*answers: dict[str, Any] | str) -> tuple[Callback, list[ElicitRequestFormParams]]:
    asked: list[ElicitRequestFormParams] = []

    async def callback(_context: Any, params: ElicitRequestFormParams) -> ElicitResult:
        answer = answers[len(asked)]
        asked.append(params)
        if isinstance(answer, str):
            return ElicitResult(action=answer)  # type: ignore[arg-type]  # one of its three words
        return ElicitResult(action="accept", content=answer)

    return callback, asked


@pytest.mark.anyio
async def test_without_anybody_to_ask_the_question_is_in_the_error(cli: Cli) -> None:
    async with client(cli) as caller:
        result = await caller.call_tool("run_plan", {"plan": ASKING})
    assert result.is_error
    assert "nobody is there to answer: Which audience?" in text_of(result)


@pytest.mark.anyio
async def test_a_client_that_shows_forms_is_asked_until_the_answer_fits(cli: Cli) -> None:
    callback, asked = answering({"audience": "seed", "slides": 99}, {"audience": "enterprise", "slides": 7})
    async with client(cli, mode="legacy", elicitation_callback=callback) as caller:
        result = await caller.call_tool("run_plan", {"plan": ASKING})
    assert not result.is_error
    assert asked[0].message == "Which audience?"
    assert asked[0].requested_schema["properties"]["audience"]["enum"] == ["seed", "enterprise"]
    assert "20" in asked[1].message
    events = (cli.folder.parent / "state").rglob("events.jsonl")
    answered = [line for path in events for line in path.read_text().splitlines() if '"ask.answered"' in line]
    assert len(answered) == 1
    assert '"slides":7' in answered[0]


@pytest.mark.anyio
async def test_a_question_that_is_closed_unanswered_fails_its_step(cli: Cli) -> None:
    callback, asked = answering("cancel")
    async with client(cli, mode="legacy", elicitation_callback=callback) as caller:
        result = await caller.call_tool("run_plan", {"plan": ASKING})
    assert len(asked) == 1
    assert result.is_error
    assert "Which audience?" in text_of(result)


def test_it_is_not_started_by_a_step(cli: Cli) -> None:
    done = cli("mcp", env={"PIPLAN_RUN_ID": "r"})
    assert done.code == 2
    assert "runs do not start runs" in done.err


def test_how_to_install_what_is_missing_fits_this_installation() -> None:
    # the tests run from a clone, where the name on PyPI would install something else
    root = Path(__file__).resolve().parent.parent.parent
    assert install_command().startswith(sys.executable)
    assert install_command().endswith(f"-m pip install --editable '{root}[mcp]'")
