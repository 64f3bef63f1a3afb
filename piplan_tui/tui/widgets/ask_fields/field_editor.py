"""What every field of a form has in common: label, input, note or error below, and what it tells the form."""

from __future__ import annotations

from typing import Any

from textual.app import ComposeResult
from textual.containers import VerticalScroll
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Static

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Field


class FieldEditor(Widget):
    """Base of the editors: `compose_input` makes the input, `value` reads it.

    `value` is what would be sent; None when there is nothing.
    """

    class Changed(Message):
        """The user changed the value."""

        def __init__(self, editor: FieldEditor) -> None:
            super().__init__()
            self.editor = editor

    class Left(Message):
        """The focus went elsewhere."""

        def __init__(self, editor: FieldEditor) -> None:
            super().__init__()
            self.editor = editor

    class Entered(Message):
        """The user pressed Enter: done with this field."""

        def __init__(self, editor: FieldEditor) -> None:
            super().__init__()
            self.editor = editor

    def __init__(self, field: Field, *, show_label: bool = True) -> None:
        super().__init__(classes=f"-{field.type}" if show_label else f"-{field.type} -bare")
        self.field = field
        self.touched = False
        """Whether the user changed the value since the form opened."""
        self._known: Any = None
        self._show_label = show_label
        self._error = ""

    @property
    def value(self) -> Any:
        raise NotImplementedError

    @property
    def long_text(self) -> str | None:
        """The text that an external editor may edit; None where that makes no sense."""
        return None

    @long_text.setter
    def long_text(self, text: str) -> None:
        raise NotImplementedError

    @property
    def file_suffix(self) -> str:
        """The end of a file name by which an external editor knows what it edits."""
        return ".txt"

    def compose_input(self) -> ComposeResult:
        raise NotImplementedError

    def focus_input(self) -> None:
        """Put the focus where the user types or picks; the form brings that into sight."""
        for widget in self.walk_children(Widget):
            if widget.focusable:
                widget.focus(scroll_visible=False)
                return

    def show_input(self) -> None:
        """Scroll the form so that the input can be seen."""
        for ancestor in self.ancestors:
            if isinstance(ancestor, VerticalScroll):
                ancestor.scroll_to_widget(self, animate=False)
                return

    def compose(self) -> ComposeResult:
        if self._show_label:
            yield Static(self._label(), classes="ask-label")
        yield from self.compose_input()
        if self._note():
            yield Static(Content(self._note()), classes="ask-note")

    def on_mount(self) -> None:
        self._known = self.value

    @property
    def error(self) -> str:
        return self._error

    def show_error(self, message: str) -> None:
        """Say below the input what is wrong; an empty message takes it back."""
        message = clean_text(message, keep_newlines=False)
        if message == self._error:
            return
        self._error = message
        self.set_class(bool(message), "-invalid")
        text = f"✗ {message}" if message else self._note()
        notes = self.query_children(".ask-note").results(Static)
        note = next(iter(notes), None)
        if note is None:
            self.mount(Static(Content(text), classes="ask-note"))
        elif text:
            note.update(Content(text))
        else:
            note.remove()

    def notice_change(self) -> None:
        """To be called when an input says that it changed; they say so too when they are first filled."""
        value = self.value
        if value == self._known:
            return
        self._known = value
        self.touched = True
        self.post_message(self.Changed(self))

    def on_descendant_blur(self) -> None:
        # the next focus is not known yet: it may be another part of this field
        self.call_later(self._tell_left)

    def _tell_left(self) -> None:
        if self.is_attached and not self.has_focus_within:
            self.post_message(self.Left(self))

    def _label(self) -> Content:
        label = clean_text(self.field.caption, keep_newlines=False)
        required = self.field.required and self.field.type != "info"
        return Content.assemble((label, "bold"), (" *", "$text-error") if required else "")

    def _note(self) -> str:
        parts = (clean_text(self.field.description, keep_newlines=False).strip(), self.hint())
        return " · ".join(part for part in parts if part)

    def keys(self) -> list[str]:
        """The keys of its own that it has just now, in a word or two each: `Space pick`."""
        return []

    def hint(self) -> str:
        """What values are right, in a few words: `1 to 20`."""
        return ""
