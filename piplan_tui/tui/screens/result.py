"""What a run gave, or why it failed and how to go on: over the run, to be read and copied."""

from __future__ import annotations

from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from piplan_tui.clean import clean_text
from piplan_tui.run.state import RunState
from piplan_tui.tui.key_names import own_key
from piplan_tui.tui.plain_list import separator
from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.step_detail import MAX_TEXT
from piplan_tui.views.line import Span, one_line
from piplan_tui.views.next_commands import next_commands
from piplan_tui.views.run_result import result_text


def result_spans(state: RunState) -> list[Span]:
    """What the screen says."""
    if text := result_text(state):
        cut = len(text) - MAX_TEXT
        whole = f"\n\n… {cut:,} more characters: piplan-tui show {one_line(state.run_id)} --result"
        return [Span(text[:MAX_TEXT]), *([Span(whole, "dim")] if cut > 0 else [])]
    said = clean_text(state.reason).strip() or "It gave nothing."
    spans = [Span(said, "failed" if state.status == "failed" else "plain")]
    if commands := next_commands(state, shown=True):
        spans.append(Span("\n\nIn a shell:", "strong"))
        spans += [Span(f"\n  {command}") for command in commands]
    return spans


class ResultScreen(FocusInSight[None], ModalScreen[None]):
    """Closed with the key that opened it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,R,q", "dismiss(None)", "Close", id="result.close"),
        Binding("y", "copy", "Copy all of it", id="result.copy"),
    ]

    def __init__(self, state: RunState) -> None:
        super().__init__()
        self._state = state
        self._title = "Result" if state.status == "completed" else "How it ended"
        self._spans = result_spans(state)

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            keys = (
                f"{own_key(self, 'result.close')} closes",
                f"{own_key(self, 'result.copy')} copies all of it",
            )
            hint = Span(f"  {separator(self.app).join(keys)}", "dim")
            yield Static(to_content([Span(self._title, "strong"), hint]), id="dialog-title")
            with VerticalScroll(id="result-text"):
                yield Static(to_content(self._spans), id="result-said", markup=False)

    def on_mount(self) -> None:
        self.query_one("#result-text").focus()

    def action_copy(self) -> None:
        whole = result_text(self._state) or "".join(span.text for span in self._spans)
        self.app.copy_to_clipboard(whole)
        self.notify(f"Copied {one_line(whole)[:60]}", markup=False)
