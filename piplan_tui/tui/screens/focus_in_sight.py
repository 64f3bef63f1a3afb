"""What every screen of the program has, dialogs included."""

from __future__ import annotations

from typing import ClassVar

from textual import events, on
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen, Screen, ScreenResultType

from piplan_tui.tui.sparing_compositor import SparingCompositor

FEW_ROWS = 16
"""Below this the screens have the class `-few-rows`: what is there has to share the rows more closely."""


class FocusInSight(Screen[ScreenResultType]):
    """Scrolls what has the focus back into sight after every change of the terminal's size."""

    BINDINGS: ClassVar[list[BindingType]] = [
        # here too, because what is bound by the app does not reach a dialog
        Binding("ctrl+l", "app.do_redraw", show=False, id="app.redraw"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._compositor = SparingCompositor()

    @on(events.Mount)
    def _take_the_rows(self) -> None:
        # a notice about the key before would stand over what is asked now
        if isinstance(self, ModalScreen) and self.app.size.height < FEW_ROWS:
            self.app.clear_notifications()

    @on(events.Resize)
    def _resized(self) -> None:
        self.call_after_refresh(self._scroll_to_focus)

    def _scroll_to_focus(self, *, again: bool = True) -> None:
        if self.focused is not None:
            self.focused.scroll_visible(animate=False, immediate=True)
        if again:  # what is inside may arrange itself anew at the same event, which needs another round
            self.call_after_refresh(self._scroll_to_focus, again=False)
