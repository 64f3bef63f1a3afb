"""What can be done with a form: its buttons, and the line that names its keys."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from rich.cells import cell_len
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


def make_buttons(request: InputRequest, *, pages: int = 1) -> Iterator[Button]:
    """A button for each action of a review (class `ask-action`, named by its id), or one to send and one to
    decline (`ask-send`, `ask-decline`); one for later (`ask-later`); where there are several pages, also
    those to turn them (`ask-page-on`, `ask-page-back`), which come first."""
    if pages > 1:
        yield _button("Next page", "ask-page-on")
        yield _button("Page before", "ask-page-back")
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


_SEPARATOR = " · "


def declining_hint(back: str) -> Content:
    """The keys while the user writes why they refuse."""
    return Content(f"Enter decline{_SEPARATOR}{back} back")


def raw_hint(down: str, up: str, back: str) -> Content:
    """The keys while the question is shown as it was written."""
    return Content(_SEPARATOR.join(("as it was asked", f"{down} {up} scroll", f"{back} back to the form")))


def hint(
    request: InputRequest,
    width: int,
    *,
    key: Callable[[str], str],
    typing: bool,
    reading: bool = False,
    keys: Sequence[str] = (),
    long_text: bool = False,
    pages: int = 1,
) -> Content:
    """The keys that do something now, as many as have room in `width` cells; the last resorts go first.

    `key` gives the key of one of the form's bindings by its id; `typing`: a letter is text; `reading`: the text above
    the fields has the focus; `keys`: those of the field that has it; `long_text`: an editor can be opened.
    """
    parts: list[tuple[int, str]] = []
    """Each with its rank: what has the highest is left out first."""
    single = sends_on_pick(request)
    several = len(request.fields) > 1 or bool(request.actions)
    if reading:
        parts.append((1, "PgDn PgUp read"))
    elif single and not typing:
        parts += [(1, part) for part in _picking(request.fields[0])]
        parts.append((2, "Enter send"))
    parts += [(2, own) for own in keys]
    if reading or several:
        parts.append((4 if several else 1, "Tab next" if several else "Tab to the answer"))
    if request.actions and not typing:
        parts += [(0, f"{action.key} {action.caption}") for action in request.actions if action.key]
    elif is_single_pick(request) and not typing:
        if not single and not reading:
            parts.append((1, "Enter send"))
    elif not request.actions:
        parts.append((0, f"{key('ask.send')} send"))
    if long_text:
        parts.append((3, f"{key('ask.edit')} editor"))
    if pages > 1:
        parts.append((3, f"{key('ask.next_page')} next page"))
    decline, later = key("ask.decline"), key("ask.later")
    if not typing and not any(action.key == decline for action in request.actions):
        parts.append((3, f"{decline} decline"))
    if not any(own.startswith(f"{later} ") for own in keys):
        parts.append((1, f"{later} later"))
    cleaned = [(rank, clean_text(text, keep_newlines=False)) for rank, text in parts]
    return Content(_SEPARATOR.join(_fitting(cleaned, width)))


def _fitting(parts: list[tuple[int, str]], width: int) -> list[str]:
    left = list(parts)
    while len(left) > 1 and cell_len(_SEPARATOR.join(text for _, text in left)) > width:
        worst = max(range(len(left)), key=lambda index: (left[index][0], index))
        del left[worst]
    return [text for _, text in left]
