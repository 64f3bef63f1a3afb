"""The inputs of a form, one to a kind of field."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from piplan_tui.run.asks import Field
from piplan_tui.tui.widgets.ask_fields.field_editor import FieldEditor
from piplan_tui.tui.widgets.ask_fields.option_editors import OptionsEditor, YesNoEditor
from piplan_tui.tui.widgets.ask_fields.option_rows import OptionRows
from piplan_tui.tui.widgets.ask_fields.path_editor import PathEditor, PathsEditor
from piplan_tui.tui.widgets.ask_fields.text_editors import BlockEditor, InfoText, LineEditor, LineInput


def make_editor(
    field: Field,
    initial: Any,
    *,
    show_label: bool = True,
    sends_on_pick: bool = False,
    workspace: Path | None = None,
) -> FieldEditor:
    """The input for `field`, filled with `initial` (a draft or a default, None for nothing). With `sends_on_pick`
    the number of an option is the whole answer; `workspace` is where paths are completed."""
    match field.type:
        case "choice" | "multichoice":
            return OptionsEditor(field, initial=initial, show_label=show_label, sends_on_pick=sends_on_pick)
        case "boolean":
            return YesNoEditor(field, initial=initial, show_label=show_label)
        case "multiline" | "json" | "code":
            return BlockEditor(field, initial=initial, show_label=show_label)
        case "path" if field.path is not None and field.path.multiple:
            return PathsEditor(field, initial=initial, show_label=show_label, workspace=workspace)
        case "path":
            return PathEditor(field, initial=initial, show_label=show_label, workspace=workspace)
        case "info":
            return InfoText(field, show_label=show_label)
        case _:
            return LineEditor(field, initial=initial, show_label=show_label)


__all__ = ["FieldEditor", "LineInput", "OptionRows", "make_editor"]
