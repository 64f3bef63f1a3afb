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


def send_word(request: InputRequest) -> str:
    """What it is called to answer: with nothing to fill in, there is nothing to send."""
    return "Send" if request.fields else "Accept"


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
        yield _button(send_word(request), "ask-send")
        yield _button("Decline", "ask-decline")
    yield _button("Later", "ask-later")


def _button(label: str, classes: str, *, name: str | None = None) -> Button:
    return Button(Content(label), compact=True, classes=classes, name=name)


_MOST_KEYS = 6


def _picking(field: Field) -> Iterator[str]:
    count = len(field.options)
    keys = [option.key or str(number) for number, option in enumerate(field.options, 1)]
    if not any(option.key for option in field.options):
        yield f"1-{min(9, count)} send" if count > 1 else "1 send"
    elif count <= _MOST_KEYS:
        yield f"{' '.join(keys)} send"
    else:
        yield "its key sends"
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
    rows: int = 1,
    reading: bool = False,
    enter_sends: bool = False,
    keys: Sequence[str] = (),
    long_text: bool = False,
    pages: int = 1,
) -> Content:
    """The keys that do something now, as many as have room in `rows` of `width` cells; the last resorts go first.

    `key` gives the key of one of the bindings of the form or its text by its id; `typing`: a letter is text;
    `reading`: the text above the fields has the focus; `enter_sends`: Enter sends the line that is typed; `keys`: those
    of the field that has the focus; `long_text`: an editor can be opened.
    """
    parts: list[tuple[int, str]] = []
    """Each with its rank: what has the highest is left out first."""
    send = key("ask.send")
    single = sends_on_pick(request)
    several = len(request.fields) > 1 or bool(request.actions)
    if reading:
        parts += [
            (1, f"{key('text.page_down')} {key('text.page_up')} read"),
            (1, "Tab next" if several else "Tab answer"),
        ]
    elif single and not typing:
        parts += [(1, part) for part in _picking(request.fields[0])]
        parts.append((2, "Enter send"))
    parts += [(2, own) for own in keys]
    if several and not reading:
        parts.append((4, "Tab next"))
    if request.actions:
        if typing:
            parts.append((1, f"{send} to the buttons"))
        else:
            parts += [(0, f"{action.key} {action.caption}") for action in request.actions if action.key]
    elif is_single_pick(request) and not typing:
        if not single and not reading:
            parts.append((1, "Enter send"))
    else:
        parts.append(
            (2 if reading else 0, "Enter send" if enter_sends else f"{send} {send_word(request).lower()}")
        )
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
    return Content("\n".join(_fitting(cleaned, width, rows)))


def _fitting(parts: list[tuple[int, str]], width: int, rows: int) -> list[str]:
    left = list(parts)
    while len(lines := _lines([text for _, text in left], width)) > rows and len(left) > 1:
        worst = max(range(len(left)), key=lambda index: (left[index][0], index))
        del left[worst]
    return lines


def _lines(texts: list[str], width: int) -> list[str]:
    """As many as fit side by side, then the next line."""
    lines: list[str] = []
    for text in texts:
        longer = f"{lines[-1]}{_SEPARATOR}{text}" if lines else text
        if lines and cell_len(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(text)
    return lines
