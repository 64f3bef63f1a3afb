"""A screen that shows what has the focus also when it gets smaller."""

from __future__ import annotations

from textual import events, on
from textual.screen import Screen, ScreenResultType


class FocusInSight(Screen[ScreenResultType]):
    """Scrolls what has the focus back into sight after every change of the terminal's size."""

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._scroll_to_focus)

    def _scroll_to_focus(self, *, again: bool = True) -> None:
        if self.focused is not None:
            self.focused.scroll_visible(animate=False, immediate=True)
        if again:  # what is inside may arrange itself anew at the same event, which needs another round
            self.call_after_refresh(self._scroll_to_focus, again=False)
