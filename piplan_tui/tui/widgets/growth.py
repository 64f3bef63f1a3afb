"""Lets a scroll view get longer without laying the whole screen out anew."""

from __future__ import annotations

from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.widget import Widget


def grow(view: ScrollView, size: Size) -> None:
    """Give the view another virtual size. Only when its scrollbar comes or goes does that move anything else."""
    if size == view.virtual_size:
        return
    has_bar = view.show_vertical_scrollbar
    needs_bar = size.height > view.size.height
    if size.width != view.virtual_size.width or not view.size:
        view.virtual_size = size
        return
    view.set_reactive(Widget.virtual_size, size)
    if has_bar != needs_bar:
        view._scroll_update(size)  # now, because the layout would find that another one is needed after it
    if has_bar:
        view.vertical_scrollbar.window_virtual_size = size.height
