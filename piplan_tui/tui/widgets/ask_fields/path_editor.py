"""A field for one path, which Tab completes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import anyio.to_thread
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.widgets import Input, Static

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Field
from piplan_tui.run.asks.request import PathRule
from piplan_tui.tui.path_completion import common_part, complete_path
from piplan_tui.tui.widgets.ask_fields.text_editors import LineEditor, LineInput

_SHOWN = 8


class PathInput(LineInput):
    """A line that asks to be completed when Tab is pressed in it, unless there is nothing in it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("tab", "complete(1)", "Complete", show=False, id="ask.complete"),
        Binding("down", "complete(0)", "What there is", show=False, id="ask.complete_list"),
    ]

    class Completing(Message):
        """The user asks how this may go on; with `go_on`, the focus goes to the next field if it may not."""

        def __init__(self, go_on: bool) -> None:
            super().__init__()
            self.go_on = go_on

    def action_complete(self, go_on: int) -> None:
        if go_on and not self.value.strip():
            self.screen.focus_next()
        else:
            self.post_message(self.Completing(bool(go_on)))


class PathEditor(LineEditor):
    """Tab completes as far as it is clear, shows what there is, and then goes through it; Down only shows it."""

    def __init__(
        self, field: Field, *, initial: Any = None, show_label: bool = True, workspace: Path | None = None
    ) -> None:
        super().__init__(field, initial=initial, show_label=show_label)
        self._workspace = workspace
        self._found: list[str] = []
        self._turn = -1
        """Which of them stands in the line because Tab was pressed again."""

    def make_input(self, text: str, placeholder: str) -> LineInput:
        return PathInput(text, placeholder=placeholder, password=False, kind="path")

    def on_path_input_completing(self, event: PathInput.Completing) -> None:
        event.stop()
        if self._workspace is None:
            self.screen.focus_next()
        elif len(self._found) > 1 and event.go_on:
            self._turn = (self._turn + 1) % len(self._found)
            self._put(self._found[self._turn])
            self._show_found()
        else:
            look = partial(self._look, self._workspace, self._input.value, event.go_on)
            self.run_worker(look(), exclusive=True, group="complete")

    async def _look(self, workspace: Path, typed: str, go_on: bool) -> None:
        rule = self.field.path or PathRule()
        found = await anyio.to_thread.run_sync(complete_path, workspace, rule, typed)
        if self._input.value != typed or not self._input.has_focus:
            return  # the user typed on meanwhile
        longer = common_part(found)
        self._found, self._turn = (found if len(found) > 1 else []), -1
        self._show_found()
        if len(longer) > len(typed):
            self._put(longer)
        elif go_on and len(found) <= 1:
            self.screen.focus_next()

    def _put(self, text: str) -> None:
        with self._input.prevent(Input.Changed):
            self._input.value = text
        self._input.cursor_position = len(text)
        self.notice_change()

    def on_input_changed(self, event: Input.Changed) -> None:
        self._found = []
        self._show_found()
        super().on_input_changed(event)

    def on_descendant_blur(self) -> None:
        self._found = []
        self._show_found()
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
            Content.styled(
                clean_text(path, keep_newlines=False),
                "bold $text-accent" if first + number == self._turn else "$foreground-muted",
            )
            for number, path in enumerate(self._found[first : first + _SHOWN])
        ]
        if (hidden := len(self._found) - len(lines)) > 0:
            lines.append(Content.styled(f"… {hidden:,} more", "$foreground-muted"))
        text = Content("\n").join(lines)
        if label is None:
            self.mount(Static(text, classes="ask-found"))
        else:
            label.update(text)
        self.call_after_refresh(self.show_input)
