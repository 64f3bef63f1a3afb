"""A question of the program itself that is answered by typing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static, TextArea

from piplan_tui.tui.background import in_background
from piplan_tui.tui.external_editor import EditorFailed, edit_text
from piplan_tui.tui.key_names import own_key
from piplan_tui.tui.plain_list import separator, wants_plain_list
from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Span, as_sentence

Check = Callable[[Mapping[str, str]], str]
"""What is wrong with the texts, in a sentence; empty when they can be used."""


@dataclass(frozen=True)
class TypedField:
    """A text to type: `name` is its key in the result, `value` what stands there at first."""

    name: str
    label: str
    value: str = ""
    block: bool = False
    hint: str = ""


class TypingDialog(FocusInSight[dict[str, str] | None], ModalScreen[dict[str, str] | None]):
    """Ends with the texts, without blanks around them; with `None` when it is left by Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="dialog.back", tooltip="Changes nothing"),
        Binding("ctrl+s", "send", "Send", id="dialog.send", priority=True),
        Binding(
            "ctrl+e", "external", "Editor", id="dialog.editor", priority=True, tooltip="This text in $EDITOR"
        ),
    ]

    def __init__(
        self,
        title: str,
        body: Sequence[Span],
        fields: Sequence[TypedField],
        *,
        check: Check = lambda texts: "",
    ) -> None:
        super().__init__()
        self._title = title
        self._body = body
        self._fields = fields
        self._check = check

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(to_content([Span(self._title, "strong")]), id="dialog-title")
            if self._body:
                yield Static(to_content(self._body), id="dialog-body")
            for field in self._fields:
                yield Label(field.label, markup=False, classes="typed-label")
                if field.block:
                    yield TextArea(field.value, id=field.name, compact=True, tab_behavior="focus")
                else:
                    yield Input(field.value, placeholder=field.hint, id=field.name, compact=True)
            yield Static(id="dialog-problem", markup=False)
            yield Static(to_content([Span(self._keys, "dim")]), id="dialog-hint")

    @property
    def _keys(self) -> str:
        keys = ["Enter done"]
        if any(field.block for field in self._fields):
            keys = [f"{own_key(self, 'dialog.send')} done", f"{own_key(self, 'dialog.editor')} $EDITOR"]
        return separator(self.app).join((*keys, f"{own_key(self, 'dialog.back')} back"))

    def on_mount(self) -> None:
        self.query_one("#dialog-problem").display = False
        first = self.query("Input, TextArea").first()
        first.focus()
        if isinstance(first, TextArea):
            first.move_cursor(first.document.end)

    def texts(self) -> dict[str, str]:
        """What stands in the fields now."""
        found = {}
        for field in self._fields:
            if field.block:
                found[field.name] = self.query_one(f"#{field.name}", TextArea).text.strip()
            else:
                found[field.name] = self.query_one(f"#{field.name}", Input).value.strip()
        return found

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.action_send()

    def action_send(self) -> None:
        texts = self.texts()
        if problem := self._check(texts):
            said = self.query_one("#dialog-problem", Static)
            said.display = True
            said.update(
                to_content([Span(f"{'mistake:' if wants_plain_list(self.app) else '✗'} {problem}", "failed")])
            )
        else:
            self.dismiss(texts)

    def action_leave(self) -> None:
        self.dismiss(None)

    def action_external(self) -> None:
        if isinstance(self.focused, TextArea):
            area = self.focused

            async def edit() -> None:
                try:
                    area.text = await edit_text(self.app, area.text, suffix=".md")
                except EditorFailed as failed:
                    self.notify(as_sentence(str(failed)), severity="error", markup=False)

            in_background(self, edit, exclusive=True, group="editor")
