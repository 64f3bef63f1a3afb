"""A question to the user, as a form."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, Literal

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widget import Widget
from textual.widgets import Button, Input, Static, TextArea

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Action, FieldError, InputRequest
from piplan_tui.tui.key_names import own_key
from piplan_tui.tui.widgets.ask_actions import action_of_key, declining_hint, hint, raw_hint
from piplan_tui.tui.widgets.ask_body import AskBody
from piplan_tui.tui.widgets.ask_editing import edit_field
from piplan_tui.tui.widgets.ask_fields import FieldEditor, LineInput
from piplan_tui.tui.widgets.ask_pages import Pages
from piplan_tui.tui.widgets.ask_place import FormPlace, focus_stop, focused_stop
from piplan_tui.tui.widgets.ask_raw import RawRequest
from piplan_tui.tui.widgets.ask_values import AskValues

_SAME_PRESS = 1.0  # seconds within which sending once more is the habit of pressing Enter after a number


class AskForm(Widget):
    """Asks `request`; `draft` are values the user had typed before. `asker` says who asks,
    `workspace` is the folder that relative paths start from.

    Says `Submitted`, `Declined`, `Postponed` or `DraftChanged`, and leaves everything else to its host, which
    may come back with `show_errors`. Never sends anything by itself.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s", "send", "Send", id="ask.send", priority=True, tooltip="Send the answer"),
        Binding("ctrl+e", "edit", "Editor", id="ask.edit", priority=True, tooltip="This text in $EDITOR"),
        Binding("escape", "later", "Later", id="ask.later", tooltip="Leave the question open"),
        Binding("d", "decline", "Decline", id="ask.decline", tooltip="Refuse to answer"),
        Binding("ctrl+o,J", "raw", "As asked", show=False, id="ask.raw", tooltip="The question as raw JSON"),
        Binding("c", "context", "Context", show=False, id="ask.context", tooltip="Show the whole context"),
        Binding(
            "ctrl+n,ctrl+pagedown", "page(1)", "Next page", show=False, id="ask.next_page", priority=True
        ),
        Binding("ctrl+pageup", "page(-1)", "Page before", show=False, id="ask.previous_page", priority=True),
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
        place: FormPlace | None = None,
    ) -> None:
        super().__init__()
        self.request = request
        self._asker = asker
        self._workspace = workspace
        self._pages = Pages(request.fields)
        self._values = AskValues(request, draft, workspace)
        self._errors: dict[str, str] = {}
        self._came_from = place
        if place is not None:
            self._values.take(place.values)
            self._errors = dict(place.errors)
            self._pages.index = place.page
        self._is_whole = False
        self._focus_wanted = False
        self._focus_before: Widget | None = None
        self._sent_at = -_SAME_PRESS
        self.outside_hint = Content("")
        """The keys that do something while the focus is elsewhere."""

    # Layout

    def compose(self) -> ComposeResult:
        yield AskBody(self.request, self._values, self._pages, self._asker, self._workspace)
        yield Static("", classes="ask-hint")

    def on_mount(self) -> None:
        self._is_whole = True
        self._show_fields()
        if self._came_from is not None and self._came_from.declining is not None:
            self._mount_decline_note(self._came_from.declining)
        self._show_hint()
        if self._focus_wanted:
            self.focus()

    def on_resize(self) -> None:
        self.set_class(self.size.width < 48, "-narrow")
        self.set_class(AskBody.is_low(self.size.height), "-low")
        if (body := self._body) is not None:
            body.lay_out_context(self.size.height)
        self._show_hint()

    @property
    def _body(self) -> AskBody | None:
        return next(iter(self.query_children(AskBody)), None)

    @property
    def _editors(self) -> dict[str, FieldEditor]:
        return self._body.editors if self._body is not None else {}

    def focus(self, scroll_visible: bool = True, *, from_app_focus: bool = False) -> AskForm:
        """Put the focus where the user was; at first, where they begin: see `AskBody.focus_first`."""
        # the body is there a while before its fields are
        self._focus_wanted = not self._is_whole
        if self._is_whole and self._body is not None:
            place, self._came_from = self._came_from, None
            if place is not None and place.focused is not None:
                self._body.scroll_to(y=place.scroll_y, animate=False)
                focus_stop(self, place.focused, place.caret)
            else:
                self._body.focus_first()
        return self

    @property
    def place(self) -> FormPlace:
        """Where the user is, for a form of the same question to go on from."""
        focused, caret = focused_stop(self)
        note = self._decline_note
        return FormPlace(
            self._collect().held(),
            dict(self._errors),
            self._pages.index,
            note.value if note is not None else None,
            focused,
            caret,
            self._body.scroll_y if self._body is not None else 0,
        )

    def _focus_again(self) -> None:
        """Put the focus back to where it was before it was taken to something that is closed now."""
        before, self._focus_before = self._focus_before, None
        if before is not None and before.is_attached and before.focusable:
            before.focus(scroll_visible=False)
        else:
            self.focus()

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
            self.size.width - 2,
            key=partial(own_key, self),
            typing=self._is_typing,
            reading=self._body is not None and self._body.has_focus,
            keys=editor.keys() if editor is not None else (),
            long_text=editor is not None and editor.long_text is not None,
            pages=self._pages.count,
        )
        if not self.has_focus_within:
            line = self.outside_hint
        elif (raw := self._raw) is not None:
            line = raw_hint(own_key(raw, "text.down"), own_key(raw, "text.up"), own_key(self, "ask.later"))
        elif self._decline_note is not None:
            line = declining_hint(own_key(self, "ask.later"))
        for shown in self.query_children(".ask-hint").results(Static):
            shown.update(line)

    # What the user does

    @property
    def _is_typing(self) -> bool:
        return isinstance(self.screen.focused, Input | TextArea)

    @property
    def _focused_editor(self) -> FieldEditor | None:
        return self._body.focused_editor if self._body is not None else None

    def on_descendant_focus(self) -> None:
        self._show_hint()

    def on_descendant_blur(self) -> None:
        self.call_later(self._show_hint)

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
        elif button.has_class("ask-page-on"):
            await self.action_page(1)
        elif button.has_class("ask-page-back"):
            await self.action_page(-1)
        else:
            self._act(next(action for action in self.request.actions if action.id == button.name))

    def on_key(self, event: events.Key) -> None:
        action = None if self._is_typing else action_of_key(self.request, event.character)
        if action is not None:
            event.stop()
            event.prevent_default()
            self._act(action)

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
        if time.monotonic() - self._sent_at > _SAME_PRESS:
            self._sent_at = time.monotonic()
            self.post_message(self.Submitted(values, "accept", action_id))

    async def action_later(self) -> None:
        """Leave the question open; or go back from declining it, or from how it was written."""
        if self._raw is not None:
            await self.action_raw()
        elif self._decline_note is not None:
            await self._decline_note.remove()
            self._focus_again()
            self._show_hint()
        else:
            self.post_message(self.Postponed())

    def action_decline(self) -> None:
        """Ask why, in one line that may stay empty; Enter there declines."""
        if self._decline_note is None:
            self._focus_before = self.screen.focused
            self._mount_decline_note()
        if (note_input := self._decline_note) is not None:
            note_input.focus()

    def _mount_decline_note(self, text: str = "") -> None:
        note = LineInput(text, placeholder="Why not? (may stay empty)")
        note.add_class("ask-decline-note")
        self.mount(note, before=self.query_one(".ask-hint"))

    @on(Input.Submitted, ".ask-decline-note")
    def _finish_declining(self) -> None:
        note = self._decline_note
        self.post_message(self.Declined(note.value.strip() if note is not None else ""))

    @property
    def _decline_note(self) -> Input | None:
        return next(iter(self.query_children(".ask-decline-note").results(Input)), None)

    @property
    def _raw(self) -> RawRequest | None:
        return next(iter(self.query_children(RawRequest)), None)

    async def action_raw(self) -> None:
        """Show the question as it was written, or the form again."""
        raw = self._raw
        self.query_one(AskBody).display = raw is not None
        if raw is not None:
            await raw.remove()
            self._focus_again()
        else:
            self._focus_before = self.screen.focused
            raw = RawRequest(self.request)
            await self.mount(raw, before=self.query_one(".ask-hint"))
            raw.focus()
        self._show_hint()

    def action_context(self) -> None:
        """Show the context whole, or a few lines of it again."""
        self.query_one(AskBody).lay_out_context(self.size.height, turn=True)

    def action_edit(self) -> None:
        """Give the text that has the focus to the user's editor."""
        editor = self._focused_editor
        if editor is None or editor.long_text is None:
            raise SkipAction
        self.run_worker(edit_field(editor), exclusive=True, group="editor")

    async def action_page(self, by: int) -> None:
        """Go to another page of fields; what was typed is kept."""
        self._collect()
        if self._pages.turn(by):
            await self._change_page()
            self.query_one(AskBody).focus_first(opening=False)

    async def _change_page(self) -> None:
        await self.query_one(AskBody).show_page()
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
        self._sent_at = -_SAME_PRESS
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
            self.call_after_refresh(self.query_one(AskBody).show_focused)
