"""What is wrong in a table of the config file, and how it is said."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping
from typing import Any

from piplan_tui.clean import printable
from piplan_tui.run.permission import POLICIES_SAID, read_policy

Problem = tuple[tuple[str, ...], str]
"""Where in the config file, as a path of keys, and what is wrong there."""


def name_of(path: tuple[str, ...]) -> str:
    """A path of keys as a message names it."""
    return printable(".".join(path))


def shown(value: Any) -> str:
    """A value of the file as a message quotes it."""
    return f'"{printable(value)}"' if isinstance(value, str) else printable(repr(value))


def unknown_settings(
    table: Mapping[str, Any], known: Collection[str], path: tuple[str, ...], name: str
) -> Iterator[Problem]:
    """A problem for each key of a table that it cannot have."""
    for key in table:
        if key not in known:
            guess = difflib.get_close_matches(key, known, n=1)
            hint = f'; did you mean "{guess[0]}"?' if guess else f"; it has {', '.join(known)}"
            yield (*path, key), f"{name} has no setting {shown(key)}{hint}"


def policy_problems(value: Any, where: tuple[str, ...], name: str) -> Iterator[Problem]:
    """What is wrong with a permission policy, if anything is."""
    if not isinstance(value, str) or read_policy(value) is None:
        yield where, f"{name} is {shown(value)}, but must be {POLICIES_SAID}"
