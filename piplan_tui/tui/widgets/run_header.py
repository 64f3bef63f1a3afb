"""The two lines above a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from piplan_tui.run.state import RunState
from piplan_tui.tui.spans import to_content
from piplan_tui.views.header import header_lines
from piplan_tui.views.line import Span


class RunHeader(Widget):
    """Always two lines; `refresh()` is all it takes to bring it up to date."""

    def __init__(self, state: RunState, *, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.state = state
        self._now = now
        self.facts: list[Span] | None = None
        """What the second line says in place of counts and progress, before there are any."""

    def render(self) -> Content:
        first, second = header_lines(self.state, self._now(), self.size.width)
        if self.facts is not None:
            second = [Span(" "), *self.facts]
        return Content("\n").join(
            [to_content(first), to_content(second).truncate(self.size.width, ellipsis=True)]
        )
