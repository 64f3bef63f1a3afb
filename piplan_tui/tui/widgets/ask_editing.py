"""A field's text in the user's own editor."""

from __future__ import annotations

from piplan_tui.clean import clean_text
from piplan_tui.tui.external_editor import EditorFailed, edit_text
from piplan_tui.tui.widgets.ask_fields import FieldEditor
from piplan_tui.views.line import as_sentence


async def edit_field(editor: FieldEditor) -> None:
    """Put in what was saved, clean; if nothing could be edited, say why and leave the text as it is."""
    try:
        text = await edit_text(editor.app, editor.long_text or "", suffix=editor.file_suffix)
    except EditorFailed as problem:
        editor.notify(as_sentence(str(problem)), severity="error", markup=False)
    else:
        editor.long_text = clean_text(text)
