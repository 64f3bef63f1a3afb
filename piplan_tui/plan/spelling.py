"""What somebody may have meant by a name that does not exist."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable

# how many comparisons of whole names one check may spend on guesses; they cost some 50 µs each
_BUDGET = 3_000


class Spelling:
    """Looks for the nearest of some known names. Bounded work, however many names are asked for.

    `likeness` is how much of two names must be the same, from 0 to 1.
    """

    def __init__(self, known: Iterable[str], likeness: float = 0.7) -> None:
        self._likeness = likeness
        self._known = list(known)
        self._plain = {plain(name): name for name in reversed(self._known)}
        self._one_off: dict[str, str] | None = None
        self._answers: dict[str, str | None] = {}
        self._budget = _BUDGET

    def nearest(self, name: str) -> str | None:
        """The known name that is most like `name`; `None` when none is near or the search would be long."""
        if len(name) > 200:
            return None
        if name not in self._answers:
            self._answers[name] = self._plain.get(plain(name)) or self._one_slip(name) or self._alike(name)
        return self._answers[name]

    def _one_slip(self, name: str) -> str | None:
        """One letter more, less, other or swapped: such names are equal after dropping one letter of each."""
        if self._one_off is None:
            self._one_off = {
                shorter: known
                for known in reversed(self._known)
                if 3 < len(known) <= 200
                for shorter in _shortened(known)
            }
        return next((self._one_off[short] for short in _shortened(name) if short in self._one_off), None)

    def _alike(self, name: str) -> str | None:
        if len(self._known) > self._budget:
            return None
        self._budget -= len(self._known)
        near = difflib.get_close_matches(name, self._known, n=1, cutoff=self._likeness)
        return near[0] if near else None


def _shortened(name: str) -> list[str]:
    return [name, *(name[:at] + name[at + 1 :] for at in range(len(name)))]


def plain(name: str) -> str:
    """`name` without case, dashes, underscores and spaces: `depends_on` and `dependsOn` become one."""
    return re.sub(r"[-_ ]", "", name).casefold()
