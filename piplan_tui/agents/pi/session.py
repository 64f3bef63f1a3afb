"""One conversation with Pi."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import Any

import anyio
import msgspec
from anyio.streams.memory import MemoryObjectReceiveStream

from piplan_tui.agents.failures import span
from piplan_tui.agents.pi import dialogs, failures
from piplan_tui.agents.pi.decode import Record, State
from piplan_tui.agents.pi.pool import PiLimits
from piplan_tui.agents.pi.rpc import PiProcess
from piplan_tui.agents.pi.turn import TurnReader
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskReply,
    AskWithdrawn,
    Notice,
    OnEvent,
    Retrying,
    Steered,
    Turn,
)
from piplan_tui.agents.warm import LOST
from piplan_tui.run.model import SessionRef, Usage

_RECHECK_SECONDS = 0.02
_UNSTARTED_SECONDS = 2.0
_LIMIT_SLACK_SECONDS = 0.5
"""How much earlier than ours pi's clock of a question may run out: it was started first."""
_EXPIRED = "its time limit ran out"

Records = MemoryObjectReceiveStream[Record | Notice]


class PiSession:
    """A session in a Pi process that serves nothing else until `close`.

    `release` takes the process back; its argument says whether it may serve another session.
    """

    def __init__(
        self,
        process: PiProcess,
        state: State,
        limits: PiLimits,
        release: Callable[[bool], Awaitable[None]],
        notices: tuple[Notice, ...] = (),
        *,
        agent: str = "pi",
        ask_tool: str = "",
    ) -> None:
        self.ask_tool = ask_tool
        self._process = process
        self._limits = limits
        self._release = release
        self._notices = notices
        self._usage = Usage()
        self._turn: TurnReader | None = None
        self._deadlines: dict[str, float] = {}
        self._steered = False
        self._closed = False
        model = state.model
        self._ref = SessionRef(
            agent=agent,
            session_id=state.session_id,
            file=state.session_file or "",
            model=f"{model.provider}/{model.id}" if model else "",
            pid=process.child.pid,
            process_started=process.child.started,
        )

    @property
    def ref(self) -> SessionRef:
        return self._ref

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        """See `AgentSession.prompt`. After a cancelled prompt, or one that Pi died in, the session is closed."""
        if self._closed or self._turn:
            raise AgentFailure("protocol", "this pi session is closed or already at work")
        for notice in self._notices:
            on_event(notice)
        self._notices = ()
        turn = self._turn = TurnReader(self._usage)
        try:
            with self._process.listen() as records:
                try:
                    await self._follow(turn, records, text, on_event)
                except AgentFailure:
                    raise
                except BaseException:
                    with anyio.CancelScope(shield=True):
                        await self._abort(turn, records)
                    raise
        except AgentFailure as failure:
            if failure.kind in LOST:
                await self._finish(reusable=False)
            raise
        except BaseException:
            await self._finish(reusable=False)
            raise
        finally:
            self._usage = turn.usage
            self._turn = None
            self._deadlines.clear()
        if turn.stop_reason == "error":
            raise failures.request_failed(turn.error, turn.model)
        match turn.stop_reason:
            case "aborted":
                return Turn(text=turn.text, stop="aborted")
            case "length":
                return Turn(text=turn.text, stop="length")
        return Turn(text=turn.text)

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        """Answer a dialog of an extension.

        Raises:
            AgentFailure: the question is not open any more, or Pi is gone.
        """
        dialog = self._turn.dialogs.pop(ask_id, None) if self._turn else None
        if dialog is None:
            raise AgentFailure("protocol", "pi does not wait for this answer any more")
        self._deadlines.pop(ask_id, None)
        await self._process.post(dialogs.response(dialog, reply))

    async def steer(self, text: str) -> Steered:
        """Queue a message that Pi reads after its running tool calls. Empty when it is not at work."""
        if not self._turn or self._turn.over:
            return ""
        self._steered = True
        answer = await self._process.request({"type": "steer", "message": text}, self._limits.answer_seconds)
        return "now" if answer.success else ""

    async def close(self) -> None:
        await self._finish(reusable=self._process.alive)

    async def _finish(self, *, reusable: bool) -> None:
        if not self._closed:
            self._closed = True
            with anyio.CancelScope(shield=True):
                await self._release(reusable)

    async def _follow(self, turn: TurnReader, records: Records, text: str, on_event: OnEvent) -> None:
        prompt_id = await self._post({"type": "prompt", "message": text})
        state_id = ""
        check_start_at: float | None = None
        while not turn.over:
            if turn.perhaps_over and not state_id:
                state_id = await self._post({"type": "get_state"})
            item = await self._next(turn, records, on_event, check_start_at)
            if item is None:
                if check_start_at is not None and time.monotonic() >= check_start_at:
                    # an extension may have dealt with the prompt by itself, without a turn
                    check_start_at = None
                    turn.perhaps_over = not turn.started
            elif isinstance(item, Notice):
                on_event(item)
            elif item.type == "response" and item.id == prompt_id:
                if not item.success:
                    raise failures.request_failed(str(item.error or ""), self._ref.model)
                check_start_at = time.monotonic() + _UNSTARTED_SECONDS
            elif item.type == "response" and state_id and item.id == state_id:
                state_id = ""
                if not turn.state_answered(item) and turn.perhaps_over:
                    await anyio.sleep(_RECHECK_SECONDS)
            else:
                self._report(turn, item, on_event)
                if turn.started:
                    check_start_at = None

    def _report(self, turn: TurnReader, record: Record, on_event: OnEvent) -> None:
        try:
            events = turn.feed(record)
        except msgspec.DecodeError as error:
            events = [Notice(f"pi wrote a {record.type} in an unknown form: {error}", "warning")]
        if record.dialog and record.dialog.id in turn.dialogs and record.dialog.timeout:
            self._deadlines[record.dialog.id] = time.monotonic() + record.dialog.timeout / 1000
        for event in events:
            if isinstance(event, AskWithdrawn):
                limit = self._deadlines.pop(event.ask_id, None)
                if limit is not None and limit - time.monotonic() < _LIMIT_SLACK_SECONDS:
                    event = AskWithdrawn(event.ask_id, _EXPIRED, expired=True)
            elif isinstance(event, Retrying):
                turn.quiet_seconds = event.delay_seconds
            on_event(event)

    async def _next(
        self, turn: TurnReader, records: Records, on_event: OnEvent, wake_at: float | None
    ) -> Record | Notice | None:
        """The next record; None when a time of ours came first.

        Raises:
            AgentFailure: Pi died, or said nothing for too long.
        """
        try:
            return records.receive_nowait()
        except anyio.WouldBlock:
            pass
        except anyio.EndOfStream:
            raise await self._process.failure_of_death("in the middle of its turn") from None
        silence = self._limits.silence_seconds + turn.quiet_seconds
        pinged = False
        silent_since = time.monotonic()
        while True:
            times = [silent_since + silence, *self._deadlines.values()]
            if wake_at is not None:
                times.append(wake_at)
            with anyio.move_on_after(max(0.0, min(times) - time.monotonic())):
                try:
                    item = await records.receive()
                except anyio.EndOfStream:
                    raise await self._process.failure_of_death("in the middle of its turn") from None
                turn.quiet_seconds = 0.0
                return item
            now = time.monotonic()
            self._withdraw_expired(turn, now, on_event)
            if wake_at is not None and now >= wake_at:
                return None
            if now < silent_since + silence:
                continue
            if pinged or not turn.waits_for_others:
                raise failures.hung(_silent(silence, pinged), self._process.child.stderr_tail)
            # a tool may take its time, but Pi itself must still answer
            await self._post({"type": "get_state"})
            pinged, silent_since, silence = True, now, self._limits.answer_seconds

    def _withdraw_expired(self, turn: TurnReader, now: float, on_event: OnEvent) -> None:
        for ask_id in [ask_id for ask_id, at in self._deadlines.items() if now >= at]:
            del self._deadlines[ask_id]
            for event in turn.withdraw(ask_id, _EXPIRED, expired=True):
                on_event(event)

    async def _post(self, command: dict[str, Any]) -> str:
        with anyio.move_on_after(self._limits.answer_seconds):
            return await self._process.post(command)
        raise failures.hung("pi does not read its commands", self._process.child.stderr_tail)

    async def _abort(self, turn: TurnReader, records: Records) -> None:
        with anyio.move_on_after(self._limits.abort_seconds):
            try:
                if self._steered:
                    await self._process.post({"type": "clear_queue"})
                abort_id = await self._process.post({"type": "abort"})
                for ask_id in list(turn.dialogs):
                    await self._process.post(
                        {"type": "extension_ui_response", "id": ask_id, "cancelled": True}
                    )
                async for item in records:
                    if isinstance(item, Record) and item.type == "response" and item.id == abort_id:
                        return
            except AgentFailure:
                pass  # it is gone already


def _silent(seconds: float, pinged: bool) -> str:
    if pinged:
        return (
            f"pi did not answer for {span(seconds)} while a tool ran or a question was open; it was stopped"
        )
    return f"pi said nothing for {span(seconds)} while no tool ran; it was stopped"
