"""The whole screen for what an agent says and does, with search."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.run.run import Run
from piplan_tui.run.state import StepState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.actions import ActionContext, Where, bindings_for
from piplan_tui.tui.background import in_background
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.step_detail import title_line
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.search_bar import SearchBar
from piplan_tui.tui.widgets.transcript_view import TranscriptView
from piplan_tui.views.line import Span, one_line

_TAIL_BYTES = 4_000_000
"""How much of the end of a transcript is read: more than the 5,000 rows that the view keeps."""


class LogScreen(ActionScreen):
    """The newest attempt of a step, live. Enter in the search keeps its matches, Esc forgets them."""

    PLACES: ClassVar[tuple[Where, ...]] = ("log", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("log", "app")

    def __init__(self, run: Run | StoredRun, step: StepState) -> None:
        super().__init__()
        self._run = run
        self._step = step
        self._attempt = step.attempt.number if step.attempt else 0
        self._search = ""
        self._unsubscribe: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        yield Static(id="log-title", markup=False)
        yield TranscriptView(id="log")
        yield KeyBar()

    @property
    def _view(self) -> TranscriptView:
        return self.query_one(TranscriptView)

    def on_mount(self) -> None:
        self._view.focus()
        self._show_title()
        self.update_key_bar()
        in_background(self, self._load, group="transcript")

    def on_unmount(self) -> None:
        self._unsubscribe()

    async def _load(self) -> None:
        history = await self._run.transcripts.tail(self._step.id, self._attempt, _TAIL_BYTES)
        # nothing awaits from here on, so nothing is said between what was read and what is heard
        self._view.show(history)
        self._unsubscribe = self._run.transcripts.subscribe(self._said)

    def _said(self, step_id: str, attempt: int, event: SessionEvent) -> None:
        if (step_id, attempt) == (self._step.id, self._attempt):
            self._view.write(event)

    def _show_title(self) -> None:
        spans = title_line(self._step)
        if self._search:
            found = self._view.matches
            place = f"{self._view.match_position:,} of {found:,}" if found else "not found"
            spans.append(Span(f" · {one_line(self._search)}: {place}", "accent" if found else "attention"))
        self.query_one("#log-title", Static).update(to_content(spans))

    def action_context(self) -> ActionContext:
        return ActionContext(state=self._run.state, step=self._step)

    def do_back(self) -> None:
        self.dismiss()

    def do_search(self) -> None:
        if not self.query(SearchBar):
            self.mount(SearchBar("", placeholder="text in the log"), before=self.query_one(KeyBar))

    def on_search_bar_typed(self, message: SearchBar.Typed) -> None:
        self._find(message.text)

    def on_search_bar_done(self, message: SearchBar.Done) -> None:
        if message.given_up:
            self._find("")
        self._view.focus()

    def _find(self, text: str) -> None:
        self._search = text
        self._view.search(text)
        self._show_title()

    def on_transcript_view_at_match(self) -> None:
        self._show_title()

    def do_next_match(self) -> None:
        self._view.next_match()

    def do_previous_match(self) -> None:
        self._view.previous_match()
