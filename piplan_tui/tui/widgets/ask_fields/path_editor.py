"""Fields for one path or several, which Tab completes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import anyio.to_thread
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static, TextArea

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Field
from piplan_tui.run.asks.request import PathRule
from piplan_tui.tui.background import in_background
from piplan_tui.tui.charset import cursor_sign
from piplan_tui.tui.path_completion import common_part, complete_path
from piplan_tui.tui.widgets.ask_fields.field_editor import FieldEditor
from piplan_tui.tui.widgets.ask_fields.text_editors import BlockEditor, LineEditor, LineInput
from piplan_tui.tui.widgets.leaves_nothing import LeavesNothing

_SHOWN = 8


class Completing(Message):
    """The user asks how a path may go on; with `go_on`, the focus goes to the next field if it may not."""

    def __init__(self, go_on: bool) -> None:
        super().__init__()
        self.go_on = go_on


class PathInput(LineInput):
    """A line that asks to be completed when Tab is pressed in it, unless there is nothing in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete(1)", "Complete", show=False, id="ask.complete"),
        Binding("down", "complete(0)", "What there is", show=False, id="ask.complete_list"),
    ]

    def action_complete(self, go_on: int) -> None:
        if go_on and not self.value.strip():
            self.screen.focus_next()
        else:
            self.post_message(Completing(bool(go_on)))


class PathArea(LeavesNothing, TextArea):
    """Lines that ask to be completed when Tab is pressed in them; in an empty one, Tab goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete", "Complete", show=False, id="ask.complete"),
    ]

    @property
    def line(self) -> str:
        """That of the cursor."""
        return self.document.get_line(self.cursor_location[0])

    def replace_line(self, text: str) -> None:
        row = self.cursor_location[0]
        self.replace(text, (row, 0), (row, len(self.line)), maintain_selection_offset=False)
        self.move_cursor((row, len(text)))

    def action_complete(self) -> None:
        if self.line.strip():
            self.post_message(Completing(True))
        else:
            self.screen.focus_next()


class PathCompletion(FieldEditor):
    """Tab completes as far as it is clear, shows what there is, goes through it, and then on to the next field."""

    def set_up(self, workspace: Path | None) -> None:
        self._workspace = workspace
        self._found: list[str] = []
        self._turn = -1
        """Which of them stands in the line because Tab was pressed again."""

    @property
    def typed(self) -> str:
        """The path in which the cursor is."""
        raise NotImplementedError

    def put_typed(self, text: str) -> None:
        """Put another path in its place."""
        raise NotImplementedError

    def on_completing(self, event: Completing) -> None:
        event.stop()
        if self._workspace is None:
            self.screen.focus_next()
        elif len(self._found) > 1 and event.go_on:
            self._turn += 1
            if self._turn == len(self._found):
                self.screen.focus_next()
            else:
                self._put(self._found[self._turn])
                self._show_found()
        else:
            look = partial(self._look, self._workspace, self.typed, event.go_on)
            in_background(self, look, exclusive=True, group="complete")

    async def _look(self, workspace: Path, typed: str, go_on: bool) -> None:
        rule = self.field.path or PathRule()
        found = await anyio.to_thread.run_sync(complete_path, workspace, rule, typed)
        if not self.is_attached or self.typed != typed or not self.has_focus_within:
            return  # the user typed on meanwhile
        longer = common_part(found)
        self._found, self._turn = (found if len(found) > 1 else []), -1
        self._show_found()
        if len(longer) > len(typed):
            self._put(longer)
        elif go_on and len(found) <= 1:
            self.screen.focus_next()

    def _put(self, text: str) -> None:
        with self.prevent(Input.Changed, TextArea.Changed):
            self.put_typed(text)
        self.notice_change()

    def forget_found(self) -> None:
        """What was found does not fit any more."""
        self._found = []
        self._show_found()

    def on_descendant_blur(self) -> None:
        self.forget_found()
        super().on_descendant_blur()

    def _show_found(self) -> None:
        shown = self.query_children(".ask-found").results(Static)
        label = next(iter(shown), None)
        if not self._found:
            if label is not None:
                label.remove()
            return
        first = max(0, min(self._turn - _SHOWN // 2, len(self._found) - _SHOWN))
        lines = [
            Content.assemble(
                f"{cursor_sign(self.app)} " if first + number == self._turn else "  ",
                clean_text(path, keep_newlines=False),
            ).stylize("bold $text-accent" if first + number == self._turn else "$foreground-muted")
            for number, path in enumerate(self._found[first : first + _SHOWN])
        ]
        if (hidden := len(self._found) - len(lines)) > 0:
            lines.append(Content.styled(f"  … {hidden:,} more", "$foreground-muted"))
        text = Content("\n").join(lines)
        if label is None:
            self.mount(Static(text, classes="ask-found"))
        else:
            label.update(text)
        self.call_after_refresh(self.show_input)


class PathEditor(PathCompletion, LineEditor):
    """One path; Down shows what there is."""

    def __init__(
        self, field: Field, *, initial: Any = None, show_label: bool = True, workspace: Path | None = None
    ) -> None:
        super().__init__(field, initial=initial, show_label=show_label)
        self.set_up(workspace)

    def make_input(self, text: str, placeholder: str) -> LineInput:
        return PathInput(text, placeholder=placeholder, password=False, kind="path")

    @property
    def typed(self) -> str:
        return self._input.value

    def put_typed(self, text: str) -> None:
        with self._input.prevent(Input.Changed):
            self._input.value = text
        self._input.cursor_position = len(text)

    def on_input_changed(self, event: Input.Changed) -> None:
        self.forget_found()
        super().on_input_changed(event)


class PathsEditor(PathCompletion, BlockEditor):
    """Several paths, one to a line."""

    def __init__(
        self, field: Field, *, initial: Any = None, show_label: bool = True, workspace: Path | None = None
    ) -> None:
        super().__init__(field, initial=initial, show_label=show_label)
        self.set_up(workspace)

    def make_area(self, text: str) -> TextArea:
        return PathArea(
            text,
            compact=True,
            soft_wrap=False,
            placeholder=self.field.placeholder,
            highlight_cursor_line=False,
        )

    @property
    def typed(self) -> str:
        assert isinstance(self._area, PathArea)
        return self._area.line

    def put_typed(self, text: str) -> None:
        assert isinstance(self._area, PathArea)
        with self._area.prevent(TextArea.Changed):
            self._area.replace_line(text)

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        self.forget_found()
        super().on_text_area_changed(event)
