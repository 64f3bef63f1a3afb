"""The question as the asker wrote it."""

from __future__ import annotations

import json

from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Static

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import InputRequest
from piplan_tui.tui.widgets.text_scroll import TextScroll

_LONGEST = 100_000


def raw_text(request: InputRequest) -> str:
    """The request as it came in, as JSON, and what was changed or left out in reading it."""
    raw = request.to_json() if request.raw is None else request.raw
    text = raw if isinstance(raw, str) else json.dumps(raw, ensure_ascii=False, indent=2, default=str)
    notes = "".join(f"\n- {note}" for note in request.notes)
    cut = text[:_LONGEST] + ("\n… (cut)" if len(text) > _LONGEST else "")
    return clean_text(f"{cut}\n\nIn reading it:{notes}" if notes else cut)


class RawRequest(TextScroll):
    """Stands in place of the form until it is closed."""

    def __init__(self, request: InputRequest) -> None:
        super().__init__(classes="ask-raw", can_focus=True)
        self._text = raw_text(request)

    def compose(self) -> ComposeResult:
        yield Static(Content(self._text))
