from __future__ import annotations

import pytest

from piplan_tui.plan.problem import PlanInvalid
from piplan_tui.workflow.javascript import javascript_meta, static_phases


def test_a_literal_is_read_with_all_its_kinds() -> None:
    source = r"""// a comment
export const meta = {
  name: 'it\'s', "description": "a\n\u00e9\x41\u{1F600}\ud83d\ude00\
b", `x`: 1,
}""".replace(
        "`x`: 1,", "whenToUse: `plain`, n: -1_000, f: .5, h: 0x1F, list: [true, null, /* c */ (2),], 3: 'k',"
    )
    assert javascript_meta(source) == {
        "name": "it's",
        "description": "a\néA😀😀b",
        "whenToUse": "plain",
        "n": -1000,
        "f": 0.5,
        "h": 31,
        "list": [True, None, 2],
        "3": "k",
    }


def test_a_script_without_meta_has_none() -> None:
    assert javascript_meta("const meta = { name: 'not exported' }") == {}
    assert javascript_meta("") == {}


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            "{ name: title }",
            '1:29: `meta` must be a pure literal, because it is read before the script runs: "title"',
        ),
        ("{ name: f() }", '"f()" is a call'),
        ("{ ...x }", '"...x" is a spread'),
        ("{ name }", '"name" is a variable'),
        ("{ name: `a${1}` }", "is a template with a substitution"),
        ("{ ['name']: 1 }", "`meta` must be a pure literal"),
        ("{ f() {} }", "is a method"),
        ("{ f: () => 1 }", "is a function"),
        ("{ n: 1 + 1 }", '"1 + 1" is a computed value'),
        ("{ n: 5n }", '"5n" is no number that `meta` may hold'),
        ("['x']", "`meta` must be an object"),
        ("{ name: 5 }", "`name` in `meta` must be a string"),
        ("{ phases: [{ name: 'x' }] }", "`phases` in `meta` must be a list of { title: '…' }"),
        ("{ a: " + "[" * 60 + "]" * 60 + " }", "nested more than 50 levels"),
    ],
)
def test_what_is_no_literal_is_told_with_its_place(value: str, said: str) -> None:
    with pytest.raises(PlanInvalid) as invalid:
        javascript_meta(f"export const meta = {value}", "f.js")
    assert said in str(invalid.value)
    assert str(invalid.value).startswith("f.js:1:")


def test_phases_of_meta_come_first_then_those_of_the_text() -> None:
    source = """
export const meta = { name: 'n', phases: [{ title: 'Scope', detail: 'd' }, { title: 'Verify' }] }
phase('Search')
await agent('x', { label: 'l', phase: 'Fetch' })
phase("Verify"); phase(`Dyn ${1}`); phase(`Plain`); phase(name); // phase('comment')
const text = "phase('string')"
{ const phase = (x) => x; phase('another function') }
object.phase('method')
"""
    assert static_phases(source) == ["Scope", "Verify", "Search", "Fetch", "Plain"]


def test_phases_of_a_script_that_cannot_be_read_are_guessed_without_an_error() -> None:
    assert static_phases("phase('unterminated") == []
    assert static_phases("export const meta = { phases: x() }; phase('A')") == ["A"]
