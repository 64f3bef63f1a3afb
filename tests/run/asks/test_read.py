"""Whatever a model writes as a request, there is a usable and harmless form of it."""

from __future__ import annotations

import json
import unicodedata
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.run.asks import InputRequest, read_request
from piplan_tui.run.asks.bounds import CUT_MARK, MAX_FIELDS, MAX_OPTIONS

CANONICAL: dict[str, Any] = {
    "version": 1, "id": "ir", "kind": "form", "title": "T", "message": "**Which?**", "reason": "because",
    "fields": [
        {"name": "audience", "type": "choice", "label": "Audience", "allowOther": True, "options": [
            {"value": "seed", "label": "Seed investors", "recommended": True, "x-own": 1}, {"value": 2},
            {"value": True}]},
        {"name": "slides", "type": "integer", "minimum": 1, "maximum": 20, "default": 5, "x-own": [1]},
        {"name": "brand", "type": "path", "required": False,
         "path": {"select": "file", "multiple": False, "mustExist": True, "glob": "*.pdf", "base": "docs"}},
        {"name": "token", "type": "secret", "secret": {"env": "NPM_TOKEN", "remember": "run"}},
        {"name": "why", "type": "multiline", "showIf": {"field": "audience", "in": ["seed"]}, "page": "P"},
    ],
    "actions": [{"id": "go", "label": "Go", "key": "g", "result": "accept", "needs": ["why"]}],
    "context": [{"type": "file", "path": "a.md", "line": 3}, {"type": "json", "data": {"a": [1]}}],
    "urgency": "high", "expires": {"afterSeconds": 9.0, "then": "fail", "owner": "runtime"},
    "source": {"dialect": "fields"}, "xOwn": {"kept": True},
}  # fmt: skip
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4)
    | st.dictionaries(
        st.sampled_from(["message", "fields", "name", "type", "options", "questions", "question", "schema",
                         "properties",
                         "value", "label", "required", "actions", "context", "expires", "default", "secret", "path",
                         "items", "enum", "$ref", "oneOf", "const", "showIf", "source", "kind", "copy",
                         "toolCall",
                         "action_request", "action_requests", "review_configs", "config", "id", "min", "uiSchema"])
        | st.text(max_size=6), inner, max_size=5),
    max_leaves=25,
)  # fmt: skip


def types(request: InputRequest) -> dict[str, str]:
    return {field.name: field.type for field in request.fields}


def test_a_canonical_request_comes_back_as_it_was() -> None:
    request = read_request(CANONICAL)
    assert request.to_json() == CANONICAL
    assert request.raw is CANONICAL
    assert request.notes == []


@pytest.mark.parametrize(
    "raw", [None, 3, "Which?", [], {}, {"message": "Which?"}, {"message": "x", "fields": []}, 1.5]
)
def test_the_least_is_one_text_field(raw: Any) -> None:
    request = read_request(raw)
    assert types(request) == {"answer": "text"}
    assert request.message


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"fields": ["topic", "source"]}, {"topic": "text", "source": "text"}),
        ({"fields": ["topic: int"]}, {"topic": "integer"}),
        (["topic", "source"], {"topic": "text", "source": "text"}),
        ({"fields": {"a": "integer", "b": "password", "c": "x|y", "d": ["x", "y"], "e": True, "f": 1.5,
                     "g": {"type": "dropdown", "choices": ["x"]}, "h": "The topic of the deck"}},
         {"a": "integer", "b": "secret", "c": "choice", "d": "choice", "e": "boolean", "f": "number",
          "g": "choice", "h": "text"}),
        ({"fields": [{"name": "a", "type": "checkbox"}, {"name": "b", "type": "checkbox", "options": ["x"]},
                     {"name": "c", "type": "textarea"}, {"name": "d", "type": "select"},
                     {"name": "e", "enum": ["x"], "multiple": True}, {"name": "f", "type": "file"}]},
         {"a": "boolean", "b": "multichoice", "c": "multiline", "d": "text", "e": "multichoice", "f": "path"}),
        ({"message": "m", "options": ["x", "y"]}, {"answer": "choice"}),
        ({"message": "m", "topic": {"type": "int"}, "go": "bool"}, {"topic": "integer", "go": "boolean"}),
        ('{"message": "m", "options": ["x"]}', {"answer": "choice"}),
        ({"type": "extension_ui_request", "method": "confirm", "title": "Sure?"}, {"confirmed": "boolean"}),
    ],
)  # fmt: skip
def test_loose_shapes(raw: Any, expected: dict[str, str]) -> None:
    assert types(read_request(raw)) == expected


def test_a_description_never_becomes_a_default() -> None:
    (field,) = read_request({"fields": {"topic": "Updated source material"}}).fields
    assert not field.has_default
    assert field.description or field.label


def test_json_schema() -> None:
    schema = {
        "properties": {
            "c": {"$ref": "#/$defs/C"}, "o": {"oneOf": [{"const": 1, "title": "One"}, {"const": 2}]},
            "m": {"type": "array", "items": {"enum": ["x", "y"]}}, "d": {"type": "string", "format": "date"},
            "t": {"type": "string", "format": "date-time"}, "e": {"type": "string", "format": "email"},
            "n": {"type": "object", "properties": {"deep": {"$ref": "#/$defs/C"}}},
            "u": {"anyOf": [{"type": "integer"}, {"type": "null"}], "default": None},
            "long": {"type": "string"}, "b": {"type": "boolean", "default": False},
        },
        "required": ["c"], "$defs": {"C": {"enum": ["x", "y"]}},
    }  # fmt: skip
    for key in ("requestedSchema", "schema", "jsonSchema", "inputSchema", "responseSchema", "resumeSchema"):
        request = read_request({"message": "m", key: schema, "uiSchema": {"long": {"ui:widget": "textarea"}}})
        kinds = types(request)
        assert kinds | {"long": "x"} == {
            "c": "choice", "o": "choice", "m": "multichoice", "d": "date", "t": "datetime", "e": "text",
            "n": "json", "u": "integer", "long": "x", "b": "boolean",
        }  # fmt: skip
        assert [f.name for f in request.fields if f.required] == ["c"]
        assert [o.value for o in request.by_name["o"].options] == [1, 2]
        assert (request.by_name["n"].json_schema or {})["$defs"] == schema["$defs"]
        assert request.by_name["e"].format == "email"


def test_questions_are_pages_that_remember_how_they_were_asked() -> None:
    ask = {"questions": [
        {"question": "Which lib?", "header": "Lib", "multiSelect": True, "options": [{"label": "A"}, {"label": "B"}]},
        {"question": "Which lib?", "header": "Lib", "options": [{"label": "C"}]}]}  # fmt: skip
    first, second = read_request(ask).fields
    assert (first.name, first.type, first.page, first.asker_name) == (
        "lib",
        "multichoice",
        "Lib",
        "Which lib?",
    )
    assert (second.name, second.type, second.allow_other) == ("lib_2", "choice", True)


def test_permission_and_reviews() -> None:
    permission = read_request(
        {
            "toolCall": {"title": "rm x"},
            "options": [{"optionId": "1", "name": "Allow", "kind": "allow_always"}],
        }
    )
    option = permission.fields[0].options[0]
    assert (permission.kind, option.value, option.key, option.kind) == (
        "permission",
        "1",
        "Y",
        "allow_always",
    )
    interrupt = read_request({"action_request": {"action": "run", "args": {"x": 1}},
                              "config": {"allow_accept": True, "allow_edit": True, "allow_ignore": True}})  # fmt: skip
    assert [(a.id, a.result) for a in interrupt.actions] == [
        ("accept", "accept"),
        ("edit", "accept"),
        ("ignore", "decline"),
    ]
    calls = read_request({"action_requests": [{"name": "run", "args": {}}], "review_configs": [
        {"action_name": "run", "allowed_decisions": ["approve", "reject"]}]})  # fmt: skip
    assert types(calls) == {"decision_1": "choice", "reason_1": "multiline"}


def test_duplicate_names_become_distinct_and_keep_the_asker_s() -> None:
    fields = read_request({"fields": ["a", "a", "a"]}).fields
    assert [f.name for f in fields] == ["a", "a_2", "a_3"]
    assert {f.asker_name for f in fields} == {"a"}


def test_option_values_stay_and_their_labels_are_clean() -> None:
    dirty = "a\x1b[31mb"
    option = read_request({"message": "m", "options": [dirty]}).fields[0].options[0]
    assert (option.value, option.label) == (dirty, "ab")


def test_a_secret_never_takes_over_a_variable_that_programs_trust() -> None:
    for wish in ("PATH", "LD_PRELOAD", "NODE_OPTIONS", "PYTHONPATH", "a-b c"):
        (field,) = read_request(
            {"fields": [{"name": "x", "type": "secret", "default": "s3", "secret": {"env": wish}}]}
        ).fields
        assert field.secret is not None
        assert field.secret.env in ("ASK_" + wish, "A_B_C")
        assert not field.has_default


def test_huge_and_deep_requests_are_bounded() -> None:
    wide = read_request({"message": "x" * 10**6, "fields": [f"f{n}" for n in range(5_000)]})
    assert len(wide.fields) == MAX_FIELDS
    assert wide.message.endswith(CUT_MARK)
    assert len(read_request({"options": list(range(10**5))}).fields[0].options) == MAX_OPTIONS
    deep: Any = {}
    for _ in range(10_000):
        deep = {"fields": [{"name": "x", "schema": deep}]}
    assert json.dumps(read_request(deep).to_json())
    circle: dict[str, Any] = {}
    circle["fields"] = [circle]
    assert read_request(circle).fields


@given(JSON)
def test_nothing_raises_and_every_text_is_clean(raw: Any) -> None:
    request = read_request(raw)
    document = request.to_json()
    json.dumps(document, allow_nan=False).encode()
    texts = [request.message, request.title, request.reason]
    for field in request.fields:
        texts += [field.name, field.label, field.description, *(option.caption for option in field.options)]
        assert field.type != "choice" or field.options
    for text in texts:
        assert {c for c in text if unicodedata.category(c) in ("Cc", "Cs")} <= {"\n", "\t"}
    assert len({f.name for f in request.fields}) == len(request.fields)
    again = read_request(document)
    assert [(f.name, f.type) for f in again.fields] == [
        (f.name, f.type) for f in request.fields
    ] or not request.fields


def shown_of(call: dict[str, Any], context: Any = None) -> list[dict[str, Any]]:
    """What is shown of a tool call that is to be allowed."""
    options = [{"optionId": "1", "name": "Allow", "kind": "allow_once"}]
    request = read_request({"toolCall": call, "options": options, "context": context})
    return [block.to_json() for block in request.context]


def test_a_tool_call_is_shown_as_people_read_it() -> None:
    written = {"path": "a.md", "content": "one\ntwo\n"}
    assert shown_of({"toolCallId": "c", "title": "write a.md", "kind": "edit", "rawInput": written}) == [
        {"type": "text", "text": "path: a.md"},
        {"type": "text", "title": "content", "text": "one\ntwo\n"},
    ]
    assert shown_of({"title": "run", "rawInput": "ls"}) == [{"type": "text", "text": "input: ls"}]
    assert shown_of({"title": "see", "locations": [{"path": "x"}]}) == [
        {"type": "json", "data": {"locations": [{"path": "x"}]}}
    ]
    assert shown_of({"title": "go", "kind": "other", "status": "pending"}) == []


def test_what_is_shown_of_a_tool_call_already_is_not_repeated_and_nothing_is_left_out() -> None:
    command = {"type": "command", "text": "rm -r build"}
    assert shown_of({"rawInput": {"command": "rm -r build"}}, [command]) == [command]
    assert shown_of({"rawInput": {"command": "rm -r build", "cwd": "/"}}, [command]) == [
        command,
        {"type": "text", "text": "cwd: /"},
    ]
    diff = {"type": "diff", "title": "a.md", "text": "-a\n+b"}
    assert shown_of({"rawInput": {"old": "a", "new": "b"}}, [diff]) == [diff]


@pytest.mark.parametrize("context", [7, "text", {"type": "diff"}, [None, 3], [{"type": "diff"}]])
def test_no_context_breaks_the_reading_of_a_permission(context: Any) -> None:
    options = [{"optionId": "1", "name": "Allow", "kind": "allow_once"}]
    request = read_request({"toolCall": {"rawInput": {"a": 1}}, "options": options, "context": context})
    assert request.kind == "permission"
