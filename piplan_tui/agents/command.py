"""Any program as an agent: the prompt on its stdin, its answer on its stdout."""

from __future__ import annotations

import codecs
import json
import os
import shlex
import shutil
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType

import anyio
from anyio import to_thread
from anyio.streams.memory import MemoryObjectSendStream

from piplan_tui.agents.process import (
    ATTEMPT_MARK,
    RUN_MARK,
    STEP_MARK,
    ChildProcess,
    describe_exit,
    start_child,
    terminate_tree,
)
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskReply,
    Notice,
    OnEvent,
    SessionRequest,
    Steered,
    TextDelta,
    Turn,
)
from piplan_tui.run.model import SessionRef

PREFIX = "command:"
KEPT_BYTES = 4 * 1024 * 1024
_MAX_NOTICES = 1_000
_GRACE_SECONDS = 2.0
_DRAIN_SECONDS = 0.5
_MAX_OBJECTS = 200


class CommandAgent:
    """Runs `program arguments…` in the workspace, without a shell, once for every prompt.

    A program named with a slash is looked for in the workspace; any other on PATH, then in the workspace.
    A second prompt in the same session runs the program again with that prompt: it keeps no conversation.
    The program finds PIPLAN_RUN_ID, PIPLAN_STEP_ID, PIPLAN_ATTEMPT and PIPLAN_WORKSPACE in its environment.
    What it leaves running is ended when it ends. `name` is what the user wrote to choose it, when that is not
    `command:` and the command.

    Raises:
        ValueError: there is no program in `command`, or a quote in it is not closed.
    """

    def __init__(self, command: str, *, name: str = "", environment: Mapping[str, str] | None = None) -> None:
        try:
            self._command = shlex.split(command)
        except ValueError as error:
            raise ValueError(f"{PREFIX}{command} cannot be read as a command: {error}") from error
        if not self._command:
            raise ValueError(f"{PREFIX} needs a program, such as {PREFIX}./step.sh")
        self._name = name or PREFIX + command
        self._environment = dict(environment or {})

    @property
    def name(self) -> str:
        return self._name

    @property
    def continues_sessions(self) -> bool:
        return False

    async def __aenter__(self) -> CommandAgent:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        return None

    def require_program(self, workspace: Path) -> None:
        """See `StartsProgram`."""
        _find(self._command[0], workspace, {**os.environ, **self._environment}.get("PATH"))

    async def open(self, request: SessionRequest) -> CommandSession:
        """See `Agent.open`; the program itself starts with the first prompt."""
        environment = {
            **os.environ,
            **self._environment,
            **request.env,
            RUN_MARK: request.run_id,
            STEP_MARK: request.step_id,
            ATTEMPT_MARK: str(request.attempt),
            "PIPLAN_WORKSPACE": str(request.workspace),
        }
        path = environment.get("PATH")
        program = await to_thread.run_sync(_find, self._command[0], request.workspace, path)
        return CommandSession(
            self._name, [program, *self._command[1:]], request.workspace, environment, request.resume
        )


class CommandSession:
    """See `AgentSession`. The program asks no questions and cannot be steered."""

    def __init__(
        self,
        name: str,
        command: list[str],
        workspace: Path,
        environment: Mapping[str, str],
        resume: SessionRef | None,
    ) -> None:
        self._name = name
        self._command = command
        self._workspace = workspace
        self._environment = environment
        self._lost = resume is not None
        self._ref = SessionRef(agent=name, reports_tools=False)

    @property
    def ref(self) -> SessionRef:
        return self._ref

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        """Run the program with `text` on its stdin; the turn's text is the last 4 MiB of its stdout.

        A program that fails (an exit code other than 0) but wrote an object with a `status` is believed.
        """
        if self._lost:
            self._lost = False
            on_event(Notice(f"{self._name} keeps no conversation, so it starts anew", "warning"))
        try:
            child = await start_child(self._command, cwd=self._workspace, env=self._environment)
        except OSError as error:
            raise self._unusable(error.strerror or str(error)) from error
        self._ref = SessionRef(
            agent=self._name, pid=child.pid, process_started=child.started, reports_tools=False
        )
        try:
            answer = await _converse(child, text, on_event)
        finally:
            with anyio.CancelScope(shield=True):
                left = await terminate_tree(child, _GRACE_SECONDS)
                await child.release()
        if left:
            on_event(Notice(f"{left} processes of {self._name} could not be ended", "error"))
        if child.exec_error:
            raise self._unusable(child.exec_error)
        if child.returncode:
            how = describe_exit(child.returncode)
            if not _holds_result(answer):
                last = child.stderr_tail.splitlines()[-1:]
                raise AgentFailure(
                    "died",
                    f"{self._command[0]} failed ({how})" + "".join(f": {line[:300]}" for line in last),
                    detail=child.stderr_tail,
                )
            on_event(Notice(f"{self._command[0]} wrote a result, but failed ({how})", "warning"))
        return Turn(text=answer)

    def _unusable(self, reason: str) -> AgentFailure:
        return AgentFailure("unusable", f"{self._command[0]} could not be started: {reason}")

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        raise AgentFailure("protocol", f"{self._name} asks no questions")

    async def steer(self, text: str) -> Steered:
        return ""

    async def close(self) -> None:
        return None


async def _converse(child: ChildProcess, text: str, on_event: OnEvent) -> str:
    """Feed the program and report what it writes, until it ends; return the end of its stdout."""
    tail: deque[bytes] = deque()
    size = 0
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    sender, receiver = anyio.create_memory_object_stream[bytes | Notice](64)
    async with anyio.create_task_group() as tasks, receiver:
        tasks.start_soon(_write_prompt, child, text)
        tasks.start_soon(_read, child, sender)
        async for item in receiver:
            if isinstance(item, Notice):
                on_event(item)
                continue
            tail.append(item)
            size += len(item)
            while size - len(tail[0]) >= KEPT_BYTES:
                size -= len(tail.popleft())
            if piece := decoder.decode(item):
                on_event(TextDelta(piece))
        tasks.cancel_scope.cancel()  # a prompt that the program never read
    if piece := decoder.decode(b"", final=True):
        on_event(TextDelta(piece))
    return b"".join(tail)[-KEPT_BYTES:].decode("utf-8", "replace")


async def _write_prompt(child: ChildProcess, text: str) -> None:
    try:
        await child.send(text.encode("utf-8", "replace"))
        await child.close_stdin()
    except BrokenPipeError:
        pass  # it does not have to read


async def _read(child: ChildProcess, sender: MemoryObjectSendStream[bytes | Notice]) -> None:
    """Send what the program writes, until it has ended; something that it left behind may hold its pipes."""
    pending: deque[Notice] = deque()
    ended: set[str] = set()
    received = 0
    finished = anyio.Event()
    notices = 0

    def on_line(line: str) -> None:
        nonlocal notices
        notices += 1
        if notices <= _MAX_NOTICES:
            pending.append(Notice(line))
        elif notices == _MAX_NOTICES + 1:
            pending.append(Notice("more lines on stderr are left out", "warning"))

    async def read_stdout() -> None:
        nonlocal received
        while chunk := await child.receive():
            received += 1
            await sender.send(chunk)
        end_of("stdout")

    async def read_stderr() -> None:
        await child.drain_stderr(on_line)
        end_of("stderr")

    def end_of(stream: str) -> None:
        ended.add(stream)
        if len(ended) == 2:
            finished.set()

    async def forward() -> None:
        while pending:
            await sender.send(pending.popleft())

    async with sender, anyio.create_task_group() as tasks:
        tasks.start_soon(read_stdout)
        tasks.start_soon(read_stderr)
        pause = 0.01
        while child.returncode is None:
            with anyio.move_on_after(pause):
                await (child.wait(pause) if finished.is_set() else finished.wait())
            pause = min(pause * 1.5, 0.1)
            await forward()
        before = -1
        while not finished.is_set() and before != received:
            before = received
            with anyio.move_on_after(_DRAIN_SECONDS):
                await finished.wait()
        await forward()
        tasks.cancel_scope.cancel()


def _find(program: str, workspace: Path, path: str | None) -> str:
    here = workspace / program
    if "/" not in program:
        found = shutil.which(program, path=path)
        if found:
            return found
    if here.is_file() and os.access(here, os.X_OK):
        return str(here.absolute())
    if here.is_file():
        raise AgentFailure("unusable", f"{here} is not executable: chmod +x {shlex.quote(str(here))}")
    where = f"in {workspace}" if "/" in program else f"on PATH or in {workspace}"
    raise AgentFailure("missing", f"the program {program} was not found {where}")


def _holds_result(text: str) -> bool:
    """Whether there is a JSON object with a `status` in it."""
    decoder = json.JSONDecoder()
    at = text.rfind("{")
    for _ in range(_MAX_OBJECTS):
        if at < 0:
            return False
        try:
            found, _ = decoder.raw_decode(text, at)
        except (ValueError, RecursionError):
            found = None
        if isinstance(found, dict) and isinstance(found.get("status"), str):
            return True
        at = text.rfind("{", 0, at)
    return False
