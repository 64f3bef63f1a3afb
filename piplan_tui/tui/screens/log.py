"""The whole screen for what an agent says and does, with search."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import ClassVar

import anyio.to_thread
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.widgets import Static

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.run.run import Run
from piplan_tui.run.state import StepState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.run.transcript_reader import Found, Part, TranscriptFind, read_part, read_part_before
from piplan_tui.tui.actions import Where, bindings_for
from piplan_tui.tui.background import in_background
from piplan_tui.tui.plain_list import content_for
from piplan_tui.tui.refusals import ActionContext
from piplan_tui.tui.screens.action_screen import ActionScreen
from piplan_tui.tui.screens.run_view import RunWatcher
from piplan_tui.tui.step_detail import title_line
from piplan_tui.tui.widgets.key_bar import KeyBar
from piplan_tui.tui.widgets.log_view import LogView
from piplan_tui.tui.widgets.search_bar import SearchBar
from piplan_tui.views.line import Span, one_line

_PART_BYTES = 150_000
"""How much of a transcript is shown at once, where it is not the live end."""
_SLICE_BYTES = 2_000_000
"""How much of a transcript is searched between two looks at what the user wants."""


class LogScreen(RunWatcher, ActionScreen):
    """An attempt of a step: its live end, or any part of its file.

    Scrolling beyond an edge shows the part before or after; End goes back to the live end. The search goes through
    the whole file, in a thread and in slices; Enter keeps its matches, Esc forgets them.
    """

    PLACES: ClassVar[tuple[Where, ...]] = ("log", "app")
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("log", "app")

    def __init__(self, run: Run | StoredRun, step: StepState) -> None:
        super().__init__()
        self._run = run
        self._step = step
        self._attempt = step.attempt.number if step.attempt else 0
        self._path = run.transcripts.path(step.id, self._attempt)
        self._start = 0
        """Where in the file begins what is shown at the live end."""
        self._part: Part | None = None
        """What is shown, where it is not the live end."""
        self._search = ""
        self._find: TranscriptFind | None = None
        self._at: Found | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        yield Static(id="log-title", markup=False)
        yield LogView(id="log", clock=lambda: self._run.now().timestamp(), markdown=False)
        yield KeyBar()

    @property
    def _view(self) -> LogView:
        return self.query_one(LogView)

    def on_mount(self) -> None:
        self._view.focus()
        self._show_title()
        self.update_key_bar()
        self._load_end()

    def on_unmount(self) -> None:
        self._unsubscribe()

    def run_changed(self) -> None:
        """The title and the keys; what is said comes by itself."""
        self._show_title()
        self.update_key_bar()

    # -- which part is shown -----------------------------------------------------------------------

    def _load_end(self) -> None:
        in_background(self, self._show_end, exclusive=True, group="transcript")

    async def _show_end(self) -> None:
        transcripts = self._run.transcripts
        if self._path is None:
            history = await transcripts.tail(self._step.id, self._attempt)
        else:
            part = await transcripts.tail_part(self._step.id, self._attempt, _PART_BYTES)
            self._start, history = part.start, [event for _, event in part.said]
        # nothing awaits from here on, so nothing is said between what was read and what is heard
        self._part = None
        self._view.show(history)
        self._unsubscribe()
        self._unsubscribe = transcripts.subscribe(self._said)
        self._show_title()

    def _said(self, step_id: str, attempt: int, event: SessionEvent) -> None:
        if (step_id, attempt) == (self._step.id, self._attempt) and self._part is None:
            self._view.write(event)

    def on_log_view_beyond_edge(self, message: LogView.BeyondEdge) -> None:
        if self._path is not None:
            look = partial(self._turn, self._path, message.by, message.far)
            in_background(self, look, exclusive=True, group="transcript")

    async def _turn(self, path: Path, by: int, far: bool) -> None:
        part = self._part
        if by < 0:
            # what the live view dropped is between its beginning and what it shows
            end = sys.maxsize if part is None and self._view.is_cut else part.start if part else self._start
            if end == 0:
                return
            read = (
                partial(read_part, path, 0, _PART_BYTES)
                if far
                else partial(read_part_before, path, end, _PART_BYTES)
            )
            self._show_part(await anyio.to_thread.run_sync(read), from_end=not far)
        elif part is not None and far:
            await self._show_end()
        elif part is not None:
            after = await anyio.to_thread.run_sync(read_part, path, part.end, _PART_BYTES)
            if after.said:
                self._show_part(after, from_end=False)
            else:
                await self._show_end()

    def _show_part(self, part: Part, *, from_end: bool) -> None:
        if part.said:
            self._part = part
            self._view.show_part(part.said, from_end=from_end)
            self._show_title()

    # -- the title ---------------------------------------------------------------------------------

    def _show_title(self) -> None:
        spans = title_line(self._step)
        if self._part is not None and self._part.size:
            spans.append(Span(f" · {100 * self._part.start // self._part.size} % · End: live", "dim"))
        if self._search:
            spans.append(Span(f" · {one_line(self._search)}: ", "accent"))
            spans.append(self._search_state())
        self.query_one("#log-title", Static).update(content_for(self.app, spans))

    def _search_state(self) -> Span:
        find = self._find
        if find is None:
            found, position, doing = self._view.matches, self._view.match_position, ""
        else:
            found = find.total
            position = find.position(self._at) if self._at is not None else 0
            doing = "" if find.done else f" · searching {100 * find.scanned // max(1, find.size)} %"
        if not found:
            return Span("not found" if not doing else doing.lstrip(" ·"), "attention")
        return Span(f"{position:,} of {found:,}{doing}", "accent")

    # -- the search --------------------------------------------------------------------------------

    def action_context(self) -> ActionContext:
        return ActionContext(state=self._run.state, step=self._step, searched=bool(self._search))

    def do_back(self) -> None:
        self.dismiss()

    def on_transcript_view_search_wanted(self) -> None:
        self.do_search()

    def do_search(self) -> None:
        if bars := self.query(SearchBar):
            bars.first().focus_field()
        else:
            self.mount(SearchBar("", placeholder="text in the log"), before=self.query_one(KeyBar))

    def on_search_bar_typed(self, message: SearchBar.Typed) -> None:
        self._begin_search(message.text)

    def on_search_bar_done(self, message: SearchBar.Done) -> None:
        if message.given_up:
            self._begin_search("")
        self._view.focus()

    def _begin_search(self, text: str) -> None:
        self._search, self._at, self._find = text, None, None
        if self._path is None:
            self._view.search(text)
        elif text:
            self._view.mark(text)
            self._find = TranscriptFind(self._path, text)
            in_background(self, partial(self._go_through, self._find), exclusive=True, group="search")
        else:
            self.workers.cancel_group(self, "search")
            self._view.mark("")
        self._show_title()
        self.update_key_bar()

    async def _go_through(self, find: TranscriptFind) -> None:
        """Search the whole file; go to a match near what is shown, as soon as that is known."""
        await self._run.transcripts.tail_part(self._step.id, self._attempt, 0)  # what is not written yet
        shown = self._view.top_place if self._part is not None else self._start
        while not find.done:
            await anyio.to_thread.run_sync(find.scan, _SLICE_BYTES)
            self._show_title()
        found = find.nearest(shown or 0) if self._part is not None else find.next(None, -1)
        await self._go_to(found)

    async def _go_to(self, found: Found | None) -> None:
        if found is None or self._path is None:
            return
        self._at = found
        part = self._part
        if part is None or not part.start <= found.place < part.end:
            read = partial(read_part, self._path, max(0, found.place - _PART_BYTES // 2), _PART_BYTES)
            self._show_part(await anyio.to_thread.run_sync(read), from_end=False)
        self._view.go_to_place(found.place, found.number)
        self._show_title()

    def on_transcript_view_at_match(self) -> None:
        self._show_title()

    def do_next_match(self) -> None:
        self._step_match(1)

    def do_previous_match(self) -> None:
        self._step_match(-1)

    def _step_match(self, by: int) -> None:
        if self._find is not None:
            go = partial(self._go_to, self._find.next(self._at, by))
            in_background(self, go, exclusive=True, group="transcript")
        elif by > 0:
            self._view.next_match()
        else:
            self._view.previous_match()
