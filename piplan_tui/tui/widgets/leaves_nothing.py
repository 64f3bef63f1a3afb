"""What a field for text owes when it goes."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

from textual.app import App
from textual.timer import Timer


class LeavesNothing:
    """Lets Textual's fields be forgotten; to stand before `Input` or `TextArea` among the bases.

    Such a field listens to its screen, which keeps all that listens for as long as it lives itself. And one that is
    taken away while it is still being set up starts to blink after its timers were stopped.
    """

    # no widget itself: Textual takes styles and parts from the first base of a class alone
    _timers: WeakSet[Timer]
    app: App[Any]

    def on_unmount(self) -> None:
        for timer in list(self._timers):
            timer.stop()
        for screen in self.app.screen_stack:
            screen.text_selection_started_signal.unsubscribe(self)  # type: ignore[arg-type]  # it is a widget
