"""Keys of widgets and dialogs, which are not in the list of commands because they mean something there only."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding
from textual.widget import Widget

from piplan_tui.tui.screens.choice import ChoiceDialog
from piplan_tui.tui.screens.help import HelpScreen
from piplan_tui.tui.screens.peek import PeekScreen
from piplan_tui.tui.screens.result import ResultScreen
from piplan_tui.tui.screens.typing import TypingDialog
from piplan_tui.tui.widgets.ask_fields.option_rows import OptionRows
from piplan_tui.tui.widgets.ask_form import AskForm
from piplan_tui.tui.widgets.search_bar import SearchBar
from piplan_tui.tui.widgets.text_scroll import TextScroll
from piplan_tui.tui.widgets.timeline_view import TimelineView
from piplan_tui.tui.widgets.transcript_view import TranscriptView

_WIDGETS: tuple[tuple[str, type[Widget]], ...] = (
    ("In a question", AskForm),
    ("In its options", OptionRows),
    ("In the output and the log", TranscriptView),
    ("In the text of a step", TextScroll),
    ("In the timeline", TimelineView),
    ("In a search", SearchBar),
    ("In a peek", PeekScreen),
    ("In a result", ResultScreen),
    ("In a dialog", ChoiceDialog),
    ("In a dialog with a field", TypingDialog),
    ("In the list of keys", HelpScreen),
)


@dataclass(frozen=True, slots=True)
class WidgetKey:
    """One binding: its id, by which the config file can replace `keys`, and what it does."""

    id: str
    keys: str
    title: str
    tooltip: str
    while_typing: bool = False
    """Whether it goes before what is typed into a field, so that a letter would be lost as text."""


def widget_keys() -> dict[str, list[WidgetKey]]:
    """The keys of every widget that has its own, by a heading."""
    return {heading: [key for key in map(_key, widget.BINDINGS) if key] for heading, widget in _WIDGETS}


def _key(binding: object) -> WidgetKey | None:
    if not isinstance(binding, Binding) or not binding.id:
        return None
    return WidgetKey(binding.id, binding.key, binding.description, binding.tooltip, binding.priority)
