"""Warm Pi processes: a cold start costs about a second of a core, a new session in a warm one milliseconds."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import anyio.abc
import msgspec
from anyio import to_thread

from piplan_tui.agents.failures import in_sentence, span
from piplan_tui.agents.pi import failures
from piplan_tui.agents.pi.decode import State, state_of
from piplan_tui.agents.pi.rpc import PiProcess
from piplan_tui.agents.process import start_child
from piplan_tui.agents.protocol import AgentFailure
from piplan_tui.agents.warm import Limits, WarmProcesses

_NO_MODEL = "unknown"
_MAX_ARGUMENT_BYTES = 120_000  # Linux takes 128 KiB for one argument


@dataclass(frozen=True)
class PiLimits(Limits):
    """The limits of Pi's processes and sessions."""


@dataclass(frozen=True)
class Launch:
    """What is fixed when a Pi process starts; a warm process serves only requests with an equal launch.

    The model and the thinking level are part of it: Pi could change them in a running process, but 0.72
    then writes them into the user's settings as the new default.
    """

    command: tuple[str, ...]
    cwd: Path
    model: str = ""
    provider: str = ""
    thinking: str = ""
    tools: tuple[str, ...] | None = None
    system_prompt: str = ""
    extensions: tuple[Path, ...] = ()
    env: frozenset[tuple[str, str]] = field(default=frozenset(), repr=False)

    def arguments(self, session_dir: Path) -> list[str]:
        """The command line, with sessions kept in `session_dir`."""
        arguments = [*self.command, "--mode", "rpc", "--session-dir", str(session_dir)]
        for flag, value in (
            ("--provider", self.provider),
            ("--model", self.model),
            ("--thinking", self.thinking),
            ("--append-system-prompt", self.system_prompt),
        ):
            if value:
                arguments += [flag, value]
        for extension in self.extensions:
            arguments += ["--extension", str(extension)]
        if self.tools is not None:
            arguments += ["--tools", ",".join(self.tools)] if self.tools else ["--no-tools"]
        return arguments


@dataclass(frozen=True)
class Opened:
    """A process with a session in it. `resumed` is false when the session that was asked for could not be."""

    process: PiProcess
    state: State
    resumed: bool


class PiPool(WarmProcesses[Launch, PiProcess]):
    """Starts Pi processes and opens sessions in them, warm ones first."""

    def __init__(self, tasks: anyio.abc.TaskGroup, limits: PiLimits) -> None:
        super().__init__(tasks, limits)

    async def open(self, launch: Launch, session_dir: Path, resume: Path | None) -> Opened:
        """A session in a warm process, or else in a new one.

        Raises:
            AgentFailure: Pi is not there, did not come up, or has no model.
        """
        while process := await self.take_idle(launch):
            try:
                opened = await self._switch(process, session_dir, resume)
            except AgentFailure:
                opened = None
            except BaseException:
                await self.end(process)
                raise
            if opened:
                return opened
            await self.end(process)
        process = await self._start(launch, session_dir)
        try:
            state = await self._first_state(process, launch)
            resumed = resume is not None and await self._load(process, resume)
            if resumed:
                state = await self._state(process)
        except BaseException:
            await self.end(process)
            raise
        return Opened(process, state, resumed)

    async def _start(self, launch: Launch, session_dir: Path) -> PiProcess:
        env = {**os.environ, **dict(launch.env)}
        program = launch.command[0]
        await to_thread.run_sync(_require_startable, launch, env.get("PATH"))
        try:
            child = await start_child(launch.arguments(session_dir), cwd=launch.cwd, env=env)
        except OSError as error:
            raise AgentFailure("unusable", f"{program} could not be started: {error.strerror}") from error
        process = PiProcess(child, session_dir)
        self.adopt(process)
        return process

    async def _first_state(self, process: PiProcess, launch: Launch) -> State:
        try:
            return await self._state(process, self._limits.start_seconds)
        except AgentFailure as failure:
            if failure.kind == "died":
                returncode = process.child.returncode
                raise failures.did_not_start(
                    launch.command, returncode, process.child.stderr_tail
                ) from failure
            if failure.kind == "hung":
                why = f"{launch.command[0]} did not come up as pi within {span(self._limits.start_seconds)}"
                if process.unheard_question:
                    question = in_sentence(process.unheard_question)
                    why += f": an extension asks while pi starts, where nobody can answer: {question}"
                raise failures.hung(why, process.child.stderr_tail) from failure
            raise

    async def _switch(self, process: PiProcess, session_dir: Path, resume: Path | None) -> Opened | None:
        resumed = resume is not None and await self._load(process, resume)
        if not resumed:
            if process.session_dir == session_dir:
                done = await self._command(process, {"type": "new_session"})
            else:
                # a file that does not exist yet is a new session in that folder
                file = session_dir / f"{uuid.uuid4().hex}.jsonl"
                done = await self._load(process, file)
            if not done:
                return None
        return Opened(process, await self._state(process), resumed)

    async def _load(self, process: PiProcess, file: Path) -> bool:
        done = await self._command(process, {"type": "switch_session", "sessionPath": str(file)})
        if done:
            process.session_dir = file.parent
        return done

    async def _command(self, process: PiProcess, command: Mapping[str, object]) -> bool:
        answer = await process.request(dict(command), self._limits.answer_seconds)
        data = msgspec.json.decode(answer.data) if answer.data else {}
        return answer.success and not (isinstance(data, dict) and data.get("cancelled"))

    async def _state(self, process: PiProcess, seconds: float | None = None) -> State:
        answer = await process.request({"type": "get_state"}, seconds or self._limits.answer_seconds)
        if not answer.success:
            raise AgentFailure("protocol", f"pi refused get_state: {in_sentence(str(answer.error))}")
        try:
            state = state_of(answer)
        except msgspec.DecodeError as error:
            raise AgentFailure("protocol", f"pi answered get_state in an unknown form: {error}") from error
        if state.model is None or state.model.id == _NO_MODEL:
            raise failures.no_model()
        return state


def _require_startable(launch: Launch, path: str | None) -> None:
    require_program(launch.command[0], path)
    if not launch.cwd.is_dir():
        raise AgentFailure("unusable", f"the workspace {launch.cwd} is not a folder")
    if len(launch.system_prompt.encode()) > _MAX_ARGUMENT_BYTES:
        raise AgentFailure("unusable", "the system prompt for pi is longer than 120,000 bytes")


def require_program(program: str, path: str | None) -> None:
    """See that the program is there, on `path` unless its name has a slash.

    Raises:
        AgentFailure: it is not.
    """
    if not shutil.which(program, path=path):
        raise failures.not_found(program)
