"""An app that writes to its terminal no more than what changed, and nothing while the terminal does not read."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from typing import Any, Generic, TypeVar

from rich.color import ColorSystem
from rich.console import COLOR_SYSTEMS, Console, ConsoleOptions, RenderableType, RenderResult
from rich.control import Control
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate, CompositorUpdate, LayoutUpdate
from textual.app import App
from textual.screen import Screen
from textual.strip import Strip

from piplan_tui.tui.terminal_cells import Run, TerminalCells
from piplan_tui.tui.terminal_driver import lasting_driver
from piplan_tui.tui.terminal_writer import TerminalWriter

ReturnType = TypeVar("ReturnType")
_PLAIN = Style()
Place = tuple[int, int, list[Strip]]
"""Line, column, and what stands there from now on."""


class Difference(CompositorUpdate):
    """Only what a picture changes."""

    def __init__(self, runs: list[tuple[int, Run]]) -> None:
        self._runs = runs

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        for y, (x, texts) in self._runs:
            yield Control.move_to(x, y)
            yield from (Segment(text, style) for text, style in texts)

    def render_segments(self, console: Console) -> str:
        colors = COLOR_SYSTEMS.get(console.color_system or "", ColorSystem.TRUECOLOR)
        sequences: list[str] = []
        for y, (x, texts) in self._runs:
            sequences.append(f"\x1b[{y + 1};{x + 1}H")
            sequences += [Strip.render_style(style or _PLAIN, text, colors) for text, style in texts]
        return "".join(sequences)


class ThriftyApp(App[ReturnType], Generic[ReturnType]):
    """Textual paints whole widgets; over a slow line, that is many times what changed."""

    def __init__(self) -> None:
        super().__init__(driver_class=lasting_driver(self._terminal_taken))
        self._cells = TerminalCells()
        self._writer: TerminalWriter | None = None
        self._owes_picture = False

    def _terminal_taken(self, writer: TerminalWriter) -> Callable[[], None]:
        loop = asyncio.get_running_loop()
        self._writer = writer
        self._cells.forget()
        if self.is_running:
            loop.call_soon_threadsafe(self.repaint)  # back from a suspension: the terminal's screen is empty

        def caught_up() -> None:
            if not loop.is_closed():
                loop.call_soon_threadsafe(self._paint_what_was_left_out)

        return caught_up

    def _paint_what_was_left_out(self) -> None:
        if self._owes_picture and self.is_running:
            self._owes_picture = False
            self.screen.refresh()

    def repaint(self) -> None:
        """Write the whole screen again, for when something else wrote over it."""
        self._cells.forget()
        self.screen.refresh()

    def _display(self, screen: Screen[Any], renderable: RenderableType | None) -> None:
        # while it batches, Textual writes nothing of what it is given
        written = self._running and not self._closed and not self._batch_count
        if self._writer is None or not written or not isinstance(renderable, ChopsUpdate | LayoutUpdate):
            super()._display(screen, renderable)
        elif self._writer.behind:
            self._owes_picture = True
            super()._display(screen, None)
        else:
            super()._display(screen, self._difference(renderable))

    def _difference(self, update: ChopsUpdate | LayoutUpdate) -> Difference | None:
        cells = self._cells
        cells.resize(self.size.width, self.size.height)
        places = places_of_layout(update) if isinstance(update, LayoutUpdate) else places_of_chops(update)
        runs = [(y, run) for y, x, strips in places for run in cells.changes(y, x, strips)]
        moved = self.cursor_position != self._previous_cursor_position
        return Difference(runs) if runs or moved else None


def places_of_layout(update: LayoutUpdate) -> Iterator[Place]:
    for y, strips in enumerate(update.strips, update.region.y):
        yield y, update.region.x, list(strips)


def places_of_chops(update: ChopsUpdate) -> Iterator[Place]:
    done: set[tuple[int, int]] = set()
    for y, first, last in update.spans:
        for end, (x, strip) in zip(update.chop_ends[y], update.chops[y].items(), strict=False):
            # outside of the span there may be what lies behind a widget that was not drawn
            if strip is not None and x < last and end > first and (y, x) not in done:
                done.add((y, x))
                yield y, x, [strip]
