"""The selected step: its question, its live output, its tools, context, result and attempts."""

from __future__ import annotations

from collections.abc import Callable, MutableMapping
from functools import partial
from pathlib import Path

import anyio
from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widgets import Static

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.run.run import Run
from piplan_tui.run.state import HOLDS_SLOT, PhaseState, StepState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.background import in_background
from piplan_tui.tui.key_names import first_key, keymap_of
from piplan_tui.tui.markdown_lines import wants_markdown
from piplan_tui.tui.phase_detail import phase_lines, phase_title_line
from piplan_tui.tui.plain_list import content_for, wants_plain_list
from piplan_tui.tui.step_detail import (
    MAX_TEXT,
    answers_lines,
    attempts_lines,
    context_lines,
    result_lines,
    title_line,
)
from piplan_tui.tui.tool_calls import ToolCalls
from piplan_tui.tui.widgets.ask_panel import AskPanel
from piplan_tui.tui.widgets.ask_place import FormPlace
from piplan_tui.tui.widgets.search_bar import SearchBar
from piplan_tui.tui.widgets.tab_bar import TabBar
from piplan_tui.tui.widgets.text_scroll import TextScroll
from piplan_tui.tui.widgets.transcript_view import TranscriptView
from piplan_tui.tui.workspace_file import NotReadable, open_inside
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.spoken import calm, step_sentence
from piplan_tui.views.why import why

_PARTS = 5
INPUT, OUTPUT, TOOLS, PROMPT, RESULT, TRIES = range(1, 7)


class DetailPane(Vertical):
    """Six tabs about one step. There is one transcript widget, used for whatever step is shown.

    A tab that the user chose stays open as the cursor moves on; until then an open question shows its form,
    a step that has not started its context, a failed one its error, and any other its output.
    """

    def __init__(
        self,
        run: Run | StoredRun,
        *,
        id: str | None = None,
        places: MutableMapping[str, FormPlace] | None = None,
    ) -> None:
        super().__init__(id=id)
        self.run = run
        self._places = places
        self.step: StepState | None = None
        self.phase: PhaseState | None = None
        """What is shown when it is no step."""
        self.chosen: int | None = None
        self._chosen_for_ask = False
        self._transcript_of: tuple[str, int] | None = None
        self._tools = ToolCalls()
        self._tools_changed = False
        self._text: list[Span] | None = None
        self._title: tuple[list[Span], int] | None = None
        self._result_of: tuple[str, int] | None = None
        self._result: str | None = None
        self._result_problem = ""
        self._message_ended = False
        self._unsubscribe: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        yield Static(id="detail-title", markup=False)
        yield TabBar()
        yield TranscriptView(
            id="output", clock=lambda: self.run.now().timestamp(), markdown=wants_markdown(self.app)
        )
        with TextScroll(id="text"):
            yield Static(id="text-body", markup=False)
        yield Container(id="input")

    def on_mount(self) -> None:
        self._listen()
        self._show()

    def on_unmount(self) -> None:
        self._unsubscribe()

    def use(self, run: Run | StoredRun) -> None:
        """Show another handle of the same run: this process has taken it over."""
        self._unsubscribe()
        self.run = run
        self._listen()
        step = run.state.steps.get(self.step.id) if self.step is not None else None
        phase = run.state.phases.get(self.phase.title) if self.phase is not None else None
        self.step = self.phase = None
        self.show_step(step, phase)

    def _listen(self) -> None:
        self._unsubscribe = self.run.transcripts.subscribe(self._said)

    # -- which step, which tab ---------------------------------------------------------------------

    @property
    def tab(self) -> int:
        """The tab that is open."""
        if self.chosen is not None:
            return self.chosen
        step = self.step
        if step is None:
            return PROMPT
        if step.asks:
            return INPUT
        if step.status == "failed":
            return RESULT
        return OUTPUT if step.attempts else PROMPT

    def show_step(self, step: StepState | None, phase: PhaseState | None = None) -> None:
        """Another step, or a phase where it is none. A tab that the user chose stays, unless the step asks."""
        if step is self.step and phase is self.phase:
            return
        self.step, self.phase = step, phase
        if step is not None and step.asks and self.chosen not in (None, INPUT):
            self.chosen = None
        if self.chosen == INPUT and (step is None or not step.asks):
            self.chosen = None
        self._result_of = None
        if self.is_mounted:
            self._show()

    def choose(self, tab: int) -> None:
        """Open a tab, because the user says so."""
        self.chosen = tab
        self._chosen_for_ask = tab == INPUT and bool(self.step and self.step.asks)
        self._show()
        self.focus_content()

    def focus_content(self) -> None:
        """Put the focus on what the tab shows."""
        if not self._whole:
            return
        tab = self.tab
        if self._has_output:
            self.query_one(TranscriptView).focus()
        elif tab == INPUT and (panel := self.ask_panel) is not None:
            panel.focus_form()
        else:
            self.query_one("#text").focus()

    @property
    def ask_panel(self) -> AskPanel | None:
        # one that is being taken away stays for a moment beside the one that takes its place
        return next((panel for panel in self.query(AskPanel) if not panel._pruning), None)

    def refresh_step(self) -> None:
        """The step changed: bring the open tab up to date."""
        if self.is_mounted:
            self._show()

    def tick(self) -> None:
        """Once a second: what shows a clock."""
        if not self._whole:
            return
        if (panel := self.ask_panel) is not None:
            panel.tick()
        if self.tab == TRIES or self.step is None:
            self._show_text()
        if self._tools_changed and self.tab == TOOLS:
            self._show_text()

    # -- drawing -----------------------------------------------------------------------------------

    @property
    def _whole(self) -> bool:
        """Whether all its parts are there; at a change of the terminal's size it comes and goes part by part."""
        return len(self.query("#detail-title, TabBar, #output, #text-body, #input")) == _PARTS

    def _show(self) -> None:
        if not self._whole:
            return
        step = self.step
        had_form = self._chosen_for_ask or self.ask_panel is not None
        if self.chosen == INPUT and had_form and not (step and step.asks):
            self.chosen = None  # its question was answered: on to what comes of it
        tab = self.tab
        title = self._title_line()
        if (title, self.size.width) != self._title:
            self._title = title, self.size.width
            words = wants_plain_list(self.app)
            said = content_for(self.app, title)
            if not words:
                said = said.truncate(self.size.width or 80)
            self.query_one("#detail-title", Static).update(said, layout=words)
        bar = self.query_one(TabBar)
        bar.display = step is not None
        bar.tab, bar.needs_you = tab, bool(step and step.asks)
        has_form = tab == INPUT and bool(step and step.asks)
        has_output = self._has_output
        self.query_one("#output").display = has_output
        self.query_one("#input").display = has_form
        self.query_one("#text").display = not has_output and not has_form
        self._sync_ask(has_form)
        self._sync_transcript()
        if not has_output and not has_form:
            self._show_text()

    @property
    def _has_output(self) -> bool:
        return self.tab == OUTPUT and self.step is not None and bool(self.step.attempts)

    def _title_line(self) -> list[Span]:
        state = self.run.state
        if self.step is not None and wants_plain_list(self.app):
            # all of the row, which is cut in the list where it is longer than the line
            return [Span(step_sentence(state, self.step, calm(self.run.now())), "strong")]
        if self.step is not None:
            return title_line(self.step)
        if self.phase is not None:
            return phase_title_line(state, self.phase)
        return [Span("No step selected", "dim")]

    def _sync_ask(self, wanted: bool) -> None:
        ask_id = self.step.asks[0] if wanted and self.step else None
        panel = self.ask_panel
        if panel is not None and panel.ask.id == ask_id:
            return
        if panel is not None:
            panel.remove()
        if ask_id is not None and (ask := self.run.state.asks.get(ask_id)) is not None:
            self.query_one("#input").mount(AskPanel(self.run, ask, self._places))

    def _show_text(self) -> None:
        step, now = self.step, self.run.now()
        spans: list[Span]
        if step is None:
            spans = phase_lines(self.run.state, self.phase, now) if self.phase else []
        elif self.tab == OUTPUT:
            spans = [
                Span("Nothing was said yet.\n\n", "dim"),
                *why(self.run.state, step, now).spans,
            ]
        elif self.tab == INPUT:
            spans = answers_lines(step)
        elif self.tab == TOOLS:
            self._tools_changed = False
            spans = self._tools.lines()
        elif self.tab == PROMPT:
            spans = context_lines(self.run.state, step)
        elif self.tab == RESULT:
            self._read_result(step)
            spans = result_lines(step, self._result, self._result_problem)
        else:
            spans = attempts_lines(step, calm(now) if wants_plain_list(self.app) else now)
        if spans != self._text:  # laying out long text anew is not for every event
            self._text = spans
            self.query_one("#text-body", Static).update(content_for(self.app, spans))

    # -- the transcript ----------------------------------------------------------------------------

    def _sync_transcript(self) -> None:
        step = self.step
        shown = (step.id, step.attempt.number) if step is not None and step.attempt is not None else None
        if shown == self._transcript_of:
            self._end_message()
            return
        self._transcript_of = None
        self._message_ended = False
        self._tools = ToolCalls()
        if shown is None:
            self.query_one(TranscriptView).show([])
        else:
            self.query_one(TranscriptView).expect()
            in_background(self, partial(self._load_transcript, shown), exclusive=True, group="transcript")

    async def _load_transcript(self, shown: tuple[str, int]) -> None:
        history = await self.run.transcripts.tail(*shown)
        if not self._whole:
            return
        # from here to the end nothing awaits: what is said after the history was read comes to `_said`
        self._transcript_of = shown
        for event in history:
            self._tools.add(event)
        self.query_one(TranscriptView).show(history)
        self._message_ended = False
        self._end_message()
        if self.tab == TOOLS:
            self._show_text()

    def _end_message(self) -> None:
        """What the agent said last is whole when it does not run any more."""
        step = self.step
        if not self._message_ended and step is not None and step.status not in HOLDS_SLOT:
            self._message_ended = True
            self.query_one(TranscriptView).end_message()

    def _said(self, step_id: str, attempt: int, event: SessionEvent) -> None:
        if (step_id, attempt) != self._transcript_of:
            return
        self._tools_changed = self._tools.add(event) or self._tools_changed
        for view in self.query(TranscriptView):
            view.write(event)

    def on_transcript_view_search_wanted(self) -> None:
        if bars := self.query(SearchBar):
            bars.first().focus_field()
        else:
            log = first_key("run.log", keymap_of(self.app))
            self.mount(SearchBar("", placeholder=f"text in the output; {log} has the whole log"))

    def on_search_bar_typed(self, message: SearchBar.Typed) -> None:
        message.stop()
        self.query_one(TranscriptView).search(message.text)

    def on_search_bar_done(self, message: SearchBar.Done) -> None:
        message.stop()
        view = self.query_one(TranscriptView)
        if message.given_up:
            view.search("")
        view.focus()

    # -- the result --------------------------------------------------------------------------------

    def _read_result(self, step: StepState) -> None:
        handoff = step.handoff
        if handoff is None or self._result_of == (step.id, handoff.attempt):
            return
        self._result_of = (step.id, handoff.attempt)
        self._result, self._result_problem = None, ""
        file = next((f for f in handoff.files if f.name == "result.json"), None)
        if file is None:
            self._result_problem = "the step left no result.json"
            return
        in_background(
            self, partial(self._load_result, Path(self.run.state.workspace), file.path), group="result"
        )

    async def _load_result(self, workspace: Path, name: str) -> None:
        wanted = self._result_of
        text, problem = await anyio.to_thread.run_sync(_read_inside, workspace, name)
        if wanted == self._result_of:
            self._result, self._result_problem = text, problem
            if self.tab == RESULT:
                self._show_text()


def _read_inside(folder: Path, name: str) -> tuple[str, str]:
    """The beginning of a file that must be inside the folder, and what is wrong with that."""
    try:
        with open_inside(folder, name) as file:
            return file.read(MAX_TEXT + 1).decode("utf-8", "replace"), ""
    except NotReadable as why:
        return "", f"{one_line(name)} {why}"
    except OSError as error:
        return "", f"{one_line(name)} cannot be read: {error.strerror or error}"
