"""Fields that are picked: one of some options, several of them, yes or no."""

from __future__ import annotations

from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Field
from piplan_tui.tui.widgets.ask_fields.field_editor import FieldEditor
from piplan_tui.tui.widgets.ask_fields.option_rows import OptionRow, OptionRows
from piplan_tui.tui.widgets.ask_fields.text_editors import as_text, range_hint
from piplan_tui.tui.widgets.laid_out import LaidOut, markdown_rows

_LONGEST_PREVIEW = 40
_OTHER = OptionRow("Other…", "type your own")


class OptionsEditor(FieldEditor):
    """choice and multichoice. With `allow_other` a text of the user's own can be given instead, or besides."""

    def __init__(
        self, field: Field, *, initial: Any = None, show_label: bool = True, sends_on_pick: bool = False
    ) -> None:
        super().__init__(field, show_label=show_label)
        self._sends_on_pick = sends_on_pick
        self._multiple = field.type == "multichoice"
        self._values = [option.value for option in field.options]
        given = initial if isinstance(initial, list) else [] if initial is None else [initial]
        chosen = {
            index for index, value in enumerate(self._values) if any(_same(value, item) for item in given)
        }
        others = [as_text(item) for item in given if not any(_same(value, item) for value in self._values)]
        if field.allow_other and others:
            chosen.add(len(self._values))
        options = [
            OptionRow(
                clean_text(option.caption, keep_newlines=False),
                clean_text(option.description, keep_newlines=False),
                option.recommended,
                clean_text(option.key, keep_newlines=False)[:1],
            )
            for option in field.options
        ]
        if field.allow_other:
            options.append(_OTHER)
        self._rows = OptionRows(
            options,
            multiple=self._multiple,
            chosen=chosen,
            may_be_inline=self._multiple and not field.allow_other,
        )
        self._other = Input(
            clean_text(", ".join(others), keep_newlines=False),
            placeholder="your own answer",
            compact=True,
            select_on_focus=False,
        )
        self._other.display = len(self._values) in chosen
        # the user's own text counts as an answer to a question that was asked before
        self._answered = initial is not None

    def compose_input(self) -> ComposeResult:
        yield self._rows
        if self.field.allow_other:
            yield self._other
        if any(option.preview for option in self.field.options):
            yield LaidOut(self._preview, classes="ask-preview")

    def _preview(self, width: int) -> list[Content]:
        """What the option under the cursor looks like."""
        index = self._rows.cursor
        text = self.field.options[index].preview if index < len(self._values) else ""
        return markdown_rows(text, width)[:_LONGEST_PREVIEW] if text.strip() else []

    @on(OptionRows.Moved)
    def _show_preview(self, event: OptionRows.Moved) -> None:
        event.stop()
        for preview in self.query_children(LaidOut):
            preview.show(self._preview)

    @property
    def value(self) -> Any:
        chosen: list[Any] = [
            self._values[index] for index in sorted(self._rows.chosen) if index < len(self._values)
        ]
        if self._other_chosen and (text := self._other.value.strip()):
            chosen.append(text)
        if self._multiple:
            return chosen if chosen or self.touched or self._answered else None
        return chosen[0] if chosen else None

    @property
    def rows(self) -> OptionRows:
        return self._rows

    @property
    def _other_chosen(self) -> bool:
        return self.field.allow_other and len(self._values) in self._rows.chosen

    def hint(self) -> str:
        return (
            range_hint(self.field.min_items or None, self.field.max_items, "choices")
            if self._multiple
            else ""
        )

    @on(OptionRows.Picked)
    def _pick(self, event: OptionRows.Picked) -> None:
        event.stop()
        self._other.display = self._other_chosen
        if event.index == len(self._values) and self._other_chosen:
            self._other.focus()
        self.notice_change()
        # what was typed instead of an option is not lost to a slip of a finger
        own_text = self._other.display or self._other.value.strip()
        if event.by_key and self._sends_on_pick and not own_text:
            self.post_message(self.Entered(self))

    @on(OptionRows.Entered)
    def _enter(self, event: OptionRows.Entered) -> None:
        event.stop()
        if event.index < len(self._values) or self._multiple:
            self.post_message(self.Entered(self))

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.notice_change()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self))


class YesNoEditor(FieldEditor):
    """boolean: yes, no, or not answered yet."""

    def __init__(self, field: Field, *, initial: Any = None, show_label: bool = True) -> None:
        super().__init__(field, show_label=show_label)
        chosen = {True: (0,), False: (1,)}.get(initial, ()) if isinstance(initial, bool) else ()
        self._rows = OptionRows(
            [OptionRow("yes", key="y"), OptionRow("no", key="n")], chosen=chosen, may_be_inline=True
        )

    def compose_input(self) -> ComposeResult:
        yield self._rows

    @property
    def value(self) -> Any:
        return None if not self._rows.chosen else 0 in self._rows.chosen

    @on(OptionRows.Picked)
    def _pick(self, event: OptionRows.Picked) -> None:
        event.stop()
        self.notice_change()

    @on(OptionRows.Entered)
    def _enter(self, event: OptionRows.Entered) -> None:
        event.stop()
        self.post_message(self.Entered(self))


def _same(one: Any, other: Any) -> bool:
    """1 and True are equal to Python, not to a user."""
    return isinstance(one, bool) == isinstance(other, bool) and bool(one == other)
