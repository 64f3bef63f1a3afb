"""The two lines above a run."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from textual.content import Content
from textual.widget import Widget

from piplan_tui.run.state import RunState
from piplan_tui.tui.own_runs import OwnRuns
from piplan_tui.tui.plain_list import MARK_CELLS, sentence_line, wants_plain_list
from piplan_tui.tui.spans import to_content
from piplan_tui.views.estimate import Estimate
from piplan_tui.views.header import header_lines
from piplan_tui.views.line import Span
from piplan_tui.views.spoken import calm, header_sentences
from piplan_tui.views.spoken_rows import facts_in_words


class RunHeader(Widget):
    """Two lines, three of words; `bring_up_to_date` draws them anew when they say something else."""

    def __init__(self, state: RunState, *, now: Callable[[], datetime]) -> None:
        super().__init__()
        self.state = state
        self._now = now
        self._estimate = Estimate()
        self._drawn: tuple[list[Span], list[Span]] | None = None
        self.facts: list[Span] | None = None
        """What the second line says in place of counts and progress, before there are any."""

    def bring_up_to_date(self) -> None:
        """To be called whenever something happened to the run, and once a second for its clock."""
        if self._lines() != self._drawn:
            self.refresh()

    def _lines(self) -> tuple[list[Span], list[Span]]:
        now = self._now()
        left = self._estimate.left(self.state, now)
        if wants_plain_list(self.app):
            width = self.size.width
            sentences = header_sentences(
                self.state, calm(now), width - MARK_CELLS, left=left, elsewhere=self._asks_elsewhere
            )
            first = sentence_line(sentences[0], width, cursor=False)
            rest = [Span(sentences[1])] if self.facts is None else facts_in_words(self.facts)
            return first, [Span("  "), *rest]
        elsewhere = self._asks_elsewhere
        first, second = header_lines(self.state, now, self.size.width, left=left, elsewhere=elsewhere)
        return first, second if self.facts is None else [Span(" "), *self.facts]

    @property
    def _asks_elsewhere(self) -> int:
        """Questions of other runs of this process."""
        own = getattr(self.app, "own", None)
        return own.asks_besides(self.state.run_id) if isinstance(own, OwnRuns) else 0

    def render(self) -> Content:
        first, second = self._drawn = self._lines()
        below = to_content(second)
        if not wants_plain_list(self.app):  # where it has two lines, for nothing to be cut
            below = below.truncate(self.size.width, ellipsis=True)
        return Content("\n").join([to_content(first), below])
