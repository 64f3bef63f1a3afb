from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.plan.json_mistakes import diagnose
from piplan_tui.plan.json_text import (
    MAX_DEPTH,
    NotStrictJson,
    Path,
    Places,
    doubled_keys,
    parse_strict,
    too_deep,
)

documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


def paths(value: Any, here: Path = ()) -> list[tuple[Path, Any]]:
    found = [(here, value)]
    if isinstance(value, dict):
        for key, inner in value.items():
            found += paths(inner, (*here, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found += paths(inner, (*here, index))
    return found


@given(documents, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_every_value_is_found_where_it_stands(document: Any, indent: Any, ascii_only: bool) -> None:
    text = json.dumps(document, indent=indent, ensure_ascii=ascii_only)
    assert parse_strict(text) == (document, False)
    places = Places(text)
    decoder = json.JSONDecoder()
    for path, value in paths(document):
        at = places.offset(path)
        assert decoder.raw_decode(text, at)[0] == value
        line, column = places.line_column(at)
        assert text.split("\n")[line - 1][column - 1 :].startswith(text[at : at + 1].rstrip("\n"))
        if path and isinstance(path[-1], str):
            assert decoder.raw_decode(text, places.offset(path, key=True))[0] == path[-1]


@given(documents, st.sampled_from([None, 1]))
def test_good_json_has_no_mistakes(document: Any, indent: Any) -> None:
    text = json.dumps(document, indent=indent)
    diagnosis = diagnose(text)
    assert diagnosis.mistakes == []
    assert diagnosis.repaired == text


@given(st.text(st.sampled_from("{}[]:,\"\\/*#'ab1-.eE \n\tu“\ud800"), max_size=30))
def test_a_mistake_is_found_exactly_when_there_is_one(text: str) -> None:
    diagnosis = diagnose(text)
    try:
        parse_strict(text)
    except NotStrictJson:
        assert diagnosis.mistakes
    else:
        assert diagnosis.mistakes == []
        assert diagnosis.repaired == text
    if diagnosis.repaired is not None:
        assert len(diagnosis.repaired) == len(text)
        parse_strict(diagnosis.repaired)
    assert all(0 <= mistake.offset <= len(text) for mistake in diagnosis.mistakes)


@given(documents, st.data())
def test_plain_mistakes_are_put_right_without_moving_anything(document: Any, data: st.DataObject) -> None:
    text = json.dumps({"a": document, "b": [document]}, indent=1)
    at = data.draw(st.sampled_from([i for i, char in enumerate(text) if char == "\n"]))
    broken = text[:at] + " // why" + text[at:]
    diagnosis = diagnose(broken)
    assert [mistake.offset for mistake in diagnosis.mistakes] == [at + 1]
    assert diagnosis.repaired is not None
    assert json.loads(diagnosis.repaired) == json.loads(text)


def test_keys_that_stand_twice() -> None:
    text = r'{"a": {"b": 1, "\u0062": 2}, "c": [{"b": 1}, {"b": "b"}], "a": 3}'
    assert parse_strict(text)[1]
    assert [(name, text[at : at + 3]) for name, at, _ in doubled_keys(text)] == [("b", '"\\u'), ("a", '"a"')]
    assert [first for _, _, first in doubled_keys(text)] == [7, 1]


@pytest.mark.parametrize("bracket", ["[", '{"a":'])
def test_depth_is_measured_without_recursion(bracket: str) -> None:
    assert too_deep(bracket * MAX_DEPTH) is None
    assert too_deep(bracket * (MAX_DEPTH + 1)) == MAX_DEPTH * len(bracket)
    assert too_deep(f'["{bracket.replace(chr(34), "")}"]' * 1000) is None
    assert too_deep("[]" * 1000) is None


@pytest.mark.parametrize(
    "text", ["NaN", "[Infinity]", "-Infinity", "1e999", "1" * 5000, r'"\ud800"', r'"\udc00\ud800"']
)
def test_what_only_some_parsers_take_is_refused(text: str) -> None:
    with pytest.raises(NotStrictJson):
        parse_strict(text)


def test_a_surrogate_pair_is_one_character() -> None:
    assert parse_strict(r'"\ud83d\ude00 \\ud800"') == ("😀 \\ud800", False)
