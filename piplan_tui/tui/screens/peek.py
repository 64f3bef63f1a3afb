"""A quick look at a step without leaving the tree: what it says, or what came of it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar, Literal, NamedTuple

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from piplan_tui.agents.protocol import SessionEvent
from piplan_tui.run.run import Run
from piplan_tui.run.state import HOLDS_SLOT, StepState
from piplan_tui.run.stored_run import StoredRun
from piplan_tui.tui.background import in_background
from piplan_tui.tui.key_names import own_key
from piplan_tui.tui.key_order import let_keys_go
from piplan_tui.tui.markdown_lines import wants_markdown
from piplan_tui.tui.plain_list import content_for, separator, wants_plain_list
from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.screens.run_view import RunWatcher
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.step_detail import goal_lines, result_lines, title_line
from piplan_tui.tui.widgets.transcript_view import TranscriptView
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.questions import whole_question
from piplan_tui.views.spoken import calm, step_sentence

PeekEnd = Literal["", "open", "answer"]

_TAIL_BYTES = 64_000
_FRAME_CELLS = 6


class _Picture(NamedTuple):
    """What is drawn: what is said of the step, the attempt whose output stands below it, and whether that runs."""

    text: list[Span]
    attempt: tuple[str, int] | None
    runs: bool


class PeekScreen(RunWatcher, FocusInSight[PeekEnd], ModalScreen[PeekEnd]):
    """`move` moves the cursor of the tree below and gives the step that is then under it.

    Ends with what is to be done with that step.
    """

    AUTO_FOCUS = ""  # j and k are for the rows below, not for the output
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,escape,q", "dismiss('')", "Close", id="peek.close"),
        Binding("enter", "dismiss('open')", "Open", id="peek.open"),
        Binding("a", "dismiss('answer')", "Answer", id="peek.answer"),
        Binding("j,down", "peek(1)", "Next row", id="peek.down"),
        Binding("k,up", "peek(-1)", "Previous row", id="peek.up"),
        Binding("pagedown", "page(1)", "Page down", id="peek.page_down"),
        Binding("pageup", "page(-1)", "Page up", id="peek.page_up"),
    ]

    def __init__(
        self, run: Run | StoredRun, step: StepState, move: Callable[[int], StepState | None]
    ) -> None:
        super().__init__()
        self._run = run
        self._step = step
        self._move = move
        self._shown: tuple[str, int] | None = None
        """The attempt whose output is heard."""
        self._drawn: _Picture | None = None
        self._unsubscribe: Callable[[], None] = lambda: None

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(id="dialog-title", markup=False)
            with VerticalScroll(id="peek-text", can_focus=False):
                yield Static(id="peek-said", markup=False)
            yield TranscriptView(id="peek-output", markdown=wants_markdown(self.app))
            yield Static(id="dialog-hint", markup=False)

    def on_mount(self) -> None:
        self._show_hint()
        self._unsubscribe = self._run.transcripts.subscribe(self._said)
        self._show()

    def on_resize(self) -> None:
        self._show_hint()

    def _show_hint(self) -> None:
        """As many keys as there is room for, those that lead away first."""
        hints = [
            f"{own_key(self, 'peek.close')} close",
            f"{own_key(self, 'peek.open')} open",
            f"{own_key(self, 'peek.down')}/{own_key(self, 'peek.up')} other rows",
            f"{own_key(self, 'peek.page_down')} more",
        ]
        between = separator(self.app)
        while len(hints) > 1 and cell_len(between.join(hints)) > self.size.width - _FRAME_CELLS:
            hints.pop()
        self.query_one("#dialog-hint", Static).update(to_content([Span(between.join(hints), "dim")]))

    def on_screen_resume(self) -> None:
        let_keys_go(self.app)  # nothing here takes the focus

    def on_unmount(self) -> None:
        self._unsubscribe()

    def action_peek(self, rows: int) -> None:
        if (step := self._move(rows)) is not None:
            self._step = step
            self._drawn = None
            self._show()

    def action_page(self, pages: int) -> None:
        """Through the text, then through the output; back the same way."""
        text, output = self.query_one("#peek-text"), self.query_one(TranscriptView)
        more = text.scroll_y < text.max_scroll_y
        at_top = not output.display or output.scroll_offset.y == 0
        if text.display and (more if pages > 0 else at_top):
            rows = max(1, text.scrollable_content_region.height - 1)
            text.scroll_relative(y=pages * rows, animate=False)
        elif pages > 0:
            output.action_page_down()
        else:
            output.action_page_up()

    def run_changed(self) -> None:
        """The step asks, ends or is tried again while it is looked at."""
        self._show()

    def _show(self) -> None:
        """Bring it up to date: what there is to say of the step, and below it the end of its output."""
        step = self._step
        if wants_plain_list(self.app):
            title = to_content([Span(step_sentence(self._run.state, step, calm(self._run.now())), "strong")])
        else:
            title = to_content(title_line(step)).truncate(max(20, self.size.width - 8), ellipsis=True)
        self.query_one("#dialog-title", Static).update(title)
        attempt = (step.id, step.attempt.number) if step.attempt is not None else None
        drawn = _Picture(self._text(step), attempt, step.status in HOLDS_SLOT)
        if drawn == self._drawn:
            return
        before, self._drawn = self._drawn, drawn
        self.query_one("#peek-text").display = bool(drawn.text)
        self.query_one("#peek-said", Static).update(content_for(self.app, drawn.text))
        view = self.query_one(TranscriptView)
        view.display = attempt is not None
        if before is not None and before.attempt == attempt:
            if not drawn.runs and self._shown is not None:
                view.end_message()
            return
        self._shown = None
        view.show([])
        if attempt is not None:
            in_background(self, partial(self._load, attempt), exclusive=True, group="transcript")

    def _text(self, step: StepState) -> list[Span]:
        """What there is to say of a step besides its output."""
        asks = [ask for name in step.asks if (ask := self._run.state.asks.get(name))]
        if asks:
            said = Span(f"? {whole_question(asks[0])}", "attention")
            press = f"press {own_key(self, 'peek.answer')}"
            return [said, Span(f"\n\n{one_line(step.id)} waits for your answer: {press}", "dim")]
        if step.attempt is None:
            return goal_lines(self._run.state, step)
        if step.handoff is not None:
            return [Span(one_line(step.handoff.summary) or "It gave no summary.")]
        return result_lines(step, None) if step.status == "failed" else []

    async def _load(self, shown: tuple[str, int]) -> None:
        history = await self._run.transcripts.tail(*shown, _TAIL_BYTES)
        # nothing awaits from here on, so nothing is said between what was read and what is heard
        self._shown = shown
        view = self.query_one(TranscriptView)
        view.show(history)
        if self._step.status not in HOLDS_SLOT:
            view.end_message()

    def _said(self, step_id: str, attempt: int, event: SessionEvent) -> None:
        if (step_id, attempt) == self._shown:
            self.query_one(TranscriptView).write(event)
