"""A view that stays at its end as lines are added, until the user scrolls up."""

from __future__ import annotations

from textual import events
from textual.reactive import reactive
from textual.scrollbar import ScrollTo, ScrollUp

from piplan_tui.tui.widgets.known_lines import KnownLines


class FollowingView(KnownLines):
    """`follow` keeps the end in sight; scrolling up lets go of it. Whoever adds lines scrolls to the end."""

    follow: reactive[bool] = reactive(True, repaint=False)
    """Whether the view stays at the end as lines come in."""

    def watch_show_vertical_scrollbar(self, show: bool) -> None:
        # it comes a moment after the scrolling that made it necessary, and would show the place before
        if show:
            self.vertical_scrollbar.position = self.scroll_y

    def watch_follow(self, follow: bool) -> None:
        if follow and self.is_mounted:
            self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def action_scroll_up(self) -> None:
        self.scroll_rows(-1)

    def action_scroll_down(self) -> None:
        self.scroll_rows(1)

    def action_page_up(self) -> None:
        self.scroll_rows(-max(1, self.scrollable_size.height - 1))

    def action_page_down(self) -> None:
        self.scroll_rows(max(1, self.scrollable_size.height - 1))

    def action_half_page(self, direction: int) -> None:
        self.scroll_rows(direction * max(1, self.scrollable_size.height // 2))

    def action_scroll_home(self) -> None:
        self.scroll_rows(-self.virtual_size.height)

    def action_scroll_end(self) -> None:
        self.follow = True
        self.scroll_to(y=self.max_scroll_y, animate=False, force=True)

    def scroll_rows(self, rows: int) -> None:
        """Scroll by this many rows, up when it is negative, which lets go of the end."""
        if rows < 0:
            self.follow = False
        self.scroll_to(y=self.scroll_offset.y + rows, animate=False, force=True)

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        if self.max_scroll_y:
            self.follow = False

    def on_scroll_up(self, event: ScrollUp) -> None:
        self.follow = False

    def on_scroll_to(self, event: ScrollTo) -> None:
        if event.y is not None and event.y < self.max_scroll_y:
            self.follow = False
