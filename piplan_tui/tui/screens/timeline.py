"""What took how long, what waited for the user, and which steps decide how long the run takes."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.content import Content
from textual.widgets import Static

from piplan_tui.run.state import RunState
from piplan_tui.tui.actions import Where, bindings_for
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.refusals import ActionContext
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.screens.run_view import RunWatcher
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.run_header import RunHeader
from piplan_tui.tui.widgets.timeline_view import TimelineView
from piplan_tui.views.critical_path import StepTimes, critical_path_spans
from piplan_tui.views.line import Span
from piplan_tui.views.spoken import calm
from piplan_tui.views.spoken_rows import critical_path_sentence
from piplan_tui.views.timeline import CRITICAL, FAILED, WAITING, WORKING

SHORT = 14
"""Lines below which only header and bars have room."""
_STEPS_PER_SECOND = 5_000
_LEGEND = (
    Span(f"{WORKING}", "accent"),
    Span(" worked  ", "dim"),
    Span(f"{WAITING}", "attention"),
    Span(" waited for you  ", "dim"),
    Span(f"{FAILED}", "failed"),
    Span(" failed  ", "dim"),
    Span(CRITICAL, "strong"),
    Span(" critical path", "dim"),
)


class TimelineScreen(RunWatcher, ActionScreen):
    """`state` is asked each time: a run can get another handle meanwhile."""

    PLACES: ClassVar[tuple[Where, ...]] = ("timeline", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("timeline", "app")

    def __init__(
        self,
        state: Callable[[], RunState],
        *,
        now: Callable[[], datetime],
        open_step: Callable[[str], None] = lambda step_id: None,
    ) -> None:
        super().__init__()
        self._open_step = open_step
        self._state = state
        self._now = now
        self._times = StepTimes()
        self._drawn_at = 0.0

    def compose(self) -> ComposeResult:
        yield RunHeader(self._state(), now=self._now)
        yield Static(id="critical-path", markup=False)
        yield TimelineView(self._state, now=self._now)
        yield Static(to_content(_LEGEND), id="timeline-legend", markup=False)
        yield KeyBar()

    def on_mount(self) -> None:
        self.query_one(TimelineView).focus()
        self.update_key_bar()
        self._show()

    def run_changed(self) -> None:
        """Bars grow, and steps come to their ends; the more steps there are, the more rarely all are looked at."""
        state, now = self._state(), time.monotonic()
        if state.ended or now - self._drawn_at >= len(state.order) / _STEPS_PER_SECOND:
            self._drawn_at = now
            self._show()
        else:
            self._show_header()
        self.update_key_bar()

    def on_resize(self) -> None:
        self.set_class(self.size.height < SHORT, "-short")
        self._show_path()

    def on_timeline_view_opened(self, message: TimelineView.Opened) -> None:
        self.dismiss()
        self._open_step(message.step_id)

    def _show(self) -> None:
        self._show_header()
        self._show_path()
        self.query_one(TimelineView).update_bars()

    def _show_header(self) -> None:
        header = self.query_one(RunHeader)
        header.state = self._state()
        header.bring_up_to_date()

    def _show_path(self) -> None:
        width = max(20, self.size.width - 2)
        now = self._now()
        self._times.read(self._state(), calm(now) if wants_plain_list(self.app) else now)
        path = self._times.critical_path()
        self.query_one(TimelineView).critical = frozenset(step.id for step in path.steps)
        if wants_plain_list(self.app):
            self.query_one("#critical-path", Static).update(Content(critical_path_sentence(path)))
            return
        lines = critical_path_spans(path, width)
        content = Content("\n").join([to_content(line).truncate(width, ellipsis=True) for line in lines])
        self.query_one("#critical-path", Static).update(content)

    def action_context(self) -> ActionContext:
        return ActionContext(state=self._state())

    def do_back(self) -> None:
        self.dismiss()

    def do_steps(self) -> None:
        self._group(False)

    def do_phases(self) -> None:
        self._group(True)

    def _group(self, grouped: bool) -> None:
        self.query_one(TimelineView).group(grouped)
