"""Fields that are picked: one of some options, several of them, yes or no."""

from __future__ import annotations

from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.widgets import Input, Static

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Field
from piplan_tui.tui.widgets.ask_fields.field_editor import FieldEditor
from piplan_tui.tui.widgets.ask_fields.option_rows import OptionRow, OptionRows
from piplan_tui.tui.widgets.ask_fields.text_editors import LineInput, as_text, range_hint
from piplan_tui.tui.widgets.laid_out import LaidOut, markdown_rows
from piplan_tui.tui.widgets.leaves_nothing import LeavesNothing

_LONGEST_PREVIEW = 40
_MANY = 9
"""Options beyond which one can be looked for by a part of it."""
_OTHER = OptionRow("Other…", "type your own")


class OptionFilter(LeavesNothing, Input):
    """A line for a part of the option that is looked for; Up and Down move among those that are left."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down", "move(1)", "Down", show=False),
        Binding("up", "move(-1)", "Up", show=False),
        Binding("escape", "leave", "All options", show=False),
    ]

    def __init__(self, rows: OptionRows, own: int | None, count: int) -> None:
        super().__init__(placeholder=f"a part of one of {count} options", compact=True, classes="ask-filter")
        self._rows = rows
        self._own = own
        self.display = False

    def begin(self) -> None:
        self.display = True
        self.focus()

    def watch_has_focus(self, focus: bool) -> None:
        super().watch_has_focus(focus)
        self._rows.finding = focus

    def action_move(self, by: int) -> None:
        self._rows.action_move(by)

    def action_leave(self) -> None:
        self.value = ""
        self.display = False
        self._rows.focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._rows.look_for(self.value, always=self._own)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        # what is sent is seen before: the option is picked now, and sent by Enter on it
        event.stop()
        self._rows.action_pick()
        self._rows.focus()


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
            can_find=self._is_long,
        )
        self._other = LineInput(
            clean_text(", ".join(others), keep_newlines=False), placeholder="your own answer"
        )
        self._other.display = len(self._values) in chosen
        self._filter = OptionFilter(
            self._rows, len(self._values) if field.allow_other else None, len(self._values)
        )
        # the user's own text counts as an answer to a question that was asked before
        self._answered = initial is not None

    def compose_input(self) -> ComposeResult:
        if self._is_long:
            # above them, because what is below so many is seen last
            yield Static(
                f"{len(self._values)} options, / finds one by a part of it", classes="ask-note-above"
            )
            yield self._filter
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
    def _is_long(self) -> bool:
        return len(self._values) > _MANY

    @on(OptionRows.Finding)
    def _find(self, event: OptionRows.Finding) -> None:
        event.stop()
        self._filter.begin()

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

    def keys(self) -> list[str]:
        if self._filter.has_focus:
            return ["Up Down move", "Enter pick", "Esc all options"]
        if not self._rows.has_focus:
            return []
        find = ["/ find"] if self._is_long else []
        if self._sends_on_pick:
            return find
        count = min(9, self._rows.count)
        digits = f"1-{count} " if count > 1 and self._rows.shows_numbers else ""
        return [f"{digits}Space pick", *find]

    def hint(self) -> str:
        field = self.field
        return range_hint(field.min_items or None, field.max_items, "choice") if self._multiple else ""

    def focus_input(self) -> None:
        self._rows.focus(scroll_visible=False)

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

    def keys(self) -> list[str]:
        return ["y n pick"]

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
