"""Text that is longer than its room, read with the keys of every other list."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll


class TextScroll(VerticalScroll):
    """Scrolls by j and k too, which would otherwise do nothing where the rows are not."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "scroll_down", "Down", show=False, id="text.down"),
        Binding("up,k", "scroll_up", "Up", show=False, id="text.up"),
        Binding("home,g", "scroll_home", "Top", show=False, id="text.top"),
        Binding("end,G", "scroll_end", "End", show=False, id="text.end"),
        Binding("pagedown,ctrl+d", "page_down", "Page down", show=False, id="text.page_down"),
        Binding("pageup,ctrl+u", "page_up", "Page up", show=False, id="text.page_up"),
    ]
