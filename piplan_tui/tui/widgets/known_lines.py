"""Lines that were drawn already, for when they stand elsewhere: scrolling moves far more lines than it brings."""

from __future__ import annotations

from collections.abc import Hashable

from textual.cache import LRUCache
from textual.geometry import Region
from textual.scroll_view import ScrollView
from textual.strip import Strip

_MOST_LINES = 400


class KnownLines(ScrollView):
    """A view on the line API that draws no line twice.

    `line_key` says what a line shows, and gives `None` for one that is to be drawn every time.
    """

    def __init__(self, *, name: str | None = None, id: str | None = None, classes: str | None = None) -> None:
        super().__init__(name=name, id=id, classes=classes)
        self._known: LRUCache[Hashable, Strip] = LRUCache(_MOST_LINES)
        self._known_on: object = None
        """What all lines look like that are known."""

    def line_key(self, y: int) -> Hashable | None:
        """Equal for lines that `render_line` would draw equally; `y` is the one that it would be called with."""
        raise NotImplementedError

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self._known.clear()

    def render_lines(self, crop: Region) -> list[Strip]:
        on = (self.region.size, self.background_colors, self.opacity)
        if on != self._known_on:
            self._known_on = on
            self._known.clear()
        drawn = self._styles_cache
        top, height = self.styles.gutter.top, self.size.height
        new: list[tuple[int, Hashable]] = []
        for y in crop.line_range:
            if y in drawn._cache and not drawn.is_dirty(y):
                continue
            key = self.line_key(y - top) if 0 <= y - top < height else None
            if key is None:
                continue
            if (strip := self._known.get(key)) is None:
                new.append((y, key))
            else:
                drawn._cache[y] = strip
                drawn._dirty_lines.discard(y)
        strips = super().render_lines(crop)
        for y, key in new:
            self._known[key] = drawn._cache[y]
        return strips
