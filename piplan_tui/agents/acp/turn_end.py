"""How a turn ends, and how what happens in it gets to who follows it."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import Any, TypeVar

import anyio
from acp.exceptions import RequestError
from acp.schema import PromptResponse
from anyio.streams.memory import MemoryObjectSendStream

from piplan_tui.agents.acp.open_asks import OpenAsk
from piplan_tui.agents.failures import in_sentence
from piplan_tui.agents.protocol import AgentFailure, Notice, OnEvent, SessionEvent, Turn

T = TypeVar("T")


@dataclass(frozen=True)
class Over:
    """The agent answered the prompt, with one or the other."""

    response: dict[str, Any]
    error: RequestError | AgentFailure | None = None


@dataclass(frozen=True)
class TerminalChanged:
    """A terminal of the agent wrote something, or ended."""

    terminal_id: str


Item = dict[str, Any] | OpenAsk | Over | TerminalChanged | SessionEvent
"""What goes to who follows a turn: session updates as they came, and what happened beside them."""


def turn_of(name: str, response: PromptResponse, text: str, on_event: OnEvent) -> Turn:
    """The turn that the agent's answer to a prompt makes.

    Raises:
        AgentFailure: the agent refused to go on.
    """
    match response.stop_reason:
        case "refusal":
            said = in_sentence(text)
            raise AgentFailure("provider", f"{name} refused to go on" + (f": {said}" if said else ""))
        case "cancelled":
            return Turn(text=text, stop="aborted")
        case "max_tokens":
            return Turn(text=text, stop="length")
        case "max_turn_requests":
            on_event(Notice(f"{name} reached its limit of model requests for one turn", "warning"))
            return Turn(text=text, stop="length")
    return Turn(text=text)


async def put(sender: MemoryObjectSendStream[T], item: T) -> None:
    """Pass on, unless nobody is listening any more."""
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await sender.send(item)


def put_nowait(sender: MemoryObjectSendStream[T], item: T) -> None:
    """Pass on if there is room: only for a warning, or a picture of a terminal that the next one replaces."""
    with suppress(anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
        sender.send_nowait(item)
