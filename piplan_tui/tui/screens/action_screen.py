"""What all screens of the program have: commands from the registry, refused with a sentence."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.widget import Widget

from piplan_tui.tui.actions import BY_ID, Action, Where, actions_for
from piplan_tui.tui.key_names import keymap_of, with_keys
from piplan_tui.tui.key_offers import LiveKeys, live_keys, offers
from piplan_tui.tui.key_order import let_keys_go
from piplan_tui.tui.refusals import ActionContext
from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.views.line import as_sentence

BOTTOM_SCREENS = 2
"""Textual's own empty screen, and the first of ours; what is above these can be gone back from."""


class ActionScreen(FocusInSight[None]):
    """A command `place.name` is carried out by the method `do_name`."""

    PLACES: ClassVar[tuple[Where, ...]] = ("app",)
    LEFT_OUT: ClassVar[frozenset[str]] = frozenset()
    """Commands of these places that mean something else here."""

    _live_at: tuple[Widget | None, LiveKeys] | None = None
    """What had the focus when it was last looked which keys do what."""

    def action_context(self) -> ActionContext:
        """What commands are about just now."""
        return ActionContext()

    def actions(self) -> list[Action]:
        """Every command that can be given on this screen, whether now or not."""
        return [action for action in actions_for(*self.PLACES) if action.id not in self.LEFT_OUT]

    async def action_do(self, action_id: str) -> None:
        await self.perform(BY_ID[action_id])

    async def perform(self, action: Action) -> None:
        """Carry a command out, or say why not."""
        if refusal := action.refusal(self.action_context()):
            self.refuse(refusal)
            return
        if action.command:
            target = self.focused if action.where == "tree" and self.focused is not None else self
            await target.run_action(action.command)
            return
        name = f"do_{action.id.partition('.')[2]}"
        owner = self if hasattr(self, name) else self.app
        result = getattr(owner, name)()
        if result is not None:
            await result

    def refuse(self, refusal: str) -> None:
        """Say why a command cannot be carried out now, in the sentence of a `Refusal`."""
        said = with_keys(refusal, keymap_of(self.app))
        self.notify(as_sentence(said), severity="warning", markup=False)
        let_keys_go(self.app)

    def update_key_bar(self) -> None:
        """Offer what can be done now, by keys that do it where the focus is."""
        if self._live_at is None or self._live_at[0] is not self.focused:
            self._live_at = self.focused, live_keys(self)
        labels = self.bar_labels()
        for bar in self.query(KeyBar):
            bar.offers = offers(self.actions(), self.action_context(), self._live_at[1], labels)

    def bar_labels(self) -> dict[str, str]:
        """By the id of a command or binding, what the key bar says of it here; an empty label hides it."""
        return {}

    @on(events.DescendantFocus)
    def _focus_moved(self) -> None:
        self.update_key_bar()

    @on(events.DescendantBlur)
    def _focus_lost(self) -> None:
        self.call_after_refresh(self.update_key_bar)

    async def on_key_bar_pressed(self, message: KeyBar.Pressed) -> None:
        if (action := BY_ID.get(message.offer.id)) is not None:
            await self.perform(action)
        elif (bound := self.active_bindings.get(message.offer.pressed)) is not None:
            await self.app.run_action(bound.binding.action, bound.node)
