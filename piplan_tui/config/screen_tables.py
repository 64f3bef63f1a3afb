"""The `[notify]` and `[keys]` tables of the config file.

[notify]                                # once for every question that a run asks
command = ["notify-send", "piplan"]     # gets the question as JSON on its stdin; a text goes to a shell
bell = true                             # the terminal view rings
desktop = "away"                        # ... and notifies: away (nobody looks at the terminal), always, never

[keys]                                  # of the terminal view; `?` shows what every command is called
"run.pause" = "b"
"run.stop" = ["X", "f8"]
"""

from __future__ import annotations

import difflib
import unicodedata
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from typing import Any, Literal, get_args

from piplan_tui.clean import printable
from piplan_tui.config.problem import Problem

Desktop = Literal["away", "always", "never"]
_NOTIFY = ("command", "bell", "desktop")
_EDITING = ("escape", "enter", "tab", "space", "backspace", "delete", "insert")
_MOVING = ("home", "end", "pageup", "pagedown", "up", "down", "left", "right")
_NAMED = frozenset((*_EDITING, *_MOVING, *(f"f{number}" for number in range(1, 25))))
_MODIFIERS = ("ctrl", "shift", "alt")
_CALLED = {
    "solidus": "slash",
    "reverse_solidus": "backslash",
    "commercial_at": "at",
    "hyphen_minus": "minus",
    "plus_sign": "plus",
    "low_line": "underscore",
}


@dataclass(frozen=True, slots=True)
class Notify:
    """How a question is told to somebody who may be away. `command` is words, or a text for a shell."""

    command: str | tuple[str, ...] = ()
    bell: bool = True
    desktop: Desktop = "away"


def notify_of(table: Mapping[str, Any]) -> Notify:
    """A `[notify]` table that has no problems."""
    command = table.get("command", ())
    return Notify(
        command=command if isinstance(command, str) else tuple(command),
        bell=table.get("bell", True),
        desktop=table.get("desktop", "away"),
    )


def notify_problems(table: Any) -> list[Problem]:
    """What is wrong with a `[notify]` table; empty when it can be used."""
    return list(_notify(table))


def _notify(table: Any) -> Iterator[Problem]:
    if not isinstance(table, dict):
        yield ("notify",), "notify must be a table: [notify]"
        return
    for name, value in table.items():
        path = ("notify", name)
        match name:
            case "command":
                words = isinstance(value, list) and all(isinstance(word, str) for word in value)
                if not value or not (isinstance(value, str) or words):
                    yield path, 'notify.command must be a list such as ["notify-send", "piplan"], or a text'
            case "bell":
                if not isinstance(value, bool):
                    yield path, "notify.bell must be true or false"
            case "desktop":
                if value not in get_args(Desktop):
                    yield path, "notify.desktop must be away, always or never"
            case _:
                yield path, f"unknown setting notify.{printable(name)}{_guess(name, _NOTIFY, 'notify.')}"


def keys_of(table: Mapping[str, Any]) -> dict[str, str]:
    """Keys by the ids of commands, as Textual names them, from a `[keys]` table that has no problems."""
    return {name: ",".join(filter(None, map(key_called, _listed(keys)))) for name, keys in _flat(table)}


def keys_problems(
    table: Any,
    defaults: Mapping[str, str],
    screens: Sequence[frozenset[str]],
    while_typing: Set[str] = frozenset(),
) -> list[Problem]:
    """What is wrong with a `[keys]` table; empty when it can be used.

    `defaults` are the keys of every command by its id; `screens` are sets of ids that are offered together;
    those of `while_typing` go before the text that is typed, so that their keys must type nothing.
    """
    if not isinstance(table, dict):
        return [(("keys",), "keys must be a table: [keys]")]
    problems: list[Problem] = []
    chosen: dict[str, set[str]] = {}
    for name, keys in _flat(table):
        path = _path(table, name)
        shown = printable(name)
        if name not in defaults:
            problems.append((path, f"there is no command {shown}{_guess(name, defaults)}"))
        elif not _listed(keys) or not all(isinstance(key, str) for key in _listed(keys)):
            problems.append((path, f'the keys of {shown} must be a text such as "b", or a list of them'))
        else:
            known = {key: key_called(key) for key in _listed(keys)}
            problems += [
                (path, f"{printable(key)} is no key; keys are written like b, B, ?, ctrl+b, f5 or escape")
                for key, found in known.items()
                if found is None
            ]
            chosen[name] = {found for found in known.values() if found}
            typed = [key for key, found in known.items() if found and (len(key) == 1 or found == "space")]
            if name in while_typing and typed:
                said = f"{printable(typed[0])} would be typed; {shown} needs a key like ctrl+b or f5"
                problems.append((path, said))
    return problems or list(_clashes(table, chosen, defaults, screens))


def _clashes(
    table: dict[str, Any],
    chosen: Mapping[str, set[str]],
    defaults: Mapping[str, str],
    screens: Sequence[frozenset[str]],
) -> Iterator[Problem]:
    told: set[frozenset[str]] = set()
    for name, keys in chosen.items():
        beside = frozenset[str]().union(*(screen for screen in screens if name in screen)) - {name}
        for other in sorted(beside):
            both = keys & chosen.get(other, set(defaults[other].split(",")))
            pair = frozenset((name, other))
            if both and pair not in told:
                told.add(pair)
                yield _path(table, name), f"{sorted(both)[0]} would be both {name} and {other}"


def key_called(key: str) -> str | None:
    """A key as Textual names it (`]` is `right_square_bracket`); `None` when it is none."""
    if len(key) == 1 and key.isprintable() and key != " ":
        if key.isascii() and key.isalnum():
            return key
        called = unicodedata.name(key, "").lower().replace("-", "_").replace(" ", "_")
        return _CALLED.get(called, called) or None
    *modifiers, last = key.split("+")
    if any(modifier not in _MODIFIERS for modifier in modifiers) or not last:
        return None
    if last in _NAMED or (modifiers and len(last) == 1 and last.isalnum()):
        return key
    is_name = not modifiers and last.isidentifier() and last in _CALLED.values()
    return key if is_name else None


def _listed(keys: Any) -> list[Any]:
    return keys if isinstance(keys, list) else [keys]


def _flat(table: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """`run.pause = "b"` is a table in a table for TOML, `"run.pause" = "b"` is not; both are meant."""
    for name, value in table.items():
        if isinstance(value, dict):
            for inner, keys in value.items():
                yield f"{name}.{inner}", keys
        else:
            yield name, value


def _path(table: Mapping[str, Any], name: str) -> tuple[str, ...]:
    return ("keys", name) if name in table else ("keys", *name.split(".", 1))


def _guess(name: str, known: Any, prefix: str = "") -> str:
    near = difflib.get_close_matches(name, list(known), n=1)
    return f"; did you mean {prefix}{near[0]}?" if near else ""
