"""A question to the user, as a form."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult, SuspendNotSupported
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, VerticalScroll
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Action, Field, FieldError, InputRequest
from piplan_tui.tui.widgets.ask_actions import DECLINING_HINT, hint, is_single_pick, make_buttons
from piplan_tui.tui.widgets.ask_context import ContextView, question
from piplan_tui.tui.widgets.ask_fields import FieldEditor, make_editor
from piplan_tui.tui.widgets.ask_pages import Pages
from piplan_tui.tui.widgets.ask_values import AskValues
from piplan_tui.tui.widgets.external_editor import EditorFailed, edit_text

_LOW = 14
"""Rows below which the context is cut down to almost nothing, so that the question and a field are seen."""


class AskForm(Widget):
    """Asks `request`; `draft` are values the user had typed before. `asker` says who asks,
    `workspace` is the folder that relative paths start from.

    Says `Submitted`, `Declined`, `Postponed` or `DraftChanged`, and leaves everything else to its host, which
    may come back with `show_errors`. Never sends anything by itself.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "send", "Send", id="ask.send", priority=True, tooltip="Send the answer"),
        Binding(
            "ctrl+e", "edit", "Editor", id="ask.edit", priority=True, tooltip="Edit this text in $EDITOR"
        ),
        Binding("escape", "later", "Later", id="ask.later", tooltip="Leave the question open"),
        Binding("d", "decline", "Decline", id="ask.decline", tooltip="Refuse to answer"),
        Binding("c", "context", "Context", show=False, id="ask.context", tooltip="Show the whole context"),
        Binding("ctrl+pagedown", "page(1)", "Next page", show=False, id="ask.next_page", priority=True),
        Binding(
            "ctrl+pageup", "page(-1)", "Previous page", show=False, id="ask.previous_page", priority=True
        ),
    ]

    class Submitted(Message):
        """The user answers. `action_id` is the action of a review that was chosen, or empty."""

        def __init__(
            self,
            values: dict[str, Any],
            action: Literal["accept", "decline", "cancel"],
            action_id: str = "",
            note: str = "",
        ) -> None:
            super().__init__()
            self.values = values
            self.action = action
            self.action_id = action_id
            self.note = note

    class Declined(Message):
        """The user refuses; `note` is why, if they said so."""

        def __init__(self, note: str = "") -> None:
            super().__init__()
            self.note = note

    class Postponed(Message):
        """The user wants to answer later."""

    class DraftChanged(Message):
        """What the user has typed so far, without secrets."""

        def __init__(self, values: dict[str, Any]) -> None:
            super().__init__()
            self.values = values

    def __init__(
        self,
        request: InputRequest,
        *,
        draft: Mapping[str, Any] | None = None,
        asker: str = "",
        workspace: Path | None = None,
        id: str | None = None,
        classes: str | None = None,
    ) -> None:
        super().__init__(id=id, classes=classes)
        self.request = request
        self._asker = asker
        self._pages = Pages(request.fields)
        self._values = AskValues(request, draft, workspace)
        self._editors: dict[str, FieldEditor] = {}
        self._errors: dict[str, str] = {}
        self._context_unfolded = False
        self._focus_wanted = False

    # Layout

    def compose(self) -> ComposeResult:
        # a review is read before it is answered: there the text has the focus, and its keys scroll
        with VerticalScroll(classes="ask-body", can_focus=bool(self.request.actions)):
            yield Static(question(self.request, self._asker), classes="ask-question")
            for block in self.request.context:
                yield ContextView(block)
            yield from self._make_editors()
            if not is_single_pick(self.request):
                with Horizontal(classes="ask-actions"):
                    yield from make_buttons(self.request)
        yield Static("", classes="ask-hint")

    def on_mount(self) -> None:
        self._show_fields()
        self._show_hint()
        if self._focus_wanted:
            self.focus()

    def on_resize(self) -> None:
        self.set_class(self.size.width < 48, "-narrow")
        self.set_class(self.size.height < _LOW, "-low")
        self._lay_out_context()

    def focus(self, scroll_visible: bool = True, *, from_app_focus: bool = False) -> AskForm:
        """Put the focus into the first field; on the text of a review; or else on the first button."""
        body = next(iter(self.query_children(".ask-body")), None)
        self._focus_wanted = body is None
        if body is None:
            return self
        if body.can_focus:
            body.focus(scroll_visible)
            return self
        for editor in self._editors.values():
            if editor.display and editor.field.type != "info":
                editor.focus_input()
                return self
        for button in self.query(Button):
            button.focus(scroll_visible)
            break
        return self

    def _make_editors(self) -> Iterable[FieldEditor]:
        self._editors = {}
        for field in self._pages.current:
            editor = make_editor(field, self._values.get(field.name), show_label=self._needs_label(field))
            self._editors[field.name] = editor
            yield editor

    def _needs_label(self, field: Field) -> bool:
        """The only field needs no name of its own when the question says it already."""
        if len(self.request.fields) > 1 or field.description:
            return True
        return bool(field.label) and field.label not in (self.request.title, self.request.message)

    def _lay_out_context(self) -> None:
        views = list(self.query(ContextView))
        room = 2 if self.size.height < _LOW else max(3, self.size.height // 3 // max(1, len(views)))
        for view in views:
            view.lay_out(room, self._context_unfolded)

    def _show_fields(self) -> None:
        """Show the fields whose condition holds, and the errors that are known of them."""
        shown = self._collect().shown()
        for name, editor in self._editors.items():
            editor.display = name in shown
            editor.show_error(self._errors.get(name, ""))

    def _show_hint(self) -> None:
        editor = self._focused_editor
        line = hint(
            self.request,
            typing=self._is_typing,
            long_text=editor is not None and editor.long_text is not None,
            page=self._pages.index,
            pages=self._pages.count,
        )
        declining = self._decline_note is not None
        self.query_one(".ask-hint", Static).update(DECLINING_HINT if declining else line)

    # What the user does

    @property
    def _is_typing(self) -> bool:
        return isinstance(self.screen.focused, Input | TextArea)

    @property
    def _focused_editor(self) -> FieldEditor | None:
        return next((editor for editor in self._editors.values() if editor.has_focus_within), None)

    def on_descendant_focus(self) -> None:
        self._show_hint()

    @on(FieldEditor.Changed)
    def _change(self, event: FieldEditor.Changed) -> None:
        event.stop()
        name = event.editor.field.name
        if self._errors.pop(name, ""):
            event.editor.show_error("")
        self._show_fields()
        self.post_message(self.DraftChanged(self._collect().draft()))

    @on(FieldEditor.Left)
    def _leave(self, event: FieldEditor.Left) -> None:
        event.stop()
        editor = event.editor
        if editor.touched and editor.is_attached:
            name = editor.field.name
            self._set_error(name, self._collect().problems().get(name, ""))

    @on(FieldEditor.Entered)
    def _enter(self, event: FieldEditor.Entered) -> None:
        event.stop()
        if len(self.request.fields) == 1 and not self.request.actions:
            self.action_send()
        else:
            self.screen.focus_next()

    @on(Button.Pressed)
    async def _press(self, event: Button.Pressed) -> None:
        event.stop()
        button = event.button
        if button.has_class("ask-send"):
            self.action_send()
        elif button.has_class("ask-decline"):
            self.action_decline()
        elif button.has_class("ask-later"):
            await self.action_later()
        else:
            self._act(next(action for action in self.request.actions if action.id == button.name))

    def on_key(self, event: events.Key) -> None:
        if self._is_typing or not event.character:
            return
        for action in self.request.actions:
            if action.key == event.character:
                event.stop()
                event.prevent_default()
                self._act(action)
                return

    def action_send(self) -> None:
        """Send the answer, unless something is wrong with it: then say what."""
        if self._decline_note is not None:
            self._finish_declining()
        elif self.request.actions:
            self._send_first_action()
        else:
            self._submit("")

    def _send_first_action(self) -> None:
        focused = self.screen.focused
        if isinstance(focused, Button) and focused.has_class("ask-action"):
            focused.press()
        else:
            # which of several answers is meant is for the user to say
            next(iter(self.query(".ask-action").results(Button))).focus()

    def _act(self, action: Action) -> None:
        if action.result == "accept":
            self._submit(action.id)
        else:
            self.post_message(self.Submitted({}, action.result, action.id))

    def _submit(self, action_id: str) -> None:
        values = self._collect().submission(action_id)
        if isinstance(values, list):
            self.show_errors(values)
            return
        self._errors.clear()
        self._show_fields()
        self.post_message(self.Submitted(values, "accept", action_id))

    async def action_later(self) -> None:
        """Leave the question open; or go back from declining it."""
        if self._decline_note is not None:
            await self._decline_note.remove()
            self.focus()
            self._show_hint()
        else:
            self.post_message(self.Postponed())

    def action_decline(self) -> None:
        """Ask why, in one line that may stay empty; Enter there declines."""
        if self._decline_note is None:
            note = Input(placeholder="Why not? (may stay empty)", compact=True)
            note.add_class("ask-decline-note")
            self.mount(note, before=self.query_one(".ask-hint"))
        if (note_input := self._decline_note) is not None:
            note_input.focus()

    @on(Input.Submitted, ".ask-decline-note")
    def _finish_declining(self) -> None:
        note = self._decline_note
        self.post_message(self.Declined(note.value.strip() if note is not None else ""))

    @property
    def _decline_note(self) -> Input | None:
        return next(iter(self.query_children(".ask-decline-note").results(Input)), None)

    def action_context(self) -> None:
        """Show the context whole, or a few lines of it again."""
        self._context_unfolded = not self._context_unfolded
        self._lay_out_context()

    def action_edit(self) -> None:
        """Give the text that has the focus to the user's editor."""
        editor = self._focused_editor
        if editor is None or editor.long_text is None:
            raise SkipAction
        self.run_worker(self._edit(editor), exclusive=True, group="editor")

    async def _edit(self, editor: FieldEditor) -> None:
        text = editor.long_text or ""
        try:
            text = await edit_text(self.app, text, suffix=editor.file_suffix)
        except EditorFailed as problem:
            self.notify(str(problem), severity="error", markup=False)
        except SuspendNotSupported:
            self.notify("An editor cannot be opened from here.", severity="warning", markup=False)
        else:
            editor.long_text = clean_text(text)

    async def action_page(self, by: int) -> None:
        """Go to another page of fields; what was typed is kept."""
        self._collect()
        if self._pages.turn(by):
            await self._change_page()
            self.focus()

    async def _change_page(self) -> None:
        body = self.query_one(".ask-body", VerticalScroll)
        async with self.batch():
            await self.query(FieldEditor).remove()
            await body.mount_all(list(self._make_editors()), before=body.query_one(".ask-actions"))
        self._show_fields()
        self._show_hint()

    # Values and errors

    def _collect(self) -> AskValues:
        """The values, with what the inputs on this page hold right now."""
        for name, editor in self._editors.items():
            self._values.put(name, editor.value)
        return self._values

    def _set_error(self, name: str, message: str) -> None:
        if message:
            self._errors[name] = message
        else:
            self._errors.pop(name, None)
        if (editor := self._editors.get(name)) is not None:
            editor.show_error(message)

    def show_errors(self, errors: Iterable[FieldError]) -> None:
        """Say what is wrong below each field, and put the focus into the first of them."""
        errors = list(errors)
        self._errors = {error.name: error.message for error in errors}
        first = next((field.name for field in self.request.fields if field.name in self._errors), None)
        elsewhere = [error.message for error in errors if self.request.field(error.name) is None]
        if elsewhere:
            self.notify(clean_text("; ".join(elsewhere), keep_newlines=False), severity="error", markup=False)
        if first is None:
            return
        self.run_worker(self._show_first_error(first), exclusive=True, group="errors")

    async def _show_first_error(self, name: str) -> None:
        if name not in self._editors and (page := self._pages.index_of(name)) is not None:
            self._collect()
            self._pages.index = page
            await self._change_page()
        self._show_fields()
        if (editor := self._editors.get(name)) is not None:
            editor.focus_input()


def _demo() -> None:
    """Show the request in a JSON file: `python -m piplan_tui.tui.widgets.ask_form asks.json`."""
    import json
    import sys
    from pathlib import Path

    from textual.app import App

    from piplan_tui.resources import styles_dir
    from piplan_tui.run.asks import read_request

    text = Path(sys.argv[1]).read_text(encoding="utf-8") if len(sys.argv) > 1 else '{"message": "What now?"}'

    class Demo(App[str]):
        AUTO_FOCUS = None
        CSS_PATH: ClassVar = [styles_dir() / "ask_form.tcss"]

        def compose(self) -> ComposeResult:
            yield AskForm(read_request(json.loads(text)), asker="demo asks")

        def on_mount(self) -> None:
            self.query_one(AskForm).focus()

        def on_ask_form_submitted(self, message: AskForm.Submitted) -> None:
            self.exit(f"{message.action} {message.action_id} {json.dumps(message.values)}")

        def on_ask_form_declined(self, message: AskForm.Declined) -> None:
            self.exit(f"declined {message.note}")

        def on_ask_form_postponed(self) -> None:
            self.exit("later")

    print(clean_text(Demo().run() or ""))


if __name__ == "__main__":
    _demo()
