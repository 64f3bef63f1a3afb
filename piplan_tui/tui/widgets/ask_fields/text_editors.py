"""Fields that are typed: one line, or a block of text."""

from __future__ import annotations

import json
from typing import Any

from textual import events
from textual.app import ComposeResult
from textual.content import Content
from textual.widgets import Input, Static, TextArea

from piplan_tui.clean import clean_text
from piplan_tui.run.asks import Field
from piplan_tui.tui.widgets.ask_fields.field_editor import FieldEditor
from piplan_tui.tui.widgets.leaves_nothing import LeavesNothing

_SUFFIXES = {
    "python": "py",
    "javascript": "js",
    "typescript": "ts",
    "markdown": "md",
    "shell": "sh",
    "rust": "rs",
}
_LIKE = {"date": "2026-05-31", "datetime": "2026-05-31 14:00"}
_FORMATS = {
    "email": "like ann@example.org",
    "uri": "like https://example.org",
    "date": "like 2026-05-31",
    "date-time": "like 2026-05-31T14:00",
}


def as_text(value: Any) -> str:
    """A default or a draft as the user would have typed it."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return "\n".join(value)
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) else None)


def together(*parts: str) -> str:
    """The hints that there are, in one."""
    return ", ".join(part for part in parts if part)


def range_hint(low: float | None, high: float | None, unit: str = "") -> str:
    """`1 to 20`, `at least 1`, `at most 20 characters`; `unit` is said of one."""
    if low is None and high is None:
        return ""
    most = low if high is None else high
    unit = f" {unit}" if unit and most == 1 else f" {unit}s" if unit else ""
    if low is None:
        return f"at most {high:,}{unit}"
    if low == high:
        return f"exactly {low:,}{unit}"
    return f"at least {low:,}{unit}" if high is None else f"{low:,} to {high:,}{unit}"


class LineInput(LeavesNothing, Input):
    """A line of text that takes several pasted lines as one, and loses none of them."""

    def __init__(self, value: str, *, placeholder: str, password: bool = False, kind: str = "text") -> None:
        super().__init__(
            value=value,
            placeholder=placeholder,
            password=password,
            compact=True,
            select_on_focus=False,
            type="integer" if kind == "integer" else "number" if kind == "number" else "text",
        )

    def _on_paste(self, event: events.Paste) -> None:
        event.stop()
        event.prevent_default()
        text = clean_text(event.text).strip("\n")
        if not self.password:
            # a secret of several lines, such as a key, is not seen anyway, and is wrong without its line ends
            lines = [line.strip() for line in text.split("\n")]
            if len(lines) > 1:
                self.notify(f"{len(lines):,} lines were put into one.", markup=False)
                text = " ".join(filter(None, lines))
        self.replace(text, *self.selection)


class TextBox(LeavesNothing, TextArea):
    """Text of several lines."""


class LineEditor(FieldEditor):
    """text, secret, number, integer, date and datetime: one line."""

    def __init__(self, field: Field, *, initial: Any = None, show_label: bool = True) -> None:
        super().__init__(field, show_label=show_label)
        text = clean_text(as_text(initial), keep_newlines=False)
        placeholder = field.placeholder
        if not placeholder and field.examples:
            placeholder = f"for example {as_text(field.examples[0])}"
        self._input = self.make_input(text, clean_text(placeholder, keep_newlines=False))
        # what somebody else put in is replaced by what is typed; what the user wrote is gone on with
        self._prefilled = text if field.has_default and initial == field.default else ""
        self._input.select_on_focus = bool(self._prefilled)

    def make_input(self, text: str, placeholder: str) -> LineInput:
        kind = self.field.type
        return LineInput(text, placeholder=placeholder, password=kind == "secret", kind=kind)

    def compose_input(self) -> ComposeResult:
        yield self._input

    @property
    def value(self) -> Any:
        text = self._input.value
        # a secret may begin or end with a space; everything else is read by the checker, numbers too
        return (text if self.field.type == "secret" else text.strip()) or None

    @property
    def long_text(self) -> str | None:
        return self._input.value if self.field.type == "text" else None

    @long_text.setter
    def long_text(self, text: str) -> None:
        self._input.value = " ".join(text.split("\n")).strip()

    def hint(self) -> str:
        field = self.field
        if field.type in ("integer", "number"):
            steps = f"in steps of {field.step:,}" if field.step and field.step != 1 else ""
            return together(range_hint(field.minimum, field.maximum), steps)
        if field.type in _LIKE:
            return f"like {_LIKE[field.type]}"
        if field.type == "path":
            like = f"a path like {field.path.glob} · " if field.path and field.path.glob else ""
            return f"{like}Tab completes, Enter goes on"
        length = range_hint(field.min_length or None, field.max_length, "character")
        kept = "not kept while it is not sent" if field.type == "secret" else ""
        return together(field.pattern_hint or _FORMATS.get(field.format or "", ""), length, kept)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        if event.value != self._prefilled:
            self._input.select_on_focus = False
        self.notice_change()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.post_message(self.Entered(self))


class BlockEditor(FieldEditor):
    """multiline, json, code and several paths (one to a line): a few rows of text."""

    def __init__(self, field: Field, *, initial: Any = None, show_label: bool = True) -> None:
        super().__init__(field, show_label=show_label)
        self._area = self.make_area(
            clean_text(_as_json(initial) if field.type == "json" else as_text(initial))
        )

    def make_area(self, text: str) -> TextArea:
        return TextBox(
            text,
            compact=True,
            soft_wrap=self.field.type == "multiline",
            placeholder=clean_text(self.field.placeholder),
            highlight_cursor_line=False,
        )

    def compose_input(self) -> ComposeResult:
        yield self._area

    def on_mount(self) -> None:
        self._area.move_cursor(self._area.document.end)

    @property
    def value(self) -> Any:
        text = self._area.text
        if not text.strip():
            return None
        return text

    @property
    def long_text(self) -> str | None:
        return self._area.text

    @long_text.setter
    def long_text(self, text: str) -> None:
        self._area.text = text
        self._area.move_cursor(self._area.document.end)

    @property
    def file_suffix(self) -> str:
        match self.field.type:
            case "json":
                return ".json"
            case "multiline":
                return ".md"
            case "code":
                return _suffix(self.field.language)
            case _:
                return ".txt"

    def hint(self) -> str:
        field = self.field
        if field.type == "code":
            return field.language
        if field.type == "json":
            return "JSON"
        if field.type == "path":
            like = f"paths like {field.path.glob} · " if field.path and field.path.glob else ""
            return f"{like}one to a line, Tab completes"
        return together(
            field.pattern_hint, range_hint(field.min_length or None, field.max_length, "character")
        )

    def on_text_area_changed(self, event: TextArea.Changed) -> None:
        event.stop()
        self.notice_change()


class InfoText(FieldEditor):
    """info: something to read between the fields."""

    def compose_input(self) -> ComposeResult:
        text = as_text(self.field.default)
        if text:
            yield Static(Content(clean_text(text)), classes="ask-info")

    @property
    def value(self) -> Any:
        return None


def _as_json(value: Any) -> str:
    """A draft is text already; a default is a value."""
    if value is None:
        return ""
    if isinstance(value, str):
        try:
            json.loads(value)
        except ValueError:
            pass
        else:
            return value
    return json.dumps(value, ensure_ascii=False, indent=2 if isinstance(value, dict | list) else None)


def _suffix(language: str) -> str:
    """A file name's end by which an editor knows the language; only letters and digits of it."""
    name = "".join(character for character in language.lower() if character.isalnum())
    return f".{_SUFFIXES.get(name, name)}" if name else ".txt"
