"""Keys that are typed while a field or a dialog is being opened go to it, never to what it was opened from."""

from __future__ import annotations

from typing import Generic

from textual import events, on
from textual.app import ReturnType
from textual.timer import Timer

from piplan_tui.tui.actions import MOVERS, OPENERS
from piplan_tui.tui.key_order import OrderedKeysApp

LONGEST_HOLD = 0.5
"""Seconds after which keys are let go although nothing has got the focus."""


class TypeAheadApp(OrderedKeysApp[ReturnType], Generic[ReturnType]):
    """After a key that opens something, the next ones are held until that has the focus.

    A screen whose keys are no bindings says with `opens_with(key, character)` which of them open something.
    """

    def __init__(self) -> None:
        super().__init__()
        self._opening: Timer | None = None
        """Ends the waiting for what is being opened."""

    @property
    def holds_keys(self) -> bool:
        return self._opening is not None or super().holds_keys

    async def _act(self, key: events.Event) -> None:
        if isinstance(key, events.Key) and self._opens(key):
            self._opening = self.set_timer(LONGEST_HOLD, self.let_keys_go)
        await super()._act(key)

    def _stays(self, key: events.Key) -> bool:
        return super()._stays(key) or self._bound(key) in MOVERS

    def _opens(self, key: events.Key) -> bool:
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

    @on(events.DescendantFocus)
    def _focused(self) -> None:
        self.let_keys_go()

    def let_keys_go(self) -> None:
        """Give the keys that were held to what has the focus now."""
        if self._opening is not None:
            self._opening.stop()
            self._opening = None
            self.call_later(self._hand_on)
