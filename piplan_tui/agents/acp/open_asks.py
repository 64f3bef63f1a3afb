"""The questions of a session that wait for an answer."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import anyio

from piplan_tui.agents.acp import asks
from piplan_tui.agents.protocol import AskReply


@dataclass
class OpenAsk:
    """A question that is open: its request as it came, and where its answer is awaited."""

    ask_id: str
    method: str
    request_id: int | str | None
    request: dict[str, Any]
    call_id: str = ""
    raised: bool = False
    answered: anyio.Event = field(default_factory=anyio.Event)
    answer: dict[str, Any] = field(default_factory=dict)


class OpenAsks:
    """Each is taken out once, by who answers it or calls it off."""

    def __init__(self) -> None:
        self._all: dict[str, OpenAsk] = {}

    def __bool__(self) -> bool:
        return bool(self._all)

    def __iter__(self) -> Iterator[OpenAsk]:
        return iter(list(self._all.values()))

    def __contains__(self, ask: OpenAsk) -> bool:
        return ask.ask_id in self._all

    def add(
        self, method: str, request: dict[str, Any], request_id: int | str | None = None, call_id: str = ""
    ) -> OpenAsk:
        ask = OpenAsk(f"ask_{uuid.uuid4().hex[:12]}", method, request_id, request, call_id)
        self._all[ask.ask_id] = ask
        return ask

    def reply(self, ask_id: str, reply: AskReply) -> bool:
        """Pass on the user's answer. False when the question is not open."""
        ask = self._all.get(ask_id)
        if ask is None:
            return False
        self.close(ask, asks.answer_of(ask.method, ask.request, reply))
        return True

    def close(self, ask: OpenAsk, answer: dict[str, Any]) -> None:
        self._all.pop(ask.ask_id, None)
        ask.answer = answer
        ask.answered.set()

    def drop(self) -> None:
        """Nobody will answer any more."""
        for ask in self:
            self.close(ask, asks.cancelled(ask.method))
