"""The last line: the keys that do something now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from piplan_tui.tui.actions import BY_ID, Action
from piplan_tui.tui.key_names import first_key, is_text, key_name, keymap_of
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Span

_KEPT = ("app.help", "app.quit")


class KeyBar(Widget):
    """Shows as many of `actions` as fit; help and leave always. A click on one is its key."""

    actions: reactive[Sequence[Action]] = reactive(())
    typing: reactive[bool] = reactive(False)
    """Whether a letter is text just now: then only what has another key is shown."""

    @dataclass
    class Pressed(Message):
        action: Action

    def _key(self, action: Action) -> str:
        """The key to show, empty if there is none that does it now."""
        keymap = keymap_of(self.app)
        if self.typing:
            keys = (keymap.get(action.id) or action.keys).split(",")
            return next((key_name(key) for key in keys if not is_text(key)), "")
        key = first_key(action.id, keymap)
        return f"{key}/{first_key('tree.up', keymap)}" if action.id == "tree.down" else key

    def _offered(self) -> Sequence[Action]:
        if not self.typing:
            return self.actions
        # where there is one line or block of text, movement and going back are its own
        kept = [action for action in self.actions if action.where == "app" and action.id != "app.quit"]
        return [*kept, replace(BY_ID["app.interrupt"], bar="leave")] if self.actions else []

    def _labels(self) -> list[tuple[Action, str, str]]:
        labels = [(action, key, action.bar) for action in self._offered() if (key := self._key(action))]
        fixed = [label for label in labels if label[0].id in _KEPT]
        room = self.size.width - 2 - sum(_width(label) for label in fixed)
        shown = []
        for label in labels:
            if label[0].id in _KEPT:
                continue
            if (room := room - _width(label)) < 0:
                break
            shown.append(label)
        return [*shown, *fixed]

    def render(self) -> Content:
        spans = [Span(" ")]
        labels = self._labels()
        for index, (_, key, label) in enumerate(labels, 1):
            between = index < len(labels) and wants_plain_list(self.app)
            # the comma is as wide as the gap, so that a click finds its key
            spans += [Span(key, "accent"), Span(f" {label}{', ' if between else '  '}", "dim")]
        return to_content(spans)

    def on_click(self, event: events.Click) -> None:
        x = 1
        for label in self._labels():
            if x <= event.x < x + _width(label):
                self.post_message(self.Pressed(label[0]))
                return
            x += _width(label)


def _width(label: tuple[Action, str, str]) -> int:
    return cell_len(label[1]) + 1 + cell_len(label[2]) + 2
