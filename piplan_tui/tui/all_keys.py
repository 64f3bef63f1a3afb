"""Every key that can be replaced: those of commands and those of widgets. Imports Textual."""

from __future__ import annotations

from piplan_tui.tui.actions import ACTIONS, Where, actions_for
from piplan_tui.tui.widget_keys import widget_keys

_TOGETHER: tuple[tuple[Where, ...], ...] = (
    ("tree", "run", "detail", "app"),
    ("tree", "plan", "app"),
    ("tree", "home", "app"),
    ("timeline", "app"),
    ("log", "app"),
)


def default_keys() -> dict[str, str]:
    """The keys of every command and of every binding of a widget, by its id."""
    own = {key.id: key.keys for keys in widget_keys().values() for key in keys}
    return {**own, **{action.id: action.keys for action in ACTIONS}}


def offered_together() -> list[frozenset[str]]:
    """Sets of ids that are offered together, where a key can mean only one of them.

    A widget's own keys go before those of its screen while it has the focus, so they clash among themselves only.
    """
    screens = [frozenset(action.id for action in actions_for(*places)) for places in _TOGETHER]
    return [*screens, *(frozenset(key.id for key in keys) for keys in widget_keys().values())]


def used_while_typing() -> frozenset[str]:
    """Ids of bindings that are for when the focus is in a field, where a letter is text."""
    return frozenset(key.id for keys in widget_keys().values() for key in keys if key.while_typing)
