"""Looks for garbage while nobody waits: a look at all objects takes longer than a key may."""

from __future__ import annotations

import gc

LOOK_SECONDS = 1.0
"""How often to ask whether it is time."""
_REST_SECONDS = 2.0
"""Without a key before all objects are looked at."""
_YOUNG = 2_000
"""New objects after which these are looked at. Pictures are made of many small ones, which need no such look."""
_YOUNGEST_LOOKS = 10
_WORTH_A_LOOK = 2
_HIGH_TIME = 60
"""Times that something older was found worth keeping, after which all is looked at, whoever waits."""


class CollectorAtRest:
    """Sets Python's collector while the interface is there, and has it look at everything between keys."""

    def __init__(self) -> None:
        self._before: tuple[int, int, int] | None = None

    def begin(self) -> None:
        self._before = gc.get_threshold()
        gc.set_threshold(_YOUNG, _YOUNGEST_LOOKS, _HIGH_TIME)

    def end(self) -> None:
        if self._before is not None:
            gc.set_threshold(*self._before)
            self._before = None

    def look(self, rested: float) -> None:
        """Collect, if there may be something; `rested` are the seconds for which no key was pressed."""
        if rested > _REST_SECONDS and gc.get_count()[2] >= _WORTH_A_LOOK:
            gc.collect()
