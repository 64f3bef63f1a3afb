"""The names of the detail tabs, one of them open."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Role, Span
from piplan_tui.views.spoken_rows import tabs_sentence

TABS = ("Input", "Output", "Tools", "Prompt", "Result", "Attempts")
_SHORTER = (
    TABS,
    ("Input", "Out", "Tools", "Prompt", "Result", "Attempts"),
    ("In", "Out", "Tools", "Prompt", "Res", "Att"),
)
"""The beginnings of the names, never other words."""
_LEAST_LETTERS = ("In", "Ou", "To", "Pr", "Re", "At")


class TabBar(Widget):
    """`1 Input [2 Output] 3 Tools …`; a click opens a tab."""

    tab: reactive[int] = reactive(2)
    needs_you: reactive[bool] = reactive(False)

    @dataclass
    class Chosen(Message):
        tab: int

    def _labels(self) -> list[str]:
        for names in (*_SHORTER, _LEAST_LETTERS, ("",) * len(TABS)):
            labels = [f"{number} {name}".rstrip() for number, name in enumerate(names, 1)]
            # a space after each, brackets around one
            if sum(cell_len(label) + 1 for label in labels) + 1 <= self.size.width:
                break
        return [
            f"[{label}] " if number == self.tab else f"{label} " for number, label in enumerate(labels, 1)
        ]

    def render(self) -> Content:
        if wants_plain_list(self.app):
            return Content(f" {tabs_sentence(TABS, self.tab, needs_you=self.needs_you)}")
        spans = []
        for number, label in enumerate(self._labels(), 1):
            role: Role = (
                "strong" if number == self.tab else "attention" if number == 1 and self.needs_you else "dim"
            )
            spans.append(Span(label, role))
        return to_content(spans)

    def on_click(self, event: events.Click) -> None:
        x = 0
        for number, label in enumerate(self._labels(), 1):
            x += cell_len(label)
            if event.x < x:
                self.post_message(self.Chosen(number))
                return
