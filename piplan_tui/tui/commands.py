"""The palette: every command that can be given now, by name."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from piplan_tui.tui.actions import Action
from piplan_tui.tui.key_names import all_keys, keymap_of
from piplan_tui.tui.screens.action_screen import ActionScreen


class ActionCommands(Provider):
    """Commands of the screen from which the palette was opened."""

    def _available(self) -> list[tuple[Action, str, Callable[[], object]]]:
        screen = self.screen
        if not isinstance(screen, ActionScreen):
            return []
        context = screen.action_context()
        keymap = keymap_of(self.app)
        return [
            (
                action,
                f"{action.tooltip or action.title} ({all_keys(action, keymap)})",
                partial(screen.perform, action),
            )
            for action in screen.actions()
            if action.id != "app.palette" and not action.refusal(context)
        ]

    def _themes(self) -> tuple[str, str, Callable[[], object]]:
        return "Theme", "Other colours, also for the next start", self.app.action_change_theme

    async def discover(self) -> Hits:
        for action, help_text, command in self._available():
            yield DiscoveryHit(action.title, command, help=help_text)
        title, help_text, command = self._themes()
        yield DiscoveryHit(title, command, help=help_text)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for action, help_text, command in self._available():
            if (score := matcher.match(action.title)) > 0:
                yield Hit(score, matcher.highlight(action.title), command, help=help_text)
        title, help_text, command = self._themes()
        if (score := matcher.match(title)) > 0:
            yield Hit(score, matcher.highlight(title), command, help=help_text)
