"""The Pi coding agent as an `Agent`."""

from __future__ import annotations

import os
import shlex
import tempfile
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio
import anyio.abc
import msgspec
from anyio import to_thread

from piplan_tui.agents.pi.decode import Undecodable, decode
from piplan_tui.agents.pi.dialogs import ASK_EXTENSION, ASK_TOOL, PERMISSION_EXTENSION
from piplan_tui.agents.pi.pool import Launch, PiLimits, PiPool, require_program
from piplan_tui.agents.pi.rpc import PiProcess
from piplan_tui.agents.pi.session import PiSession
from piplan_tui.agents.pi.turn import TurnReader
from piplan_tui.agents.protocol import AgentFailure, Notice, OnEvent, SessionRequest
from piplan_tui.agents.warm import launch_environment

COMMAND_VARIABLE = "PIPLAN_PI"
CONFIG_VARIABLE = "PI_CODING_AGENT_DIR"

_MAX_HEADER_BYTES = 65_536


def pi_command(environment: Mapping[str, str] | None = None) -> tuple[str, ...]:
    """The command that starts Pi: what PIPLAN_PI says, split as a shell does, or `pi`.

    Raises:
        AgentFailure: PIPLAN_PI has an unfinished quote.
    """
    text = (os.environ if environment is None else environment).get(COMMAND_VARIABLE, "")
    try:
        return tuple(shlex.split(text)) or ("pi",)
    except ValueError as error:
        raise AgentFailure("unusable", f"{COMMAND_VARIABLE} cannot be read: {error}") from error


class PiAgent:
    """Carries out attempts with Pi processes that it keeps warm between sessions.

    `name` is what the user wrote to choose it. `command` starts Pi (default: PIPLAN_PI, else `pi`).
    `config_root` is Pi's configuration folder (default: Pi's own). What a request leaves empty is taken from
    `model` (an id, or provider/id), `provider`, `thinking`, `tools` and `system_prompt`, which is appended to
    Pi's own. `environment` is added to that of this process. With `ask_user` the model has a tool of that
    name, which asks the user and waits; only a request for no tools at all leaves it out.
    """

    def __init__(
        self,
        command: Sequence[str] | None = None,
        config_root: Path | None = None,
        *,
        name: str = "pi",
        model: str = "",
        provider: str = "",
        thinking: str = "",
        tools: Sequence[str] | None = None,
        system_prompt: str = "",
        environment: Mapping[str, str] | None = None,
        limits: PiLimits | None = None,
        ask_user: bool = True,
    ) -> None:
        self._name = name
        self._command = tuple(command) if command else None
        self._environment = dict(environment or {})
        if config_root is not None:
            self._environment[CONFIG_VARIABLE] = str(config_root)
        self._model = model
        self._provider = provider
        self._thinking = thinking
        self._tools = tuple(tools) if tools is not None else None
        self._system_prompt = system_prompt
        self._limits = limits or PiLimits()
        self._ask_user = ask_user
        self._tasks: anyio.abc.TaskGroup | None = None
        self._pool: PiPool | None = None
        self._own_sessions: tempfile.TemporaryDirectory[str] | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def continues_sessions(self) -> bool:
        return True

    async def __aenter__(self) -> PiAgent:
        self._tasks = anyio.create_task_group()
        await self._tasks.__aenter__()
        self._pool = PiPool(self._tasks, self._limits)
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        assert self._tasks is not None
        assert self._pool is not None
        with anyio.CancelScope(shield=True):
            await self._pool.close()
            if self._own_sessions:
                await to_thread.run_sync(self._own_sessions.cleanup)
        # without the error: a group would wrap what the host raised
        await self._tasks.__aexit__(None, None, None)

    def require_program(self, workspace: Path) -> None:
        """See `StartsProgram`."""
        environment = {**os.environ, **self._environment}
        require_program((self._command or pi_command())[0], environment.get("PATH"))

    async def open(self, request: SessionRequest) -> PiSession:
        """See `Agent.open`."""
        if self._pool is None:
            raise RuntimeError("PiAgent is used as an async context manager: async with PiAgent() as agent")
        launch = self._launch(request)
        session_dir = await to_thread.run_sync(self._session_dir, request.session_dir)
        notices: list[Notice] = []
        resume: Path | None = None
        if request.resume:
            resume, problem = await to_thread.run_sync(_resumable, request.resume.file, request.workspace)
            if problem:
                notices.append(Notice(f"a new conversation was started: {problem}", "warning"))
        opened = await self._pool.open(launch, session_dir, resume)
        if resume and not opened.resumed:
            notices.append(
                Notice("a new conversation was started: pi did not load the earlier one", "warning")
            )
        return PiSession(
            opened.process,
            opened.state,
            self._limits,
            partial(self._release, self._pool, launch, opened.process),
            tuple(notices),
            agent=self._name,
            ask_tool=ASK_TOOL if ASK_EXTENSION in launch.extensions else "",
        )

    @staticmethod
    async def _release(pool: PiPool, launch: Launch, process: PiProcess, reusable: bool) -> None:
        if reusable:
            await pool.give_back(launch, process)
        else:
            await pool.end(process)

    def _launch(self, request: SessionRequest) -> Launch:
        tools = request.tools if request.tools is not None else self._tools
        asks = self._ask_user and tools != ()
        if asks and tools is not None and ASK_TOOL not in tools:
            tools = (*tools, ASK_TOOL)
        return Launch(
            command=self._command or pi_command(),
            cwd=request.workspace,
            model=request.model or self._model,
            # a provider chosen for the default model says nothing about another one
            provider=request.provider or ("" if request.model else self._provider),
            thinking=request.thinking or self._thinking,
            tools=tools,
            system_prompt=request.system_prompt or self._system_prompt,
            extensions=(
                *((ASK_EXTENSION,) if asks else ()),
                *((PERMISSION_EXTENSION,) if request.permissions else ()),
            ),
            env=launch_environment(self._environment, request),
        )

    def _session_dir(self, wanted: Path | None) -> Path:
        if wanted is None:
            if self._own_sessions is None:
                self._own_sessions = tempfile.TemporaryDirectory(
                    prefix="piplan-pi-", ignore_cleanup_errors=True
                )
            return Path(self._own_sessions.name)
        wanted.mkdir(parents=True, exist_ok=True, mode=0o700)
        return wanted.resolve()


def _resumable(file: str, workspace: Path) -> tuple[Path | None, str]:
    """The session file if Pi can go on with it in this workspace, or why not."""
    path = Path(file)
    if not file or not path.is_file():
        return None, "the earlier one was not kept"
    try:
        with path.open("rb") as stream:
            header = msgspec.json.decode(stream.readline(_MAX_HEADER_BYTES))
    except (OSError, msgspec.DecodeError):
        return None, "the file of the earlier one cannot be read"
    cwd = header.get("cwd") if isinstance(header, dict) else None
    if not isinstance(cwd, str) or Path(cwd).resolve() != workspace.resolve():
        return None, "the earlier one belongs to another workspace"
    return path, ""


def create_default_pi_session_factory(
    *,
    pi_config_root: str | Path | None = None,
    model: Mapping[str, str] | str | None = None,
    thinking_level: str = "",
    tools: Sequence[str] | None = None,
    step_system_prompt: str = "",
    command: Sequence[str] | None = None,
    environment: Mapping[str, str] | None = None,
    limits: PiLimits | None = None,
) -> PiAgent:
    """A Pi agent set up as a host wants every step to run.

    `model` is `{"provider": …, "id": …}`, or an id, or `provider/id`. `step_system_prompt` is appended to
    Pi's own system prompt.
    """
    chosen = {"id": model} if isinstance(model, str) else dict(model or {})
    return PiAgent(
        command,
        Path(pi_config_root) if pi_config_root is not None else None,
        model=chosen.get("id", ""),
        provider=chosen.get("provider", ""),
        thinking=thinking_level,
        tools=tools,
        system_prompt=step_system_prompt,
        environment=environment,
        limits=limits,
    )


def create_pi_session_event_bridge(on_event: OnEvent) -> Callable[[bytes | str | Mapping[str, Any]], None]:
    """A function that takes Pi's raw records, as lines or as objects, and reports them as session events.

    For a host that drives Pi by itself. What is no record is reported as a `Notice`.
    """
    turn = TurnReader()

    def take(record: bytes | str | Mapping[str, Any]) -> None:
        if isinstance(record, str):
            line = record.encode()
        elif isinstance(record, bytes):
            line = record
        else:
            line = msgspec.json.encode(record)
        try:
            events = turn.feed(decode(line))
        except (Undecodable, msgspec.DecodeError) as error:
            events = [Notice(f"not a record of pi: {error}", "warning")]
        for event in events:
            on_event(event)

    return take
