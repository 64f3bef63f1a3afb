"""Sentences for the user that come from outside of the interface."""

from __future__ import annotations

from collections.abc import Callable


class Notices:
    """Called with a sentence: shows it while the interface is open, and keeps it otherwise, to be printed."""

    def __init__(self) -> None:
        self.kept: list[str] = []
        self.show: Callable[[str], None] | None = None

    def __call__(self, said: str) -> None:
        if self.show is not None:
            self.show(said)
        else:
            self.kept.append(said)
