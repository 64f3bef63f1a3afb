"""What can be done with a form: its buttons, and the line that names its keys."""

from __future__ import annotations

from collections.abc import Iterator

from textual.content import Content
from textual.widgets import Button

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Action, Field, InputRequest


def is_single_pick(request: InputRequest) -> bool:
    """Whether the whole answer is one option: then the keys are enough, and no buttons are shown."""
    fields = request.fields
    return len(fields) == 1 and fields[0].type in ("choice", "boolean") and not request.actions


def sends_on_pick(request: InputRequest) -> bool:
    """Whether the number of an option sends it. Yes and no are letters, which are hit more easily: those pick."""
    return is_single_pick(request) and request.fields[0].type == "choice"


def action_of_key(request: InputRequest, key: str | None) -> Action | None:
    """The action of a review that this character stands for."""
    return next((action for action in request.actions if key and action.key == key), None)


def make_buttons(request: InputRequest) -> Iterator[Button]:
    """A button for each action of a review (class `ask-action`, named by its id), or one to send and one to
    decline (`ask-send`, `ask-decline`); and one for later (`ask-later`)."""
    for action in request.actions:
        key = clean_text(action.key, keep_newlines=False)
        label = clean_text(action.caption, keep_newlines=False)
        button = _button(f"{label} ({key})" if key else label, "ask-action", name=action.id)
        button.set_class(action.result != "accept", "-refuses")
        yield button
    if not request.actions:
        yield _button("Send", "ask-send")
        yield _button("Decline", "ask-decline")
    yield _button("Later", "ask-later")


def _button(label: str, classes: str, *, name: str | None = None) -> Button:
    return Button(Content(label), compact=True, classes=classes, name=name)


def _picking(field: Field) -> Iterator[str]:
    count = len(field.options)
    if any(option.key for option in field.options):
        yield "its key sends"
    else:
        yield f"1-{min(9, count)} send" if count > 1 else "1 send"
    if field.allow_other and count < 9:
        yield f"{count + 1} your own"


DECLINING_HINT = Content("Enter decline · Esc back")
RAW_HINT = Content("as it was asked · j k scroll · Esc back to the form")


def hint(request: InputRequest, *, typing: bool, long_text: bool, page: int = 0, pages: int = 1) -> Content:
    """The keys that do something now. `typing`: a letter is text; `long_text`: an editor can be opened."""
    parts: list[str] = []
    if sends_on_pick(request) and not typing:
        parts += [*_picking(request.fields[0]), "Enter send"]
    elif is_single_pick(request) and not typing:
        parts += ["y n pick", "Enter send"]
    else:
        if pages > 1:
            parts.append(f"page {page + 1} of {pages}: Ctrl-PgDn PgUp")
        if len(request.fields) > 1 or request.actions:
            parts.append("Tab next")
        if not request.actions:
            parts.append("Ctrl-s send")
        elif not typing:
            parts += [f"{action.key} {action.caption}" for action in request.actions if action.key]
        if long_text:
            parts.append("Ctrl-e editor")
    if not typing and not any(action.key == "d" for action in request.actions):
        parts.append("d decline")
    parts.append("Esc later")
    return Content(clean_text(" · ".join(parts), keep_newlines=False))
