"""All keys, from the registry."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from piplan_tui.tui.actions import ACTIONS, HEADINGS, Action
from piplan_tui.tui.key_names import all_keys, keymap_of, keys_shown, own_key
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.spans import to_content
from piplan_tui.views.formatting import GLYPHS, STATUS_WORDS
from piplan_tui.views.line import Span
from piplan_tui.views.spoken_rows import key_sentence

if TYPE_CHECKING:
    from piplan_tui.tui.widget_keys import WidgetKey  # which lists the keys of this dialog too

_COLUMN = 17
_IN_FIELDS = (
    ("1-9", "Pick a choice", "Sends it when it is all that is asked"),
    ("Enter", "Send", "When there is one field"),
    ("Tab", "Next field", "Completes a path"),
)
_ALWAYS = (
    ("Enter", "Choose", "In dialogs, lists and fields"),
    ("a letter", "Choose", "What it stands before, in a dialog"),
    ("Tab", "Next field", "Shift-Tab goes back"),
    ("Ctrl-q", "Leave", "From everywhere, also out of a field; asks as q does"),
)
"""Keys that belong to no binding of ours: the config file cannot change these, nor those of `_IN_FIELDS`."""


class HelpScreen(FocusInSight[None], ModalScreen[None]):
    """What can be pressed on the screen it was opened from."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,q", "dismiss(None)", "Close", id="help.close"),
    ]

    def __init__(self, actions: Sequence[Action], widget_keys: Mapping[str, Sequence[WidgetKey]]) -> None:
        super().__init__()
        self._actions = actions
        self._widget_keys = widget_keys

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            close = Span(f"  {own_key(self, 'help.close')} closes", "dim")
            title = to_content([Span("Keys", "strong"), close])
            yield Static(title, id="dialog-title")
            with VerticalScroll(id="help-text"):
                yield Static(id="help-said", markup=False)

    def on_mount(self) -> None:
        self.query_one("#help-text").focus()
        self.call_after_refresh(self._show)

    def on_resize(self) -> None:
        self.call_after_refresh(self._show)

    def _show(self) -> None:
        self.query_one("#help-said", Static).update(to_content(self._lines()))

    def _lines(self) -> list[Span]:
        """What can be pressed here, in what is open here, then everywhere else, then what the signs mean."""
        here = {action.where for action in self._actions}
        spans = self._of_actions(self._actions)
        for heading, keys in self._widget_keys.items():
            spans.append(Span(f"\n{heading}\n", "strong"))
            if heading == "In a question":
                for shown, title, tooltip in _IN_FIELDS:
                    spans += self._line(shown, title, tooltip)
            for key in keys:
                spans += self._line(keys_shown(key.id, key.keys, self._keymap), key.title, key.tooltip)
        spans.append(Span("\nAlways the same\n", "strong"))
        for shown, title, tooltip in _ALWAYS:
            spans += self._line(shown, title, tooltip)
        elsewhere = [action for action in ACTIONS if action.where not in here]
        spans.append(Span("\nOn other screens\n\n", "accent"))
        spans += self._of_actions(elsewhere)
        spans += self._names()
        if wants_plain_list(self.app):
            return spans  # there are no signs
        spans.append(Span("\nSigns\n", "strong"))
        spans.append(
            Span("  " + "\n  ".join(f"{glyph} {STATUS_WORDS[status]}" for status, glyph in GLYPHS.items()))
        )
        return spans

    def _names(self) -> list[Span]:
        """What everything is called in the config file."""
        ids = [action.id for action in ACTIONS]
        ids += [key.id for keys in self._widget_keys.values() for key in keys]
        text = textwrap.fill(", ".join(dict.fromkeys(ids)), max(20, self._width - 2), break_on_hyphens=False)
        heading = Span("\nNames for [keys] in the config file\n", "strong")
        return [heading, Span(textwrap.indent(text, "  ") + "\n", "dim")]

    @property
    def _width(self) -> int:
        return self.query_one("#help-text").scrollable_content_region.width or 72

    @property
    def _keymap(self) -> Mapping[str, str]:
        return keymap_of(self.app)

    def _line(self, keys: str, title: str, tooltip: str) -> list[Span]:
        if wants_plain_list(self.app):
            return [Span(f"{key_sentence(keys, title, tooltip)}\n")]
        return _line(keys, title, tooltip, self._width)

    def _of_actions(self, actions: Sequence[Action]) -> list[Span]:
        spans: list[Span] = []
        heading = ""
        for action in sorted(actions, key=lambda action: list(HEADINGS).index(action.where)):
            if HEADINGS[action.where] != heading:
                spans.append(Span("\n" if heading else ""))
                heading = HEADINGS[action.where]
                spans.append(Span(f"{heading}\n", "strong"))
            spans += self._line(all_keys(action, self._keymap), action.title, action.tooltip)
        return spans


def _line(keys: str, title: str, tooltip: str, width: int) -> list[Span]:
    """A key and what it does, wrapped beside its column."""
    said = f" · {tooltip}" if tooltip else ""
    lines = textwrap.wrap(title + said, max(20, width - _COLUMN)) or [""]
    shown, rest = lines[0][: len(title)], lines[0][len(title) :]
    spans = [Span(f"  {keys:<{_COLUMN - 3}} ", "accent"), Span(shown), Span(f"{rest}\n", "dim")]
    return [*spans, *(Span(f"{' ' * _COLUMN}{line}\n", "dim") for line in lines[1:])]
