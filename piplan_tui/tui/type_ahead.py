"""Keys that are typed while a field or a dialog is being opened go to it, never to what it was opened from."""

from __future__ import annotations

from typing import Generic

from textual import events, on
from textual.app import ReturnType
from textual.timer import Timer
from textual.widgets import Input, TextArea

from piplan_tui.tui.actions import OPENERS
from piplan_tui.tui.thrifty_app import ThriftyApp

LONGEST_HOLD = 0.5
"""Seconds after which keys are let go although nothing has got the focus."""


class TypeAheadApp(ThriftyApp[ReturnType], Generic[ReturnType]):
    """After a key that opens something, the next ones are held until that has the focus.

    A screen whose keys are no bindings says with `opens_with(key, character)` which of them open something.
    """

    def __init__(self) -> None:
        super().__init__()
        self._held: list[events.Key] | None = None
        self._hold_ends: Timer | None = None

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key) and not event.is_forwarded:
            if self._held is not None:
                self._held.append(event)
                return
            if self._opens(event):
                self._held = []
                self._hold_ends = self.set_timer(LONGEST_HOLD, self.let_keys_go)
        await super().on_event(event)

    def _opens(self, event: events.Key) -> bool:
        if not self.screen_stack:
            return False  # it is being closed
        screen = self.screen
        if isinstance(screen.focused, Input | TextArea):
            return False
        opens_with = getattr(screen, "opens_with", None)
        if opens_with is not None and opens_with(event.key, event.character):
            return True
        for _, bindings in screen._modal_binding_chain:
            if found := bindings.key_to_bindings.get(event.key):
                return found[0].id in OPENERS
        return False

    @on(events.DescendantFocus)
    def _focused(self) -> None:
        self.let_keys_go()

    def let_keys_go(self) -> None:
        """Give the keys that were held to what has the focus now."""
        if self._held is not None:
            self.call_later(self._let_go)

    async def _let_go(self) -> None:
        if self._held is None:
            return
        held, self._held = self._held, None
        if self._hold_ends is not None:
            self._hold_ends.stop()
            self._hold_ends = None
        for key in held:
            await self.on_event(key)
