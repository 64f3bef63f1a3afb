"""What an agent's process asks of the session that it serves and tells it, in a turn and between two."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import anyio.abc
from acp.exceptions import RequestError
from acp.schema import RequestPermissionRequest
from anyio.streams.memory import MemoryObjectSendStream

from piplan_tui.agents.acp import asks
from piplan_tui.agents.acp.open_asks import OpenAsk, OpenAsks
from piplan_tui.agents.acp.services import serve
from piplan_tui.agents.acp.terminals import Terminals
from piplan_tui.agents.acp.transport import Call
from piplan_tui.agents.acp.turn_end import Item, TerminalChanged, put, put_nowait
from piplan_tui.agents.acp.updates import TurnReader
from piplan_tui.agents.protocol import AskWithdrawn, Notice

_MAX_NOTICES = 100
_ELICITATIONS = ("form", "url")
_CHANGES = ("fs/write_text_file", "terminal/create")


class SessionClient:
    """See `process.Client`. What comes in while a turn listens goes to it, in order; `workspace` is resolved.

    `on_idle_update` gets what comes in while none does: the replay of an earlier conversation, for one.
    """

    def __init__(
        self,
        name: str,
        workspace: Path,
        environment: Mapping[str, str],
        tasks: anyio.abc.TaskGroup,
        terminate_seconds: float,
        on_idle_update: Callable[[dict[str, Any]], object],
    ) -> None:
        self._name = name
        self._workspace = workspace
        self._tasks = tasks
        self._on_idle_update = on_idle_update
        self._turn: TurnReader | None = None
        self._sender: MemoryObjectSendStream[Item] | None = None
        self._garbled = 0
        self.asks = OpenAsks()
        self.terminals = Terminals(tasks, environment, self._terminal_changed, terminate_seconds)
        self.denied = False
        """Whether nothing may be changed or run for the agent."""

    def listen(self, turn: TurnReader, sender: MemoryObjectSendStream[Item]) -> None:
        """From now on, tell this turn."""
        self._turn, self._sender = turn, sender

    def ignore(self) -> None:
        """No turn listens any more, and nobody will answer what is open."""
        self._turn = self._sender = None
        self.asks.drop()

    async def updated(self, update: dict[str, Any]) -> None:
        if self._sender:
            await put(self._sender, update)
        else:
            self._on_idle_update(update)

    async def asked(self, method: str, call: Call) -> dict[str, Any]:
        if method in (asks.PERMISSION, asks.ELICITATION):
            return await self._ask(method, call)
        if self.denied and method in _CHANGES:
            raise RequestError(-32602, f"{method} is denied by the user's policy")
        answer = await serve(method, call.params, self._workspace, self.terminals)
        if answer is None:
            raise RequestError.method_not_found(method)
        return answer

    def called_off(self, request_id: object) -> None:
        for ask in [ask for ask in self.asks if ask.request_id == request_id]:
            self._withdraw(ask, asks.cancelled(ask.method), "the agent does not ask any more")

    def completed(self, elicitation_id: object) -> None:
        for ask in [a for a in self.asks if a.request.get("elicitationId") == elicitation_id]:
            self._withdraw(ask, {"action": "accept"}, "it was done at the address")

    def garbled(self, line: str) -> None:
        self._garbled += 1
        if self._sender and self._garbled <= _MAX_NOTICES:
            text = f"{self._name} wrote a line that is not of the protocol: {line}"
            put_nowait(self._sender, Notice(text, "warning"))

    async def _ask(self, method: str, call: Call) -> dict[str, Any]:
        if not self._sender:
            return asks.cancelled(method)
        call_id = ""
        if method == asks.PERMISSION:
            call_id = RequestPermissionRequest.model_validate(call.params).tool_call.tool_call_id
        elif call.params.get("mode") not in _ELICITATIONS:
            raise RequestError(-32602, "elicitation is possible in the modes form and url")
        known = self._turn.known_call(call_id) if call_id and self._turn else {}
        request = asks.input_request(method, call.params, known)
        ask = self.asks.add(method, request, call.request_id, call_id)
        await put(self._sender, ask)
        await ask.answered.wait()
        return ask.answer

    async def asked_by_tool(self, request: dict[str, Any]) -> dict[str, Any]:
        """What the session's model asks with our tool; the result is the user's answer."""
        if not self._sender:
            return asks.cancelled(asks.ASK_USER)
        ask = self.asks.add(asks.ASK_USER, asks.tool_request(request))
        await put(self._sender, ask)
        try:
            await ask.answered.wait()
        except BaseException:
            if ask in self.asks:
                self._withdraw(ask, asks.cancelled(ask.method), "the agent does not wait any more")
            raise
        return ask.answer

    def _withdraw(self, ask: OpenAsk, answer: dict[str, Any], reason: str) -> None:
        self.asks.close(ask, answer)
        if self._sender and ask.raised:
            self._tasks.start_soon(put, self._sender, AskWithdrawn(ask.ask_id, reason))

    def _terminal_changed(self, terminal_id: str) -> None:
        if self._sender:
            put_nowait(self._sender, TerminalChanged(terminal_id))
