"""Puts a picture together from those widgets only of which it shows something new."""

from __future__ import annotations

from collections.abc import Iterable

from textual._compositor import ChopsUpdate, Compositor
from textual.geometry import Region
from textual.strip import Strip


class SparingCompositor(Compositor):
    """Textual asks all widgets for all their lines in the smallest box around everything that changed."""

    def __init__(self) -> None:
        super().__init__()
        self._wanted: list[tuple[int, int, int]] | None = None
        """Lines, and from which column to which, that a picture in the making is to show."""

    def render_partial_update(self) -> ChopsUpdate | None:
        self._wanted = list(self._regions_to_spans(self._dirty_regions))
        try:
            return super().render_partial_update()
        finally:
            self._wanted = None

    def _get_renders(self, crop: Region | None = None) -> Iterable[tuple[Region, Region, list[Strip]]]:
        if self._wanted is None:
            yield from super()._get_renders(crop)
            return
        for widget, (region, clip) in self.visible_widgets.items():
            shown = region.intersection(clip)
            lines = [
                y
                for y, first, last in self._wanted
                if shown.y <= y < shown.bottom and first < shown.right and last > shown.x
            ]
            if lines and shown.width:
                part = Region(shown.x, lines[0], shown.width, lines[-1] - lines[0] + 1)
                yield part, part, widget.render_lines(part.translate(-region.offset))
