"""Keys as people read them, and as they chose them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from textual.binding import Binding
from textual.widget import Widget

from piplan_tui.tui.actions import BY_ID, Action

_NAMES = {
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "Esc",
    "enter": "Enter",
    "plus": "+",
    "minus": "-",
    "pagedown": "PgDn",
    "pageup": "PgUp",
    "down": "↓",
    "up": "↑",
    "left": "←",
    "right": "→",
    "home": "Home",
    "end": "End",
    "tab": "Tab",
    "space": "Space",
    "delete": "Del",
}
_TYPED = frozenset(name for name, shown in _NAMES.items() if len(shown) == 1 and shown not in "↓↑←→") | {
    "space"
}


def key_name(key: str) -> str:
    """A key as people read it: `ctrl+p` is `Ctrl-p`."""
    *modifiers, last = key.split("+")
    return "-".join([*(modifier.capitalize() for modifier in modifiers), _NAMES.get(last, last)])


def is_text(key: str) -> bool:
    """Whether a key is a character that is typed."""
    return len(key) == 1 or key in _TYPED


def keymap_of(app: object) -> Mapping[str, str]:
    """The keys that the user chose, by action id."""
    keymap: Mapping[str, str] = getattr(app, "keys_by_id", {})
    return keymap


def first_key(action_id: str, keymap: Mapping[str, str] | None = None) -> str:
    """The key to show for an action."""
    keys = (keymap or {}).get(action_id) or BY_ID[action_id].keys
    return key_name(keys.split(",")[0])


_NAMED_KEY = re.compile(r"\{([a-z]+\.[a-z_0-9]+)\}")


def with_keys(text: str, keymap: Mapping[str, str] | None = None) -> str:
    """`text` with the key in place of each command that it names, such as `{run.retry}`."""

    def key(found: re.Match[str]) -> str:
        return first_key(found[1], keymap) if found[1] in BY_ID else found[0]

    return _NAMED_KEY.sub(key, text)


def all_keys(action: Action, keymap: Mapping[str, str] | None = None) -> str:
    """Every key of an action."""
    return keys_shown(action.id, action.keys, keymap)


def keys_shown(binding_id: str, default: str, keymap: Mapping[str, str] | None = None) -> str:
    """Every key of a binding, which by default has the keys `default`, as people read them."""
    keys = (keymap or {}).get(binding_id) or default
    return " ".join(key_name(key) for key in keys.split(","))


def own_key(widget: Widget, binding_id: str) -> str:
    """The key to show for one of the bindings in `BINDINGS` of a widget or dialog."""
    own = {binding.id: binding.key for binding in widget.BINDINGS if isinstance(binding, Binding)}
    return key_name((keymap_of(widget.app).get(binding_id) or own[binding_id]).split(",")[0])
