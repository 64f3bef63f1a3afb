"""Foreign text made safe for a terminal: no escape sequences, no control characters, no reordering of text.

What agents, models and plan files write is data. Nothing of it may move the cursor, set the clipboard or
the title, or show other text than is there. This module imports nothing of the project.

`clean_text` drops what would act: for text that is to be read, such as an agent's. `printable` shows it as
escapes instead: for a name or a value that a message quotes, so that its author sees what is wrong with it.
"""

from __future__ import annotations

import re

# A sequence may not be longer than this: an opening without an end must not swallow what follows it, and a
# stream must not hold back text without limit.
_LONGEST = 65_536

_STRING_START = "(?:\x1b[\\]P_^X]|[\x9d\x90\x9f\x9e\x98])"
_CSI_START = "(?:\x1b\\[|\x9b)"
_INVISIBLE = "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"
# A string ends at ST or BEL. Any other control of these cuts it off, as terminals do.
_STRING_BODY = f"[^\x07\x18\x1a\x1b\x80-\x9f]{{0,{_LONGEST}}}"
_CSI_BODY = "[0-?]{0,256}[ -/]{0,16}"
# A joiner between anything but pictures has no width that terminals agree about.
_PICTURE = "\u2190-\u21ff\u2300-\u23ff\u2460-\u27bf\u2900-\u2bff\U0001f000-\U0001faff"
_JOINER = f"(?:(?<![{_PICTURE}\ufe0f])\u200d|\u200d(?![{_PICTURE}]))"

_REMOVE = re.compile(
    f"{_STRING_START}(?:{_STRING_BODY}(?:\x1b\\\\|[\x07\x9c])|[^\x00-\x08\x0a-\x1f\x7f-\x9f\u2028\u2029]*)"
    f"|{_CSI_START}{_CSI_BODY}[@-~]?"
    "|\x1b[ -/]{0,16}[0-~]?"
    "|(?P<newline>\r+\n?|[\u2028\u2029])"
    "|(?P<surrogate>[\ud800-\udfff])"
    f"|{_JOINER}"
    f"|[\x00-\x08\x0b-\x1f\x7f-\x9f{_INVISIBLE}]+?"
)
_DIRTY = re.compile(f"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u2028\u2029{_INVISIBLE}]|{_JOINER}")
_BLANKS = re.compile("[\n\t]+")
_STRING_OPEN = re.compile(f"{_STRING_START}{_STRING_BODY}\x1b?\\Z")
_STRING_EVENT = re.compile("[\x07\x18\x1a\x1b\x80-\x9f]")
_UNFINISHED = re.compile(
    f"{_STRING_START}{_STRING_BODY}\x1b?\\Z|{_CSI_START}{_CSI_BODY}\\Z|\x1b[ -/]{{0,16}}\\Z|(?<!\r)\r+\\Z|\u200d\\Z"
)


_JOINED = "\u200d"


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "newline":
        return "\n"
    return "\ufffd" if kind == "surrogate" else ""


def clean_text(text: str, *, keep_newlines: bool = True) -> str:
    """`text` without anything that a terminal would act on.

    Escape sequences go whole, also in their 8-bit forms; one that never ends goes up to the end of its line.
    Carriage returns and the Unicode line separators become newlines; every other control character, DEL, C1,
    the bidi marks, overrides and isolates, and zero-width joiners that do not join two pictures are dropped; a
    lone surrogate becomes U+FFFD. Tabs and newlines stay, unless `keep_newlines` is false: then each run of them
    becomes one space, for labels and rows.
    Cleaning twice changes nothing.
    """
    if _DIRTY.search(text) is not None:
        text = _REMOVE.sub(_replacement, text)
    if not keep_newlines:
        text = _BLANKS.sub(" ", text)
    return text


def printable(text: str) -> str:
    """`text` on one line, with escapes such as `\\u001b` for all that a terminal would act on."""
    if text.isprintable():
        return text
    return "".join(char if char.isprintable() else _escaped(char) for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


class StreamCleaner:
    """`clean_text` for text that arrives in pieces: a sequence may be split anywhere between them.

    The pieces given back add up to `clean_text` of the pieces put in.
    """

    def __init__(self) -> None:
        self._held: list[str] = []
        self._held_length = 0
        self._in_string = False
        self._last = ""
        """The character before what comes next: it may be joined to it."""

    def feed(self, chunk: str) -> str:
        """What can be shown now; the beginning of an unfinished sequence is held back for the next call."""
        if not self._held and _DIRTY.search(chunk) is None:
            self._last = chunk[-1:] or self._last
            return chunk
        self._held.append(chunk)
        self._held_length += len(chunk)
        # Inside a long string every piece would be scanned again and again: wait for something to end it.
        if self._in_string and self._held_length <= _LONGEST and _STRING_EVENT.search(chunk) is None:
            return ""
        text = "".join(self._held)
        unfinished = _UNFINISHED.search(text)
        ready = text if unfinished is None else text[: unfinished.start()]
        rest = "" if unfinished is None else text[unfinished.start() :]
        if rest.startswith("\r"):
            rest = "\r"
        self._held = [rest] if rest else []
        self._held_length = len(rest)
        self._in_string = bool(rest) and not rest.endswith("\x1b") and _STRING_OPEN.match(rest) is not None
        return self._cleaned(ready)

    def finish(self) -> str:
        """What was held back, now that nothing follows. The cleaner can be used again."""
        rest = "".join(self._held)
        self._held = []
        self._held_length = 0
        self._in_string = False
        shown, self._last = self._cleaned(rest), ""
        return shown

    def _cleaned(self, text: str) -> str:
        last, self._last = self._last, text[-1:] or self._last
        if text.startswith(_JOINED) and last not in ("", "\x1b") and last.isprintable():
            return clean_text(last + text)[1:]
        return clean_text(text)
