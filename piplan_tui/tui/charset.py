"""Whether the terminal can show more than ASCII."""

from __future__ import annotations

from collections.abc import Mapping

_WITHOUT_UNICODE = frozenset({"linux", "dumb", "vt52", "vt100", "vt102", "vt220"})
"""Terminals whose fonts lack most of what is drawn here; Linux's own console has 512 signs at most."""
_PLAIN = frozenset({"C", "POSIX"})


def shows_unicode(environment: Mapping[str, str]) -> bool:
    """What the locale and the kind of terminal say; without a word from either, yes."""
    if environment.get("TERM", "") in _WITHOUT_UNICODE:
        return False
    overall, ctype, language = (environment.get(name, "") for name in ("LC_ALL", "LC_CTYPE", "LANG"))
    if not overall and ctype == "C.UTF-8" and language in _PLAIN:
        return False  # Python itself puts this LC_CTYPE there, for a locale that knows ASCII only
    locale = overall or ctype or language
    return not locale or "utf-8" in locale.lower() or "utf8" in locale.lower()


def cursor_sign(app: object) -> str:
    """What stands before the row under the cursor: none of the signs that states have."""
    return "@" if getattr(app, "ascii_only", False) else ">"
