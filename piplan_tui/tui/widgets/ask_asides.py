"""What is opened besides the fields of a form and closed again: why the user refuses, the question as it was written,
all of its context."""

from __future__ import annotations

from textual.widget import Widget
from textual.widgets import Input

from piplan_tui.run.asks import InputRequest
from piplan_tui.tui.widgets.ask_body import AskBody
from piplan_tui.tui.widgets.ask_fields import LineInput
from piplan_tui.tui.widgets.ask_raw import RawRequest


class AskAsides(Widget):
    """The part of a form that has them; the focus goes back to where it was."""

    request: InputRequest

    def __init__(self) -> None:
        super().__init__()
        self._focus_before: Widget | None = None

    def asides_changed(self) -> None:
        """To be made: what the form says below them, and how much room it has, may be different now."""
        raise NotImplementedError

    @property
    def decline_note(self) -> Input | None:
        """Where the user says why they refuse, while they do."""
        return next(iter(self.query_children(".ask-decline-note").results(Input)), None)

    @property
    def raw(self) -> RawRequest | None:
        """The question as it was written, while that is shown."""
        return next(iter(self.query_children(RawRequest)), None)

    def action_decline(self) -> None:
        """Ask why, in one line that may stay empty; Enter there declines."""
        if self.decline_note is None:
            self._focus_before = self.screen.focused
            self.mount_decline_note()
        if (note := self.decline_note) is not None:
            note.focus()

    def mount_decline_note(self, text: str = "") -> None:
        note = LineInput(text, placeholder="Why not? (may stay empty)")
        note.add_class("ask-decline-note")
        self.mount(note, before=self.query_one(".ask-hint"))
        self.asides_changed()

    async def action_raw(self) -> None:
        """Show the question as it was written, or the form again."""
        raw = self.raw
        self.query_one(AskBody).display = raw is not None
        if raw is not None:
            await raw.remove()
            self._focus_again()
        else:
            self._focus_before = self.screen.focused
            raw = RawRequest(self.request)
            await self.mount(raw, before=self.query_one(".ask-hint"))
            raw.focus()
        self.asides_changed()

    def action_context(self) -> None:
        """Show the context whole, to be read; or a few lines of it again."""
        body = self.query_one(AskBody)
        body.lay_out_context(self.size.height, turn=True)
        if not body.context_unfolded:
            self._focus_again()
        elif not body.has_focus:
            self._focus_before = self.screen.focused
            body.read_context()

    async def close_aside(self) -> bool:
        """Close the one that is open; False when there is none."""
        if self.raw is not None:
            await self.action_raw()
        elif (note := self.decline_note) is not None:
            await note.remove()
            self._focus_again()
            self.asides_changed()
        else:
            return False
        return True

    def _focus_again(self) -> None:
        """Put the focus back to where it was before it was taken to something that is closed now."""
        before, self._focus_before = self._focus_before, None
        if before is not None and before.is_attached and before.focusable:
            before.focus(scroll_visible=False)
        else:
            self.focus()
