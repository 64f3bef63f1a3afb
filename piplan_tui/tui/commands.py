"""The palette: every command that can be given now, by name, what is likely to be wanted first."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from piplan_tui.tui.actions import Action
from piplan_tui.tui.key_names import all_keys, keymap_of
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.widgets.key_bar import KeyBar

THEME = "Theme"
_OF_THE_APP = 2
_MOVES = 3
"""Groups that come last: everywhere the same, and what nobody opens a list for."""


@dataclass(frozen=True)
class _Command:
    title: str
    keys: str
    effect: str
    perform: Callable[[], object]


class ActionCommands(Provider):
    """Commands of the screen from which the palette was opened."""

    def _available(self) -> list[_Command]:
        screen = self.screen
        theme = _Command(THEME, "", "Other colours, also for the next start", self.app.action_change_theme)
        if not isinstance(screen, ActionScreen):
            return [theme]
        context = screen.action_context()
        keymap = keymap_of(self.app)
        in_bar = [offer.id for bar in screen.query(KeyBar) for offer in bar.offers]
        ranked: list[tuple[tuple[int, int], _Command]] = [((_OF_THE_APP, 0), theme)]
        for action in screen.actions():
            if action.id == "app.palette" or action.refusal(context):
                continue
            command = _Command(
                action.title, all_keys(action, keymap), action.tooltip, partial(screen.perform, action)
            )
            ranked.append((_rank(action, in_bar), command))
        return [command for _, command in sorted(ranked, key=lambda pair: pair[0])]

    def _help(self, command: _Command) -> str | None:
        # where there are few rows, they are for commands
        return None if self.screen.has_class("-few-rows") else command.effect or None

    async def discover(self) -> Hits:
        for command in self._available():
            shown = _with_keys(Content(command.title), command)
            yield DiscoveryHit(shown, command.perform, text=command.title, help=self._help(command))

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for command in self._available():
            if (score := matcher.match(command.title)) > 0:
                shown = _with_keys(matcher.highlight(command.title), command)
                yield Hit(score, shown, command.perform, text=command.title, help=self._help(command))


def _rank(action: Action, in_bar: list[str]) -> tuple[int, int]:
    """First what the key bar offers, in its order: that is about the row or widget with the focus."""
    if action.where == "app":
        return _OF_THE_APP, 0
    if action.where == "tree" and action.id != "tree.open":
        return _MOVES, 0
    return (0, in_bar.index(action.id)) if action.id in in_bar else (1, 0)


def _with_keys(title: Content, command: _Command) -> Content:
    return Content.assemble(title, "  ", (command.keys, "dim")) if command.keys else title
