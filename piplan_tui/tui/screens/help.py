"""All keys, from the registry."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from piplan_tui.tui.actions import HEADINGS, Action, all_keys, keymap_of
from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.spans import to_content
from piplan_tui.views.formatting import GLYPHS, STATUS_WORDS
from piplan_tui.views.line import Span

_ASK_KEYS = (
    ("1-9", "Pick a choice; sends it when it is all that is asked"),
    ("Ctrl-s", "Send; Enter does it when there is one field"),
    ("Ctrl-e", "Edit a long text in $EDITOR"),
    ("Tab", "Next field; completes a path"),
    ("c  Ctrl-o", "The whole context; the question as it was written"),
    ("d", "Decline, with a reason if you like"),
    ("Esc", "Later: the question stays open, the draft is kept"),
)


class HelpScreen(FocusInSight[None], ModalScreen[None]):
    """What can be pressed on the screen it was opened from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss(None)", "Close", id="help.close"),
    ]

    def __init__(self, actions: Sequence[Action]) -> None:
        super().__init__()
        self._actions = actions

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(to_content([Span("Keys", "strong"), Span("  Esc closes", "dim")]), id="dialog-title")
            with VerticalScroll(id="help-text"):
                yield Static(to_content(self._lines()), markup=False)

    def on_mount(self) -> None:
        self.query_one("#help-text").focus()

    def _lines(self) -> list[Span]:
        keymap = keymap_of(self.app)
        spans: list[Span] = []
        heading = ""
        for action in sorted(self._actions, key=lambda action: list(HEADINGS).index(action.where)):
            if HEADINGS[action.where] != heading:
                spans.append(Span("\n" if heading else ""))
                heading = HEADINGS[action.where]
                spans.append(Span(f"{heading}\n", "strong"))
            spans.append(Span(f"  {all_keys(action, keymap):<14}", "accent"))
            spans.append(Span(f" {action.title}"))
            spans.append(Span(f" · {action.tooltip}\n" if action.tooltip else "\n", "dim"))
        if any(action.where == "run" for action in self._actions):
            spans.append(Span("\nIn a question\n", "strong"))
            for keys, text in _ASK_KEYS:
                spans += [Span(f"  {keys:<14}", "accent"), Span(f" {text}\n")]
        spans.append(Span("\nSigns\n", "strong"))
        spans.append(
            Span("  " + "\n  ".join(f"{glyph} {STATUS_WORDS[status]}" for status, glyph in GLYPHS.items()))
        )
        return spans
