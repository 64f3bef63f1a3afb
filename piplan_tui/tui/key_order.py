"""Every key acts after the ones that were typed before it, and on what those opened."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic

from textual import events, on
from textual.app import App, ReturnType
from textual.dom import DOMNode
from textual.message_pump import MessagePump
from textual.widgets import Input, TextArea

from piplan_tui.tui.actions import MOVERS, OPENERS
from piplan_tui.tui.thrifty_app import ThriftyApp

LONGEST_WAIT = 3.0
"""Seconds after which the next key acts although the one before it is still being worked on."""
LONGEST_HOLD = 0.5
"""Seconds after which the next key acts although nothing has got the focus that the one before it should open."""
_MOST_ROUNDS = 20


class OrderedKeysApp(ThriftyApp[ReturnType], Generic[ReturnType]):
    """Hands on one key at a time, and the next when all that came of it is done: the focus may be elsewhere then.

    Textual gives a key to what has the focus as soon as it arrives. It lies there in a queue, and a key with a
    binding that goes before others is carried out at once: it overtakes what was typed. Keys that stay where they
    are do not wait for each other, because its queue keeps them in order: letters for a text field, and what moves
    a cursor. After a key that opens something, the next ones wait until that has the focus.

    A screen whose keys are no bindings says with `opens_with(key, character)` which of them open something.
    """

    def __init__(self) -> None:
        super().__init__()
        self._to_come: deque[events.Key | events.Paste] = deque()
        self._unread = False
        """Whether something was given keys since it was last seen to have taken everything in."""
        self._settling: asyncio.Task[None] | None = None
        self._holders = 0
        self._opened = asyncio.Event()
        """Set once what is being opened has the focus, or is not going to get it."""
        self.last_key_at = 0.0
        """When the last key came, by the monotonic clock."""

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.Paste) and not event.is_forwarded:
            self.last_key_at = time.monotonic()
            self._to_come.append(event)
            await self._hand_on()
        else:
            await super().on_event(event)

    @property
    def holds_keys(self) -> bool:
        """Whether keys have to wait."""
        return self._settling is not None or self._holders > 0

    async def _hand_on(self) -> None:
        while self._to_come and not self.holds_keys:
            if not self.screen_stack:  # it is being closed
                self._to_come.clear()
                return
            event = self._to_come[0]
            if isinstance(event, events.Paste) or self._stays(event):
                self._unread = True
                await super().on_event(self._to_come.popleft())
            elif self._unread:
                self._settle()
            else:
                self._to_come.popleft()
                nodes, opens = self._keyed, self._opens(event)
                self._opened.clear()
                await super().on_event(event)
                self._settle(nodes, opens=opens)

    @contextmanager
    def hold_keys(self) -> Iterator[None]:
        """Have keys wait until the end of this, because what they are for is just being moved."""
        self._holders += 1
        try:
            yield
        finally:
            self._holders -= 1
            self.call_later(self._hand_on)

    def let_keys_go(self) -> None:
        """Nothing opens after all, or nothing in it takes the focus: the keys that wait for it are to act."""
        self._opened.set()

    @on(events.DescendantFocus)
    def _focused(self) -> None:
        self.let_keys_go()

    # -- what keys are for -------------------------------------------------------------------------

    def _stays(self, key: events.Key) -> bool:
        """Whether this key never moves the focus, nor goes before others."""
        focused = self.focused
        typed = isinstance(focused, Input | TextArea) and focused.check_consume_key(key.key, key.character)
        return typed or self._bound(key) in MOVERS

    def _opens(self, key: events.Key) -> bool:
        """Whether what is typed after this key is for what it opens."""
        opens_with = getattr(self.screen, "opens_with", None)
        if opens_with is not None and opens_with(key.key, key.character):
            return True
        return self._bound(key) in OPENERS

    def _bound(self, key: events.Key) -> str:
        """The id of what this key does now, if it has one."""
        for _, bindings in self.screen._modal_binding_chain:
            if found := bindings.key_to_bindings.get(key.key):
                return found[0].id or ""
        return ""

    # -- when all that came of a key is done -------------------------------------------------------

    @property
    def _keyed(self) -> list[DOMNode]:
        """What a key goes through, from what has the focus to the app."""
        return [*(self.focused or self.screen).ancestors_with_self]

    def _settle(self, nodes: Iterable[DOMNode] = (), *, opens: bool = False) -> None:
        self._settling = asyncio.create_task(self._wait_for(list(nodes), opens))

    async def _wait_for(self, nodes: list[DOMNode], opens: bool) -> None:
        try:
            async with asyncio.timeout(LONGEST_WAIT):
                if opens:
                    with suppress(TimeoutError):
                        await asyncio.wait_for(self._opened.wait(), LONGEST_HOLD)
                for _ in range(_MOST_ROUNDS):
                    asked = dict.fromkeys([*nodes, *(self._keyed if self.screen_stack else ())])
                    await _passed(asked)
                    if not any(_is_open(node) and node.message_queue_size for node in asked):
                        break
        except TimeoutError:
            pass
        finally:
            self._settling = None
            self._unread = False
            self.call_later(self._hand_on)


def let_keys_go(app: App[Any]) -> None:
    """Have no key wait for something to open, if the app is one that has keys wait."""
    if isinstance(app, OrderedKeysApp):
        app.let_keys_go()


@contextmanager
def keys_held(app: App[Any]) -> Iterator[None]:
    """Have keys wait until the end of this, if the app is one that can."""
    if isinstance(app, OrderedKeysApp):
        with app.hold_keys():
            yield
    else:
        yield


async def _passed(nodes: Iterable[MessagePump]) -> None:
    """Wait until each of these has done what was in its queue."""
    reached = []
    for node in nodes:
        done = asyncio.Event()
        if _is_open(node) and node.call_later(done.set):
            reached.append(done)
    for done in reached:
        await done.wait()


def _is_open(node: MessagePump) -> bool:
    return node.is_running and not node._closing
