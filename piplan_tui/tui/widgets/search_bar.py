"""The line in which a search is typed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.message import Message
from textual.widgets import Input, Label

from piplan_tui.tui.widgets.leaves_nothing import LeavesNothing


class SearchInput(LeavesNothing, Input):
    """What is looked for."""


class SearchBar(Horizontal):
    """Says what is typed as it is typed. Enter keeps the place that was found, Esc goes back to `origin`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "give_up", "Back", id="search.back", tooltip="Ends the search")
    ]

    @dataclass
    class Typed(Message):
        text: str
        origin: str

    @dataclass
    class Done(Message):
        origin: str
        given_up: bool

    def __init__(self, origin: str, *, placeholder: str = "id or title", text: str = "") -> None:
        super().__init__()
        self._placeholder = placeholder
        self._text = text
        self._origin = origin

    def compose(self) -> ComposeResult:
        yield Label("/", markup=False)
        yield SearchInput(self._text, placeholder=self._placeholder, compact=True)
        yield Label("", id="search-found", markup=False)

    def on_mount(self) -> None:
        self.focus_field()

    def say_found(self, place: int, matches: int) -> None:
        """Which of the matches is shown, from 1; 0 of 0 is none, and with nothing typed nothing is said."""
        typed = bool(self.query_one(Input).value)
        found = f"{place:,}/{matches:,}" if matches else "no match"
        self.query_one("#search-found", Label).update(found if typed else "")

    def focus_field(self) -> None:
        """Have it typed in."""
        self.query_one(Input).focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.post_message(self.Typed(event.value, self._origin))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self._close(given_up=False)

    def action_give_up(self) -> None:
        self._close(given_up=True)

    def _close(self, *, given_up: bool) -> None:
        self.post_message(self.Done(self._origin, given_up))
        self.remove()
