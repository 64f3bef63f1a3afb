"""Regular expressions that agents wrote, matched in linear time.

RE2 has no lookaround and no backreferences; a pattern that needs them is not checked, and that is said.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any

import re2  # type: ignore[import-untyped]  # it ships no types

_LONGEST_PATTERN = 1_000
_UNICODE_ESCAPE = re.compile(r"(?<!\\)((?:\\\\)*)\\u([0-9a-fA-F]{4})")


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> Any:
    if len(pattern) > _LONGEST_PATTERN:
        return None
    options = re2.Options()
    options.log_errors = False
    options.max_mem = 1 << 20
    try:
        return re2.compile(_UNICODE_ESCAPE.sub(r"\1\\x{\2}", pattern), options)
    except (re2.error, UnicodeError, ValueError):
        return None


def usable(pattern: str) -> bool:
    """Whether `matches` can tell anything about this pattern."""
    return _compiled(pattern) is not None


def matches(pattern: str, text: str) -> bool:
    """Whether `pattern` is found in `text`, as JSON Schema means it; true for a pattern that is not usable."""
    expression = _compiled(pattern)
    if expression is None:
        return True
    return expression.search(text.encode("utf-8", "replace").decode("utf-8")) is not None


def glob_matches(glob: str, path: str) -> bool:
    """Whether a relative path with forward slashes fits a glob with `*`, `?`, `**`, `[…]` and `{a,b}`.

    A glob without a slash is held against the last part of the path. Case does not matter.
    """
    if "/" not in glob:
        path = path.rsplit("/", 1)[-1]
    return matches("^(?i:" + _from_glob(glob) + ")$", path)


def _from_glob(glob: str) -> str:
    out: list[str] = []
    place = 0
    braces = 0
    while place < len(glob):
        character = glob[place]
        if glob.startswith("**/", place):
            out.append("(?:.*/)?")
            place += 3
            continue
        if glob.startswith("**", place):
            out.append(".*")
            place += 2
            continue
        end = glob.find("]", place + 2) if character == "[" else -1
        if end > 0:
            inside = glob[place + 1 : end].replace("\\", "\\\\").replace("[", "\\[")
            out.append("[" + ("^" + inside[1:] if inside.startswith("!") else inside) + "]")
            place = end + 1
            continue
        if character == "{" and "}" in glob[place:]:
            out.append("(?:")
            braces += 1
        elif character == "}" and braces:
            out.append(")")
            braces -= 1
        elif character == "," and braces:
            out.append("|")
        else:
            out.append({"*": "[^/]*", "?": "[^/]"}.get(character) or re2.escape(character))
        place += 1
    return "".join(out)
