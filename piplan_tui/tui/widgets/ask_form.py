"""A question to the user, as a form."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, ClassVar

from textual import events, on
from textual.actions import SkipAction
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Button, Input, Static, TextArea

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Action, FieldError, InputRequest
from piplan_tui.tui.key_names import own_key
from piplan_tui.tui.widgets.ask_actions import action_of_key, declining_hint, hint, raw_hint
from piplan_tui.tui.widgets.ask_asides import AskAsides
from piplan_tui.tui.widgets.ask_body import AskBody
from piplan_tui.tui.widgets.ask_editing import edit_field
from piplan_tui.tui.widgets.ask_fields import FieldEditor, LineInput
from piplan_tui.tui.widgets.ask_messages import Declined, DraftChanged, Postponed, Submitted
from piplan_tui.tui.widgets.ask_pages import Pages
from piplan_tui.tui.widgets.ask_place import FormPlace, focus_stop, focused_stop
from piplan_tui.tui.widgets.ask_values import AskValues

_TINY = 7
"""Rows below which a text has no more than two of them."""
_ROOMY = 18
"""Rows from which the keys may take two of them."""
_SAME_PRESS = 1.0  # seconds within which sending once more is the habit of pressing Enter after a number


class AskForm(AskAsides):
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
        # who has begun to answer has read the question
        self._begun = bool(draft)
        self._most_rows: int | None = None
        self._is_whole = False
        self._focus_wanted = False
        self._sent_at = -_SAME_PRESS
        self._outside_hint = Content("")

    # Layout

    def compose(self) -> ComposeResult:
        yield AskBody(self.request, self._values, self._pages, self._asker, self._workspace)
        yield Static("", classes="ask-hint")

    def on_mount(self) -> None:
        self._is_whole = True
        self._lay_out()
        self._show_fields()
        if self._came_from is not None and self._came_from.declining is not None:
            self.mount_decline_note(self._came_from.declining)
        self.asides_changed()
        if self._focus_wanted:
            self.focus()

    def on_resize(self) -> None:
        self._lay_out()

    def watch_virtual_size(self) -> None:
        # what is mounted while something else is being scrolled may be given its size without an event
        self._lay_out()

    def _lay_out(self) -> None:
        if not self._is_whole or not self.size:
            return
        self.set_class(self.size.width < 48, "-narrow")
        self.set_class(AskBody.is_low(self.size.height), "-low")
        self.set_class(self.size.height < _TINY, "-tiny")
        if (body := self._body) is not None:
            body.lay_out_context(self.size.height)
        self.asides_changed()

    def limit_rows(self, rows: int) -> None:
        """Be no higher than this; what does not fit scrolls."""
        self._most_rows = rows
        self.asides_changed()

    def asides_changed(self) -> None:
        self._show_hint()
        if self._most_rows is not None and (body := self._body) is not None:
            # each level by itself, because a height that follows the content takes no notice of limits inside
            below = self._hint_rows + (self.decline_note is not None)
            self.styles.max_height = self._most_rows
            body.styles.max_height = max(1, self._most_rows - below)

    @property
    def _hint_rows(self) -> int:
        return 2 if self.size.height >= _ROOMY else 1

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
                self._body.focus_first(was_read=self._begun)
        return self

    @property
    def place(self) -> FormPlace:
        """Where the user is, for a form of the same question to go on from."""
        focused, caret = focused_stop(self)
        note = self.decline_note
        return FormPlace(
            self._collect().held(),
            dict(self._errors),
            self._pages.index,
            note.value if note is not None else None,
            focused,
            caret,
            self._body.scroll_y if self._body is not None else 0,
        )

    def _show_fields(self) -> None:
        """Show the fields whose condition holds, and the errors that are known of them."""
        shown = self._collect().shown()
        for name, editor in self._editors.items():
            editor.display = name in shown
            editor.show_error(self._errors.get(name, ""))

    @property
    def outside_hint(self) -> Content:
        """The keys that do something while the focus is elsewhere."""
        return self._outside_hint

    @outside_hint.setter
    def outside_hint(self, hint: Content) -> None:
        if hint != self._outside_hint:
            self._outside_hint = hint
            self._show_hint()

    def _show_hint(self) -> None:
        if not self.is_attached:
            return
        if not self.has_focus_within:
            line = self._outside_hint
        elif (raw := self.raw) is not None:
            line = raw_hint(own_key(raw, "text.down"), own_key(raw, "text.up"), self._key("ask.later"))
        elif self.decline_note is not None:
            line = declining_hint(self._key("ask.later"))
        else:
            line = self._keys_now()
        for shown in self.query_children(".ask-hint").results(Static):
            shown.update(line)

    def _key(self, binding_id: str) -> str:
        return own_key(self.query_one(AskBody) if binding_id.startswith("text.") else self, binding_id)

    def _keys_now(self) -> Content:
        editor = self._focused_editor
        focused = self.screen.focused
        return hint(
            self.request,
            self.size.width - 2,
            rows=self._hint_rows,
            key=self._key,
            typing=self._is_typing,
            reading=self._body is not None and self._body.has_focus,
            enter_sends=self._is_alone and isinstance(focused, LineInput),
            keys=editor.keys()
            if editor is not None
            else ["Enter press"]
            if isinstance(focused, Button)
            else (),
            long_text=editor is not None and editor.long_text is not None,
            pages=self._pages.count,
        )

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
        self.post_message(DraftChanged(self._collect().draft()))

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
        if self._is_alone:
            self.action_send()
        else:
            self.screen.focus_next()

    @property
    def _is_alone(self) -> bool:
        """Whether there is one field, and nothing to choose besides: Enter sends it."""
        return len(self.request.fields) == 1 and not self.request.actions

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
        if self.decline_note is not None:
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
            self.post_message(Submitted({}, action.result, action.id))

    def _submit(self, action_id: str) -> None:
        values = self._collect().submission(action_id)
        if isinstance(values, list):
            self.show_errors(values)
            return
        self._errors.clear()
        self._show_fields()
        if time.monotonic() - self._sent_at > _SAME_PRESS:
            self._sent_at = time.monotonic()
            self.post_message(Submitted(values, "accept", action_id))

    async def action_later(self) -> None:
        """Leave the question open; or go back from declining it, or from how it was written."""
        if not await self.close_aside():
            self.post_message(Postponed())

    @on(Input.Submitted, ".ask-decline-note")
    def _finish_declining(self) -> None:
        note = self.decline_note
        self.post_message(Declined(note.value.strip() if note is not None else ""))

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
