"""Answers are checked and coerced alike through every door; secrets never stay in them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.run.asks import (
    CheckedAnswer,
    PairError,
    ask_summary,
    check_action,
    check_values,
    defaults_of,
    initial_values,
    parse_pairs,
    read_request,
    visible_fields,
)

DECK = {"message": "# Which audience?\nmore", "fields": [
    {"name": "audience", "type": "choice", "allowOther": True,
     "options": [{"value": "seed", "label": "Seed investors"}, {"value": 2, "label": "Two"}]},
    {"name": "slides", "type": "integer", "minimum": 1, "maximum": 20, "default": 5},
    {"name": "include", "type": "multichoice", "required": False, "options": ["pricing", "team", "a, b"]},
    {"name": "go", "type": "boolean", "default": False}]}  # fmt: skip


def one(spec: dict[str, Any], value: Any, **more: Any) -> Any:
    """The value as it is accepted, or the sentence that refuses it."""
    checked = check_values(
        read_request({"message": "m", "fields": [{"name": "x", **spec}]}), {"x": value}, **more
    )
    return checked.values.get("x") if isinstance(checked, CheckedAnswer) else checked[0].message


@pytest.mark.parametrize(
    ("spec", "value"),
    [
        ({"type": "text"}, "\udcff"),
        ({"type": "text", "pattern": "^.$"}, "\ud800"),
        ({"type": "path"}, "\udcff.md"),
        ({"type": "json"}, '{"\\ud800": 1}'),
        ({"type": "multichoice", "options": ["a"], "allowOther": True}, '["\\udc00"]'),
        ({"type": "choice", "options": ["a"], "allowOther": True}, "\ud800"),
    ],
)
def test_what_cannot_be_stored_as_utf8_is_refused(spec: dict[str, Any], value: str) -> None:
    said = one(spec, value)
    assert said.startswith("X must be text in UTF-8; you gave ")
    assert said.encode()


def test_a_secret_that_cannot_be_stored_is_refused_without_being_told() -> None:
    assert one({"type": "secret"}, "hidden\udcff") == "X must be text in UTF-8; you gave something else"


def test_a_command_line_answer() -> None:
    request = read_request(DECK)
    pairs = parse_pairs(request, ["audience=SEED INVESTORS", "Slides=7", "include=Pricing,team", "go=yes"])
    checked = check_values(request, pairs)
    assert isinstance(checked, CheckedAnswer)
    assert checked.values == {"audience": "seed", "slides": 7, "include": ["pricing", "team"], "go": True}
    assert checked.other == []


def test_free_text_is_marked_and_defaults_are_filled_in() -> None:
    checked = check_values(read_request(DECK), {"audience": "nurses"})
    assert isinstance(checked, CheckedAnswer)
    assert checked.values == {"audience": "nurses", "slides": 5, "go": False}
    assert checked.other == ["audience"]


def test_everything_wrong_is_said_at_once() -> None:
    errors = check_values(read_request(DECK), {"slides": "x", "sldes": 1, "go": "maybe"})
    assert isinstance(errors, list)
    assert [(e.name, e.message) for e in errors] == [
        ("sldes", 'There is no field "sldes"; did you mean slides?'),
        ("audience", "Audience needs an answer"),
        ("slides", 'Slides must be a whole number from 1 to 20; you gave "x"'),
        ("go", 'Go must be yes or no; you gave "maybe"'),
    ]


@pytest.mark.parametrize(
    ("spec", "value", "accepted"),
    [
        ({"type": "text"}, 5, "5"), ({"type": "integer"}, "5.0", 5), ({"type": "integer"}, 5.0, 5),
        ({"type": "number"}, "1.5", 1.5), ({"type": "number", "step": 0.1}, "0.3", 0.3),
        ({"type": "boolean"}, "off", False), ({"type": "date"}, "2026-05-31", "2026-05-31"),
        ({"type": "datetime"}, "2026-05-31 14:00", "2026-05-31T14:00:00"), ({"type": "json"}, '{"a": 1}', {"a": 1}),
        ({"type": "code"}, "x = 1\n", "x = 1\n"), ({"type": "multichoice", "options": ["a, b", "c"]}, "a, b", ["a, b"]),
        ({"type": "multichoice", "options": ["a", "b"]}, '["b", "a"]', ["b", "a"]),
        ({"type": "choice", "options": [1, True]}, True, True), ({"type": "choice", "options": [True, 1]}, 1, 1),
        ({"type": "text", "pattern": "(a+)+$"}, "a" * 5_000, "a" * 5_000),
        ({"type": "text", "pattern": "(?=x)y"}, "z", "z"), ({"type": "text", "pattern": "^\\u00e9$"}, "é", "é"),
        ({"type": "text", "format": "uri"}, "https://a.b/c", "https://a.b/c"),
        ({"type": "text", "required": False, "default": "d"}, "", ""), ({"type": "text", "required": False}, "", None),
        ({"type": "multichoice", "options": ["a"], "minItems": 0}, [], []),
    ],
)  # fmt: skip
def test_accepted(spec: dict[str, Any], value: Any, accepted: Any) -> None:
    got = one(spec, value)
    assert got == accepted
    assert type(got) is type(accepted)


@pytest.mark.parametrize(
    ("spec", "value", "part"),
    [
        ({"type": "text"}, True, "must be text"), ({"type": "text"}, "  ", "needs an answer"),
        ({"type": "text", "minLength": 3, "maxLength": 4}, "ab", "from 3 to 4; you gave 2 characters"),
        ({"type": "text", "pattern": "^a$", "patternHint": "one a"}, "b", "(one a)"),
        ({"type": "text", "pattern": "(a+)+$"}, "a" * 5_000 + "!", "right form"),
        ({"type": "text", "format": "email"}, "ann", "e-mail"), ({"type": "text", "format": "uri"}, "x y", "address"),
        ({"type": "integer"}, 1.5, "whole number"), ({"type": "integer"}, True, "whole number"),
        ({"type": "number"}, "nan", "must be a number"), ({"type": "number", "minimum": 2}, 1, "of at least 2"),
        ({"type": "number", "step": 5}, 7, "steps of 5"), ({"type": "boolean"}, 2, "yes or no"),
        ({"type": "choice", "options": ["a", "b"]}, "c", 'must be a or b; you gave "c"'),
        ({"type": "multichoice", "options": ["a", "b"]}, "a,c", "some of a or b"),
        ({"type": "multichoice", "options": ["a", "b", "c"], "maxItems": 1}, "a,b", "of exactly 1; you gave 2"),
        ({"type": "date"}, "31.5.2026", "2026-05-31"), ({"type": "datetime"}, 5, "date and time"),
        ({"type": "json"}, "{", "line 1, column 2"), ({"type": "json"}, "[" * 100_000, "must be JSON"),
        ({"type": "json", "schema": {"properties": {"a": {"type": "integer"}}}}, '{"a": "x"}',
         "a: 'x' is not of type"),
    ],
)  # fmt: skip
def test_refused(spec: dict[str, Any], value: Any, part: str) -> None:
    assert part in str(one(spec, value))


def test_secrets_are_taken_out() -> None:
    field = {"name": "token", "type": "secret", "pattern": "^npm_", "secret": {"env": "NPM_TOKEN"}}
    request = read_request({"message": "m", "fields": [field]})
    checked = check_values(request, {"token": "npm_hush"})
    assert isinstance(checked, CheckedAnswer)
    assert checked.values == {"token": "$secret:NPM_TOKEN"}
    assert checked.secrets == {"NPM_TOKEN": "npm_hush"}
    assert "hush" not in repr(checked)
    assert "wrong-hush" not in repr(check_values(request, {"token": "wrong-hush"}))
    assert "hush" not in repr(check_values(request, {"token": ["hush"]}))


def test_paths(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "a.pdf").touch()
    (tmp_path / "b.txt").touch()
    (tmp_path / "docs" / "out").symlink_to(tmp_path / "b.txt")
    rule = {
        "type": "path",
        "path": {"select": "file", "mustExist": True, "base": "docs", "glob": "**/*.{pdf,txt}"},
    }
    for written in ("a.pdf", "docs/a.pdf", str(tmp_path / "docs" / "a.pdf")):
        assert one(rule, written, workspace=tmp_path) == "docs/a.pdf"
    for outside in ("../b.txt", "out", str(tmp_path / "b.txt"), "/etc/passwd"):
        assert "must be inside docs" in one(rule, outside, workspace=tmp_path)
    assert "exists" in one(rule, "no.pdf", workspace=tmp_path)
    assert "must be a file" in one(rule, ".", workspace=tmp_path)
    assert "must fit" in one({"type": "path", "path": {"glob": "*.pdf"}}, "b.txt", workspace=tmp_path)
    assert "must be a path" in one(rule, "a\0b", workspace=tmp_path)


def test_hidden_fields_are_neither_required_nor_sent() -> None:
    request = read_request({"message": "m", "fields": [
        {"name": "how", "type": "choice", "options": ["auto", "own"]},
        {"name": "own", "type": "integer", "showIf": {"field": "how", "equals": "own"}},
        {"name": "deep", "type": "text", "showIf": {"field": "own", "in": [1, 2]}}]})  # fmt: skip
    checked = check_values(request, {"how": "auto", "own": "x"})
    assert isinstance(checked, CheckedAnswer)
    assert checked.values == {"how": "auto"}
    assert isinstance(check_values(request, {"how": "own", "own": 1}), list)
    assert [f.name for f in visible_fields(request, {"how": "OWN", "own": "2"})] == ["how", "own", "deep"]
    circle = read_request(
        {"fields": [{"name": "a", "showIf": {"field": "b"}}, {"name": "b", "showIf": {"field": "a"}}]}
    )
    assert [f.name for f in visible_fields(circle, {"a": "1", "b": "1"})] == ["a", "b"]


def test_actions_need_their_own_fields_only() -> None:
    request = read_request({"message": "m", "kind": "review", "fields": [
        {"name": "why", "required": False}, {"name": "who", "required": True}], "actions": [
        {"id": "merge", "result": "accept", "needs": []}, {"id": "redo", "result": "accept", "needs": ["why"]},
        {"id": "no", "result": "decline"}]})  # fmt: skip
    merged = check_action(request, "merge", {"who": "ignored"})
    assert isinstance(merged, CheckedAnswer)
    assert (merged.values, merged.action, merged.action_id) == ({}, "accept", "merge")
    assert [e.name for e in check_action(request, "redo", {})] == ["why"]  # type: ignore[union-attr]  # it is a list
    refused = check_action(request, "no", {})
    assert isinstance(refused, CheckedAnswer)
    assert refused.action == "decline"
    (unknown,) = check_action(request, "mrge", {})  # type: ignore[misc]  # it is a list
    assert "merge, redo, no" in unknown.message
    assert defaults_of(request) is None


def test_defaults_answer_only_what_has_them() -> None:
    assert defaults_of(read_request({"fields": [{"name": "n", "type": "int", "default": "3"}]})) == {"n": 3}
    assert defaults_of(read_request(DECK)) is None
    assert defaults_of(read_request("Which?")) is None
    assert (
        defaults_of(read_request({"fields": [{"name": "n", "type": "int", "default": 9, "max": 5}]})) is None
    )
    permission = {
        "kind": "permission",
        "fields": [{"name": "a", "type": "choice", "options": ["y"], "default": "y"}],
    }
    assert defaults_of(read_request(permission)) is None


def test_what_a_form_and_a_row_show_first() -> None:
    request = read_request(DECK)
    assert initial_values(request) == {"audience": None, "slides": 5, "include": [], "go": False}
    assert ask_summary(request) == "Which audience?"


@pytest.mark.parametrize("pair", ["slides", "=5"])
def test_pairs_that_are_none(pair: str) -> None:
    with pytest.raises(PairError, match="name=value"):
        parse_pairs(read_request(DECK), [pair])


def test_repeated_pairs() -> None:
    request = read_request(DECK)
    assert parse_pairs(request, ["include=team", "include=a, b"]) == {"include": ["team", "a, b"]}
    with pytest.raises(PairError, match="twice"):
        parse_pairs(request, ["slides=1", "slides=2"])


def test_hostile_schemas_cost_little_and_reach_no_network() -> None:
    doubling: dict[str, Any] = {"$defs": {"d0": {}}, "$ref": "#/$defs/d40"}
    for n in range(1, 41):
        doubling["$defs"][f"d{n}"] = {"allOf": [{"$ref": f"#/$defs/d{n - 1}"}] * 2}
    slow = {"patternProperties": {"(a+)+$": {}}, "additionalProperties": False}
    for schema in (doubling, {"$ref": "#"}, {"$ref": "http://127.0.0.1:9/x"}, {"type": 5}, {"minimum": "x"}):
        assert one({"type": "json", "schema": schema}, "1") == 1
    assert "not expected" in one({"type": "json", "schema": slow}, {"a" * 5_000 + "!": 1})


@given(st.dictionaries(st.sampled_from(["audience", "slides", "include", "go", "x"]),
                       st.none() | st.booleans() | st.integers() | st.floats() | st.text()
                       | st.lists(st.text())))  # fmt: skip
def test_an_accepted_answer_is_accepted_again_unchanged(values: dict[str, Any]) -> None:
    request = read_request(DECK)
    checked = check_values(request, values)
    if isinstance(checked, CheckedAnswer):
        again = check_values(request, checked.values)
        assert isinstance(again, CheckedAnswer)
        assert again.values == checked.values
    else:
        assert all(error.message for error in checked)
