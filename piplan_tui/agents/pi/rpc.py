"""One Pi process and the lines to and from it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import anyio
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream

from piplan_tui.agents.failures import span
from piplan_tui.agents.lines import LineSplitter
from piplan_tui.agents.pi import failures
from piplan_tui.agents.pi.decode import Record, Undecodable, decode
from piplan_tui.agents.pi.dialogs import is_question
from piplan_tui.agents.process import ChildProcess, terminate_tree
from piplan_tui.agents.protocol import AgentFailure, Notice

_WAITING_RECORDS = 256


class PiProcess:
    """A running `pi --mode rpc`. Run `read` in a task; it ends with the process's stdout.

    `session_dir` is where its next new session would be kept. `unheard_question` is what an extension asked
    while nobody listened, which is before the first prompt.
    """

    def __init__(self, child: ChildProcess, session_dir: Path) -> None:
        self.child = child
        self.session_dir = session_dir
        self.scope = anyio.CancelScope(shield=True)
        self.unheard_question = ""
        self._listener: MemoryObjectSendStream[Record | Notice] | None = None
        self._answers: dict[str, tuple[anyio.Event, list[Record]]] = {}
        self._closed = anyio.Event()
        self._sending = anyio.Lock()
        self._next_id = 0

    @property
    def alive(self) -> bool:
        return self.child.returncode is None and not self._closed.is_set()

    async def read(self) -> None:
        """Take what Pi writes, all the time: it stands still when nobody reads."""
        # shielded, because an abort has to be heard while its session is being cancelled
        with self.scope:
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(self.child.drain_stderr)
                try:
                    await self._read_records()
                finally:
                    self._close()

    async def _read_records(self) -> None:
        splitter = LineSplitter()
        dropped = 0
        while chunk := await self.child.receive():
            for line in splitter.feed(chunk):
                await self._take(line)
            if splitter.dropped > dropped:
                dropped = splitter.dropped
                await self._tell(Notice("pi wrote a record of over 64 MiB, which was dropped", "warning"))

    def _close(self) -> None:
        self._closed.set()
        for event, _ in self._answers.values():
            event.set()
        if self._listener:
            self._listener.close()

    async def end(self, grace_seconds: float) -> int:
        """End the process and all that it started; return how many of them are left."""
        with anyio.CancelScope(shield=True):
            left = await terminate_tree(self.child, grace_seconds)
            self._listener = None  # nobody listens any more, so the reader must not wait for room
            with anyio.move_on_after(0.5):
                await self._closed.wait()
            self.scope.cancel()
            await self.child.release()
        return left

    async def _take(self, line: bytes) -> None:
        try:
            record = decode(line)
        except Undecodable:
            text = line[:200].decode("utf-8", "replace")
            await self._tell(Notice(f"pi wrote a line that is not a record: {text}", "warning"))
            return
        waiting = self._answers.get(record.id) if record.type == "response" and record.id else None
        if waiting:
            waiting[1].append(record)
            waiting[0].set()
        else:
            if record.dialog and is_question(record.dialog) and not self._listener:
                self.unheard_question = record.dialog.title or record.dialog.message
            await self._tell(record)

    async def _tell(self, item: Record | Notice) -> None:
        if self._listener:
            try:
                await self._listener.send(item)
            except (anyio.BrokenResourceError, anyio.ClosedResourceError):
                self._listener = None

    @contextmanager
    def listen(self) -> Iterator[MemoryObjectReceiveStream[Record | Notice]]:
        """All records in order, but for answers to `request`. The stream ends when Pi ends."""
        sender, receiver = anyio.create_memory_object_stream[Record | Notice](_WAITING_RECORDS)
        if self._closed.is_set():
            sender.close()
        self._listener = sender
        try:
            yield receiver
        finally:
            self._listener = None
            sender.close()
            receiver.close()

    async def post(self, command: dict[str, Any]) -> str:
        """Send a command; return its id, by which its answer is found among the records.

        Raises:
            AgentFailure: Pi is gone.
        """
        command_id = str(command.get("id") or self._new_id())
        await self._send({**command, "id": command_id})
        return command_id

    async def request(self, command: dict[str, Any], seconds: float) -> Record:
        """Send a command and wait for its answer.

        Raises:
            AgentFailure: Pi is gone, or did not answer in time.
        """
        command_id = self._new_id()
        event = anyio.Event()
        answers: list[Record] = []
        self._answers[command_id] = (event, answers)
        try:
            with anyio.move_on_after(seconds):
                await self._send({**command, "id": command_id})
                if not self._closed.is_set():
                    await event.wait()
        finally:
            del self._answers[command_id]
        if answers:
            return answers[0]
        if self._closed.is_set():
            raise await self.failure_of_death(f"before it answered {command['type']}")
        raise failures.hung(
            f"pi did not answer {command['type']} within {span(seconds)}", self.child.stderr_tail
        )

    async def failure_of_death(self, during: str) -> AgentFailure:
        """What to tell about a process that is gone."""
        returncode = await self.child.wait(1.0)
        return failures.died(returncode, self.child.stderr_tail, during=during)

    async def _send(self, record: dict[str, Any]) -> None:
        data = json.dumps(record, ensure_ascii=True).encode() + b"\n"
        try:
            async with self._sending:
                await self.child.send(data)
        except BrokenPipeError:
            raise await self.failure_of_death("and does not listen any more") from None

    def _new_id(self) -> str:
        self._next_id += 1
        return f"piplan-{self._next_id}"
