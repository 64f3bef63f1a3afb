"""Where the user is in a form, so that the same form in another place goes on from there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from textual.widget import Widget
from textual.widgets import Button, Input, TextArea

from piplan_tui.tui.widgets.ask_body import AskBody
from piplan_tui.tui.widgets.ask_fields import OptionRows

_STOPS = (AskBody, Input, TextArea, OptionRows, Button)


@dataclass(frozen=True)
class FormPlace:
    """What was filled in, with secrets, so never to be stored; and what a form of another size shows again."""

    values: Mapping[str, Any]
    errors: Mapping[str, str]
    page: int
    declining: str | None
    """Why the user refuses, as far as that is typed; None while they do not refuse."""
    focused: int | None
    """Which of the form's stops has the focus, counted in their order."""
    caret: Any
    scroll_y: float


def focused_stop(form: Widget) -> tuple[int | None, Any]:
    """Which stop of the form has the focus, if any, and the place in it."""
    for index, stop in enumerate(_stops(form)):
        if stop.has_focus:
            return index, _caret(stop)
    return None, None


def focus_stop(form: Widget, index: int, caret: Any) -> None:
    """Give the focus back to this stop, at the same place in it."""
    stops = _stops(form)
    if not 0 <= index < len(stops):
        return
    stop = stops[index]
    if isinstance(stop, AskBody):
        stop.can_focus = True
    stop.focus(scroll_visible=False)
    # the focus is given by the app, and what it does to the selection is done by the stop: both come first
    form.app.call_later(stop.call_later, _put_caret, stop, caret)


def _stops(form: Widget) -> list[Widget]:
    return [widget for widget in form.walk_children(Widget) if isinstance(widget, _STOPS)]


def _caret(stop: Widget) -> Any:
    if isinstance(stop, Input | TextArea):
        return stop.selection
    return stop.cursor if isinstance(stop, OptionRows) else None


def _put_caret(stop: Widget, caret: Any) -> None:
    if isinstance(stop, Input | TextArea):
        stop.selection = caret
    elif isinstance(stop, OptionRows):
        stop.cursor = caret
