"""A question of the program itself: a few ways to go on, the harmless one first."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from piplan_tui.tui.key_names import keymap_of, own_key, with_keys
from piplan_tui.tui.plain_list import content_for, separator, wants_plain_list
from piplan_tui.tui.screens.focus_in_sight import FocusInSight
from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Span, as_sentence


@dataclass(frozen=True)
class Choice:
    """One way: `key` picks it at once; `id` is the dialog's result."""

    id: str
    key: str
    label: str
    effect: str = ""
    opens: bool = False
    """Whether a dialog with a field follows, which gets what is typed next."""


class ChoiceDialog(FocusInSight[str], ModalScreen[str]):
    """Ends with the id of a choice; with an empty string when it is left by Esc."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "leave", "Back", id="dialog.back", tooltip="Changes nothing"),
        Binding("j", "down", "Next choice", show=False, id="dialog.down"),
        Binding("k", "up", "Choice before", show=False, id="dialog.up"),
        Binding("pagedown", "page(1)", "Page down", show=False, priority=True, id="dialog.page_down"),
        Binding("pageup", "page(-1)", "Page up", show=False, priority=True, id="dialog.page_up"),
    ]

    def __init__(self, title: str, body: Sequence[Span], choices: Sequence[Choice]) -> None:
        super().__init__()
        self._title = title
        self._body = body
        self._choices = choices
        self._opening = True
        """Whether the user has not yet gone to another choice than the first, nor the size changed."""

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Static(to_content([Span(self._title, "strong")]), id="dialog-title")
            yield Static(id="dialog-body")
            yield OptionList(
                *(Option(self._label(choice), id=choice.id) for choice in self._choices), markup=False
            )
            hint = separator(self.app).join(("Enter choose", f"{own_key(self, 'dialog.back')} back"))
            yield Static(to_content([Span(hint, "dim")]), id="dialog-hint")

    @property
    def _short(self) -> bool:
        """Whether there are too few rows to say of every choice what it does: then of the one with the cursor."""
        return self.has_class("-few-rows")

    def _text(self) -> Content:
        keymap = keymap_of(self.app)
        body = [Span(with_keys(span.text, keymap), span.role) for span in self._body]
        index = self.query_one(OptionList).highlighted if self._short else None
        if index is not None and (effect := self._choices[index].effect):
            body = [Span(f"{as_sentence(effect)}\n", "accent"), *body]
        return content_for(self.app, body)

    def _arrange(self) -> None:
        """Say of the choices what there is room for."""
        listed = self.query_one(OptionList)
        for choice in self._choices:
            listed.replace_option_prompt(choice.id, self._label(choice))
        self._show_text()

    def _show_text(self) -> None:
        text = self._text()
        body = self.query_one("#dialog-body", Static)
        body.update(text)
        body.display = bool(text)

    def _label(self, choice: Choice) -> Content:
        words = wants_plain_list(self.app)
        spans = [Span(f"{choice.key}: " if words else f"{choice.key} ", "accent"), Span(choice.label)]
        if choice.effect and not self._short:
            spans.append(Span(f"{', ' if words else '  '}{choice.effect}", "dim"))
        return to_content(spans)

    def on_mount(self) -> None:
        self.query_one(OptionList).focus(scroll_visible=False)
        self._arrange()

    def on_resize(self) -> None:
        self.call_after_refresh(self._arrange)

    def on_option_list_option_highlighted(self, event: OptionList.OptionHighlighted) -> None:
        if self._short:
            self._show_text()
        if event.option_index > 0:
            self._opening = False
            self._scroll_to_focus(again=False)

    def _scroll_to_focus(self, *, again: bool = True) -> None:
        """At first what is asked is in sight, and then the choices."""
        dialog = self.query_one("#dialog")
        if self._opening or self._short:
            dialog.scroll_home(animate=False, immediate=True)
        else:
            dialog.scroll_to_widget(self.query_one(OptionList), animate=False, immediate=True)
        if again:
            self.call_after_refresh(self._scroll_to_focus, again=False)
        else:
            self._opening = False

    def on_option_list_option_selected(self, event: OptionList.OptionSelected) -> None:
        self.dismiss(event.option_id or "")

    def on_key(self, event: events.Key) -> None:
        for choice in self._choices:
            if event.character == choice.key:
                event.stop()
                self.dismiss(choice.id)
                return

    def opens_with(self, key: str, character: str | None) -> bool:
        """Whether this key picks a choice after which something is typed."""
        index = self.query_one(OptionList).highlighted if key == "enter" else None
        picked = [self._choices[index]] if index is not None else []
        picked += [choice for choice in self._choices if choice.key == character]
        return any(choice.opens for choice in picked)

    def action_leave(self) -> None:
        self.dismiss("")

    def action_down(self) -> None:
        self.query_one(OptionList).action_cursor_down()

    def action_up(self) -> None:
        self.query_one(OptionList).action_cursor_up()

    async def action_page(self, pages: int) -> None:
        """Through what is asked, where there is more of it than room, else through the choices."""
        dialog, choices = self.query_one("#dialog"), self.query_one(OptionList)
        if dialog.max_scroll_y:
            docked = choices.outer_size.height if self._short else 0
            rows = max(1, dialog.scrollable_content_region.height - docked - 1)
            dialog.scroll_relative(y=pages * rows, animate=False)
        else:
            await choices.run_action("page_down" if pages > 0 else "page_up")
