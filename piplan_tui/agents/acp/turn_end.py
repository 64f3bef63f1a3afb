"""How a turn ends, and how what happens in it gets to who follows it."""

from __future__ import annotations

from contextlib import suppress
from typing import TypeVar

import anyio
from acp.schema import PromptResponse
from anyio.streams.memory import MemoryObjectSendStream

from piplan_tui.agents.failures import in_sentence
from piplan_tui.agents.protocol import AgentFailure, Notice, OnEvent, Turn

Item = TypeVar("Item")


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


async def put(sender: MemoryObjectSendStream[Item], item: Item) -> None:
    """Pass on, unless nobody is listening any more."""
    with suppress(anyio.BrokenResourceError, anyio.ClosedResourceError):
        await sender.send(item)


def put_nowait(sender: MemoryObjectSendStream[Item], item: Item) -> None:
    """Pass on if there is room: only for a warning, or a picture of a terminal that the next one replaces."""
    with suppress(anyio.WouldBlock, anyio.BrokenResourceError, anyio.ClosedResourceError):
        sender.send_nowait(item)
