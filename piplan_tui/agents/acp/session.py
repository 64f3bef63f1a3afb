"""One conversation with an agent over ACP."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import anyio
import anyio.abc
from acp.exceptions import RequestError
from acp.schema import ConfigOptionUpdate, PromptResponse
from anyio.streams.memory import MemoryObjectReceiveStream, MemoryObjectSendStream
from pydantic import ValidationError

from piplan_tui.agents.acp import failures
from piplan_tui.agents.acp.ask_door import ASK_TOOL, AskDoor
from piplan_tui.agents.acp.client import SessionClient
from piplan_tui.agents.acp.launch import AcpLimits
from piplan_tui.agents.acp.meter import Meter
from piplan_tui.agents.acp.open_asks import OpenAsk
from piplan_tui.agents.acp.process import AcpProcess
from piplan_tui.agents.acp.settings import SessionSettings
from piplan_tui.agents.acp.turn_end import Item, Over, TerminalChanged, put, turn_of
from piplan_tui.agents.acp.updates import TurnReader
from piplan_tui.agents.protocol import (
    AgentFailure,
    AskRaised,
    AskReply,
    AskWithdrawn,
    Notice,
    OnEvent,
    Steered,
    Turn,
    UsageReported,
)
from piplan_tui.agents.warm import LOST
from piplan_tui.run.model import SessionRef

_WAITING_ITEMS = 256


class AcpSession:
    """A session in a process that serves nothing else until `close`.

    `release` takes the process back; its argument says whether it may serve another session.
    `spent` is what conversations cost in all, in USD by session id, as far as it is known.
    """

    def __init__(
        self,
        process: AcpProcess,
        workspace: Path,
        environment: Mapping[str, str],
        tasks: anyio.abc.TaskGroup,
        limits: AcpLimits,
        release: Callable[[bool], Awaitable[None]],
        spent: dict[str, float],
    ) -> None:
        self._process = process
        self._workspace = workspace.resolve()
        self._tasks = tasks
        self._limits = limits
        self._release = release
        self._spent = spent
        self._meter = Meter()
        self.client = SessionClient(
            process.name,
            self._workspace,
            environment,
            tasks,
            limits.terminate_seconds,
            self._meter_or_settings,
        )
        """What the process is to call while it serves this session."""
        self._at_work = False
        self._queued: list[str] = []
        self._door: AskDoor | None = None
        self._prompted = False
        self._closed = False
        self.settings = SessionSettings("", {})
        self.notices: list[Notice] = []
        self.preamble = ""
        self.continued = False

    @property
    def ref(self) -> SessionRef:
        return SessionRef(
            agent=self._process.name,
            session_id=self._process.session_id,
            model=self.settings.model,
            pid=self._process.child.pid,
            process_started=self._process.child.started,
        )

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        """See `AgentSession.prompt`. After a cancelled prompt, or one the agent died in, the session is closed."""
        name = self._process.name
        if self._closed or self._at_work:
            raise AgentFailure("protocol", f"this session of {name} is closed or already at work")
        for notice in self.notices:
            on_event(notice)
        self.notices.clear()
        if not self._prompted:
            self._prompted = True
            spent = self._spent.get(self._process.session_id)
            self._meter.begin(continued=self.continued, spent=spent)
        self._at_work = True
        try:
            done = await self._one_turn(text, on_event)
            while self._queued and done.stop == "end":
                said, self._queued = self._queued, []
                on_event(Notice("the agent is told now what you said while it worked"))
                done = await self._one_turn("\n\n".join(said), on_event)
            return done
        except AgentFailure as failure:
            if failure.kind in LOST:
                await self._finish(reusable=False)
            raise
        except BaseException:
            await self._finish(reusable=False)
            raise
        finally:
            self._at_work = False
            if self._queued:
                on_event(
                    Notice("the turn did not end well, so the agent was not told what you said", "warning")
                )
            self._queued.clear()
            self.client.ignore()

    async def _one_turn(self, text: str, on_event: OnEvent) -> Turn:
        turn = TurnReader(self._workspace, self.client.terminals.text)
        sender, items = anyio.create_memory_object_stream[Item](_WAITING_ITEMS)
        self.client.listen(turn, sender)
        blocks = [{"type": "text", "text": part} for part in (self.preamble, text) if part]
        with sender, items:
            self._tasks.start_soon(self._send_prompt, blocks, sender)
            try:
                over = await self._follow(turn, items, on_event)
            except AgentFailure:
                raise
            except BaseException:
                with anyio.CancelScope(shield=True):
                    await self._abort(items)
                raise
            return self._ended(turn, over, on_event)

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        """Answer a question of the agent.

        Raises:
            AgentFailure: the question is not open any more.
        """
        if not self.client.asks.reply(ask_id, reply):
            raise AgentFailure("protocol", f"{self._process.name} does not wait for this answer any more")

    async def steer(self, text: str) -> Steered:
        """Keep a message until the turn ends: the protocol has no way to say something in the middle of one."""
        if not self._at_work or self._closed:
            return ""
        self._queued.append(text)
        return "queued"

    async def open_door(self) -> list[dict[str, Any]]:
        """The MCP servers that the session is to be given: the one by which its model asks the user."""
        self._door = await AskDoor.open()
        if self._door is None:
            return []
        self._tasks.start_soon(self._door.serve, self.client.asked_by_tool)
        return [self._door.server]

    @property
    def ask_tool(self) -> str:
        """See `AsksByTool`."""
        return ASK_TOOL if self._door is not None else ""

    async def close(self) -> None:
        await self._finish(reusable=self._process.alive)

    async def abandon(self) -> None:
        """Close what was opened for a session that did not come about, or that nobody closed."""
        self._closed = True
        with anyio.CancelScope(shield=True):
            if self._door is not None:
                await self._door.close()
            await self.client.terminals.close()

    async def _finish(self, *, reusable: bool) -> None:
        if self._closed:
            return
        self._closed = True
        if self._meter.total is not None:
            self._spent[self._process.session_id] = self._meter.total
        with anyio.CancelScope(shield=True):
            if self._door is not None:
                await self._door.close()
            await self.client.terminals.close()
            capabilities = self._process.about.agent_capabilities
            sessions = capabilities.session_capabilities if capabilities else None
            if reusable and sessions and sessions.close is not None:
                params = {"sessionId": self._process.session_id}
                try:
                    await self._process.request("session/close", params, self._limits.abort_seconds)
                except (AgentFailure, RequestError):
                    reusable = False
            self._process.client = None
            await self._release(reusable)

    # -- the turn --------------------------------------------------------------------------------

    async def _send_prompt(self, blocks: list[dict[str, Any]], sender: MemoryObjectSendStream[Item]) -> None:
        # the end must be heard while the prompt is being cancelled
        with anyio.CancelScope(shield=True):
            params = {"sessionId": self._process.session_id, "prompt": blocks}
            try:
                over = Over(await self._process.request("session/prompt", params, None))
            except RequestError as error:
                over = Over({}, error)
            except AgentFailure as failure:
                over = Over({}, failure)
            await put(sender, over)

    async def _follow(
        self, turn: TurnReader, items: MemoryObjectReceiveStream[Item], on_event: OnEvent
    ) -> Over:
        while True:
            item = await self._next(turn, items)
            match item:
                case Over():
                    return item
                case OpenAsk():
                    for event in turn.about_to_ask(item.call_id):
                        on_event(event)
                    if item in self.client.asks:
                        item.raised = True
                        on_event(AskRaised(item.ask_id, item.request))
                case TerminalChanged():
                    for event in turn.terminal_changed(item.terminal_id):
                        on_event(event)
                case dict():
                    self._report(turn, item, on_event)
                case _:
                    on_event(item)

    def _report(self, turn: TurnReader, update: dict[str, Any], on_event: OnEvent) -> None:
        if self._meter_or_settings(update):
            on_event(UsageReported(self._meter.usage))
        for event in turn.feed(update):
            on_event(event)

    async def _next(self, turn: TurnReader, items: MemoryObjectReceiveStream[Item]) -> Item:
        """The next item.

        Raises:
            AgentFailure: the agent said nothing for too long.
        """
        since = time.monotonic()
        while True:
            with anyio.move_on_after(max(0.0, since + self._limits.silence_seconds - time.monotonic())):
                return await items.receive()
            # a tool, a terminal or the user may take their time
            if not (turn.tools_run or self.client.asks or self.client.terminals.running):
                raise failures.said_nothing(
                    self._process.name, self._limits.silence_seconds, self._process.child.stderr_tail
                )
            since = time.monotonic()

    def _ended(self, turn: TurnReader, over: Over, on_event: OnEvent) -> Turn:
        name = self._process.name
        for ask in self.client.asks:
            if ask.raised:
                on_event(AskWithdrawn(ask.ask_id, "the turn has ended"))
        try:
            response = None if over.error else PromptResponse.model_validate(over.response)
        except ValidationError as error:
            stop = over.response.get("stopReason")
            raise AgentFailure("protocol", f"{name} ended its turn in an unknown way: {stop!r}") from error
        for event in turn.finish(response is not None and response.stop_reason == "end_turn"):
            on_event(event)
        if response is None:
            raise self._failure(over.error)
        if self._meter.ended(response):
            on_event(UsageReported(self._meter.usage))
        self.preamble = ""
        return turn_of(name, response, turn.text, on_event)

    def _failure(self, error: RequestError | AgentFailure | None) -> AgentFailure:
        if isinstance(error, RequestError):
            if self._process.wants_login(error):
                return self._process.failure_of(error, "session/prompt")
            return failures.turn_failed(self._process.name, error)
        stderr = self._process.child.stderr_tail
        return failures.died(
            self._process.name, self._process.child.returncode, stderr, during="in the middle of its turn"
        )

    async def _abort(self, items: MemoryObjectReceiveStream[Item]) -> None:
        with anyio.move_on_after(self._limits.abort_seconds):
            await self._process.notify("session/cancel", {"sessionId": self._process.session_id})
            self.client.asks.drop()
            async for item in items:
                if isinstance(item, Over):
                    return
                self.client.asks.drop()  # what it asked meanwhile

    # -- what the session is told between and in its turns -----------------------------------------

    def _meter_or_settings(self, update: dict[str, Any]) -> bool:
        """Take an update about the session itself; True when the money changed."""
        match update.get("sessionUpdate"):
            case "usage_update":
                return self._meter.updated(update)
            case "config_option_update":
                try:
                    self.settings.configured(ConfigOptionUpdate.model_validate(update))
                except ValidationError:
                    return False
        return False
