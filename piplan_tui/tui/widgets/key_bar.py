"""The last line: the keys that do something now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual import events
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget

from piplan_tui.tui.key_offers import KEPT, Offer
from piplan_tui.tui.plain_list import wants_plain_list
from piplan_tui.tui.spans import to_content
from piplan_tui.views.line import Span


class KeyBar(Widget):
    """Shows as many of `offers` as fit; the ways out always. A click on one is its key."""

    offers: reactive[Sequence[Offer]] = reactive(())

    @dataclass
    class Pressed(Message):
        offer: Offer

    def shown(self) -> list[Offer]:
        """Those that have room."""
        fixed = [offer for offer in self.offers if offer.id in KEPT]
        fixed.sort(key=lambda offer: offer.id.startswith("app."))  # the way back, then help and leave
        room = self.size.width - 2 - sum(_width(offer) for offer in fixed)
        shown = []
        for offer in self.offers:
            if offer.id in KEPT:
                continue
            if (room := room - _width(offer)) < 0:
                break
            shown.append(offer)
        return [*shown, *fixed]

    def render(self) -> Content:
        spans = [Span(" ")]
        shown = self.shown()
        for index, offer in enumerate(shown, 1):
            between = index < len(shown) and wants_plain_list(self.app)
            # the comma is as wide as the gap, so that a click finds its key
            spans += [
                Span(offer.key, "accent"),
                Span(f" {offer.label}{', ' if between else '  '}", "dim"),
            ]
        return to_content(spans)

    def on_click(self, event: events.Click) -> None:
        x = 1
        for offer in self.shown():
            if x <= event.x < x + _width(offer):
                self.post_message(self.Pressed(offer))
                return
            x += _width(offer)


def _width(offer: Offer) -> int:
    return cell_len(offer.key) + 1 + cell_len(offer.label) + 2
