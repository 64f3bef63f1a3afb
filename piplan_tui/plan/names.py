"""Which ids can be names of folders, on every system that a run folder may be copied to."""

from __future__ import annotations

import unicodedata

MAX_BYTES = 120
_WINDOWS_DEVICES = frozenset(
    ["con", "prn", "aux", "nul", "conin$", "conout$"]
    + [f"{port}{digit}" for port in ("com", "lpt") for digit in "0123456789¹²³"]
)
_FORBIDDEN = frozenset('/\\:*?"<>|')
# direction marks and overrides, zero-width characters: what is on screen would not be what is on disk
_INVISIBLE = frozenset(
    "\u061c\u200b\u200e\u200f\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def folder_name_problem(name: str) -> str | None:
    """Why `name` cannot be the name of a folder, as the end of a sentence; `None` when it can."""
    if not name:
        return "is empty"
    if name in {".", ".."}:
        return "is not a name but a way through folders"
    for char in name:
        if char in _FORBIDDEN:
            return f"contains {char}"
        if unicodedata.category(char) in {"Cc", "Cs", "Zl", "Zp"}:
            return f"contains a control character (U+{ord(char):04X})"
        if char in _INVISIBLE:
            return f"contains an invisible character (U+{ord(char):04X})"
    if name.startswith("."):
        return "begins with a dot"
    if name[0].isspace():
        return "begins with a space"
    if name.endswith("."):
        return "ends with a dot"
    if name[-1].isspace():
        return "ends with a space"
    if name.split(".", 1)[0].rstrip(" ").lower() in _WINDOWS_DEVICES:
        return "is the name of a device on Windows"
    if (size := len(name.encode())) > MAX_BYTES:
        return f"is {size} bytes long, more than {MAX_BYTES}"
    return None


def folder_key(name: str) -> str:
    """Equal for two names that are one folder where case or composed characters do not count."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())
