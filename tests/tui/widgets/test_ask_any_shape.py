"""Whatever a model writes as a question: there is a form of it, and every input of it can be read."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from textual.app import App

from piplan_tui.run.asks import read_request
from piplan_tui.tui.widgets.ask_actions import hint
from piplan_tui.tui.widgets.ask_context import question
from piplan_tui.tui.widgets.ask_fields import make_editor
from piplan_tui.tui.widgets.ask_pages import Pages
from piplan_tui.tui.widgets.ask_raw import raw_text
from piplan_tui.tui.widgets.ask_values import AskValues

KEYS = ["message", "fields", "name", "type", "options", "value", "label", "default", "questions", "schema"]
KEYS += ["properties", "actions", "expires", "showIf", "page", "allowOther", "context", "preview", "needs"]
TYPES = ["text", "multiline", "secret", "number", "integer", "boolean", "choice", "multichoice", "date"]
TYPES += ["datetime", "path", "json", "code", "info", "select", "password", "object", "array", "file", "diff"]
words = st.sampled_from([*TYPES, *KEYS, "", "x", "\x1b[31m", "[/]", "\u200d", "a" * 400]) | st.text(
    max_size=6
)
shapes = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | words,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS) | words, inner, max_size=6)
    ),
    max_leaves=30,
)


@settings(max_examples=60, deadline=None)
@given(shapes, shapes)
@example({"fields": {"a": "int", "b": ["x", "y"], "c": {"type": "choice", "options": {}}}}, {"a": []})
@example({"message": "?", "fields": [{"name": "a", "type": "json", "default": {"a": [1]}}]}, {"a": {"b": 1}})
def check(raw: object, draft: object) -> None:
    _is_a_form(raw, draft)


@pytest.mark.anyio
async def test_every_shape_is_a_form() -> None:
    app: App[None] = App()
    async with app.run_test():
        # inputs look for the app as they are made
        with app._context():
            check()


def _is_a_form(raw: object, draft: object) -> None:
    request = read_request(raw)
    values = AskValues(request, draft if isinstance(draft, dict) else {"x": draft})
    pages = Pages(request.fields)
    for field in request.fields:
        editor = make_editor(field, values.get(field.name), sends_on_pick=True)
        values.put(field.name, editor.value)
        editor.hint()
        assert pages.index_of(field.name) is not None
    assert values.shown() <= {field.name for field in request.fields}
    values.draft()
    values.problems()
    values.submission()
    for action in request.actions:
        values.submission(action.id)
    for width in (2, 20, 80):
        rows = question(request, "who")(width)
        assert all(row.cell_length <= width + 20 and "\x1b" not in row.plain for row in rows)
    hint(request, 80, key=lambda name: name, typing=False, long_text=True)
    assert "\x1b" not in raw_text(request)
