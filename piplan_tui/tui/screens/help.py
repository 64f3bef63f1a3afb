"""All keys, from the registry."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from piplan_tui.tui.actions import ACTIONS, HEADINGS, Action, all_keys, keymap_of, keys_shown
from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.spans import to_content
from piplan_tui.tui.widget_keys import widget_keys
from piplan_tui.views.formatting import GLYPHS, STATUS_WORDS
from piplan_tui.views.line import Span

_IN_FIELDS = (
    ("1-9", "Pick a choice", "Sends it when it is all that is asked"),
    ("Enter", "Send", "When there is one field"),
    ("Tab", "Next field", "Completes a path"),
)
"""Keys of a question that belong to no binding."""


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
        """What can be pressed here, in what is open here, then everywhere else, then what the signs mean."""
        here = {action.where for action in self._actions}
        spans = self._of_actions(self._actions)
        for heading, keys in widget_keys().items():
            spans.append(Span(f"\n{heading}\n", "strong"))
            if heading == "In a question":
                for shown, title, tooltip in _IN_FIELDS:
                    spans += _line(shown, title, tooltip)
            for key in keys:
                spans += _line(keys_shown(key.id, key.keys, self._keymap), key.title, key.tooltip)
        elsewhere = [action for action in ACTIONS if action.where not in here]
        spans.append(Span("\nOn other screens\n\n", "accent"))
        spans += self._of_actions(elsewhere)
        spans.append(Span("\nSigns\n", "strong"))
        spans.append(
            Span("  " + "\n  ".join(f"{glyph} {STATUS_WORDS[status]}" for status, glyph in GLYPHS.items()))
        )
        return spans

    @property
    def _keymap(self) -> Mapping[str, str]:
        return keymap_of(self.app)

    def _of_actions(self, actions: Sequence[Action]) -> list[Span]:
        spans: list[Span] = []
        heading = ""
        for action in sorted(actions, key=lambda action: list(HEADINGS).index(action.where)):
            if HEADINGS[action.where] != heading:
                spans.append(Span("\n" if heading else ""))
                heading = HEADINGS[action.where]
                spans.append(Span(f"{heading}\n", "strong"))
            spans += _line(all_keys(action, self._keymap), action.title, action.tooltip, action.id)
        return spans


def _line(keys: str, title: str, tooltip: str, action_id: str = "") -> list[Span]:
    said = f" · {tooltip}" if tooltip else ""
    name = f"  {action_id}" if action_id else ""
    return [Span(f"  {keys:<14}", "accent"), Span(f" {title}"), Span(f"{said}{name}\n", "dim")]
