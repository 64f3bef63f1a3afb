from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.workflow.javascript import check_javascript


def said(source: str) -> list[str]:
    return [str(problem) for problem in check_javascript(source, "f.js")]


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("return Date.now()", "1:8"),
        ("/* é😀 */ return Date.now()", "1:17"),
        ("return Date\n  .now()", "1:8"),
        ("return Date['now']()", "1:8"),
        ("return Date[`now`]()", "1:8"),
        ("return (Date).now()", "1:8"),
        ("return Date?.now?.()", "1:8"),
        ("const t = globalThis.Date.now", "1:11"),
        ("const { now } = Date", "1:9"),
        ("const { now: later } = Date", "1:9"),
        ("const { random = 1 } = globalThis['Math']", "1:9"),
        ("x(Math.random)\nfunction x() {}", "1:3"),
        ("`${Math.random()}`", "1:4"),
        ("`a ${`b ${Math.random()}`}`", "1:11"),
        ("new Date", "1:1"),
        ("new Date()", "1:1"),
        ("new Date(/* now */)", "1:1"),
        ("Date()", "1:1"),
        ("new globalThis.Date()", "1:1"),
        ("const f = (d = new Date()) => d", "1:16"),
        ("performance.now()", "1:1"),
        ("crypto.randomUUID()", "1:1"),
        ("{ let Date = 1 }\nDate.now()", "2:1"),
        ("const f = (Math) => 1, g = Math.random()", "1:28"),
        ("a = 1 / 2; Math.random() / 3", "1:12"),
    ],
)
def test_clock_and_chance_are_found(source: str, place: str) -> None:
    found = said(source)
    assert len(found) == 1, found
    assert found[0].startswith(f"f.js:{place}: ")
    assert "in each run, so that a resumed run could not reuse what is finished" in found[0]


@pytest.mark.parametrize(
    "source",
    [
        "// Date.now()\n/* new Date() */ return 'Math.random()'",
        "return `Date.now() ${1} new Date()`",
        "return /Math.random()/.test('Date.now()')",
        "return new Date(0), new Date('2020'), new Date(...args)",
        "return Date.UTC(2020, 1), Date.parse('x'), Math.max(1)",
        "const Date = { now: () => 1 }; return Date.now()",
        "function f(Math) { return Math.random() } return f",
        "import_ = 1; const o = { import: 1, require: 2, eval() {} }; return o.require, o.eval()",
        "const o = { Date: { now() {} } }; return o.Date.now()",
        "function require() {} return require('x')",
        "return typeof fetch === 'function' ? fetch('x') : 1",
        "for (const agent of []) agent()",
        "try {} catch ({ eval: e }) { e() }",
        "let log = 1; log = 2",
        "var phase; phase = 3",
        "args.list = []; args['x'] = 1",
        "class A { static #p = 1; get Date() { return 1 } }",
        "label: for (const x of []) continue label",
        "const agent2 = agent; await agent2('x')",
        "const f = async ({ phase }) => { phase() }",
        "x = () => 1; x()",
    ],
)
def test_what_only_looks_like_it_is_let_pass(source: str) -> None:
    assert said(source) == []


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import fs from 'fs'", "f.js:1:1: a workflow script cannot load other code: there is no import"),
        ("\n await import('fs')", "f.js:2:8: a workflow script cannot load other code: there is no import()"),
        ("require('fs')", "f.js:1:1: a workflow script cannot load other code: there is no require()"),
        ("return import.meta.url", "f.js:1:8: "),
        ("export { x } from 'y'", "f.js:1:1: a workflow script exports only `meta` and a default function"),
        ("eval('1')", "f.js:1:1: a workflow script cannot make code from text: there is no eval()"),
        ("return new Function('x')", "f.js:1:8: a workflow script cannot make code from text"),
        ("return Function('x')", "f.js:1:8: a workflow script cannot make code from text"),
        ("await fetch('https://x')", "f.js:1:7: a workflow script has no network: let an agent fetch it"),
        ("await agnt('x')", "f.js:1:7: there is no agnt() in a workflow script: did you mean agent()?"),
        ("await step('x')", "f.js:1:7: there is no step() in a workflow script; the primitives are agent"),
        ("agent = 1", "f.js:1:1: `agent` is a global of the workflow and cannot be changed"),
        ("[log] = [1]", "f.js:1:2: `log` is a global of the workflow and cannot be changed"),
        ("Math.random = () => 1", "f.js:1:1: "),
        ("Array.prototype.last = 1", "f.js:1:1: `Array` is a global of the workflow and cannot be changed"),
        ("globalThis.agent = 1", "f.js:1:1: `agent` is a global of the workflow and cannot be changed"),
        ("const __wf_here = 1", "f.js:1:7: names that begin with __wf_ are kept for the program"),
        ("agent('x')", "f.js:1:1: warning: nothing awaits this agent(): write `await agent(…)`"),
        ("let a = ;", "f.js:1:9: syntax error: "),
        ("const meta = 1\nlet a: number = 5", "f.js:2:6: syntax error: "),
        ("if (x) {\n", "f.js:2:1: syntax error: the script ends in the middle of something"),
        ("return 'é' + ;", "f.js:1:14: syntax error: "),
        ("})(); (async () => {", "f.js:1:2: syntax error: "),
        ("}}) //", "f.js:1:"),
        ("export const a = 1; export const a = 2", "f.js:1:"),
        ("return <b>bold</b>", "f.js:1:8: syntax error: "),
        ("function f() { await agent('x') }", "f.js:1:22: syntax error: "),
        ("export const meta = { n: x() }", "f.js:1:26: `meta` must be a pure literal"),
        ("a\0b", "f.js:1:1: the script has a NUL character"),
        ("(" * 50_000, "f.js: the script is nested too deeply"),
        ("//" + "x" * 500_000, "f.js: the script has 500002 characters"),
    ],
    ids=range(31),
)
def test_problems_have_one_sentence_and_a_place(source: str, expected: str) -> None:
    found = said(source)
    assert found
    assert found[0].startswith(expected)
    assert "\n" not in found[0]


def test_every_problem_is_named_in_the_order_of_the_text() -> None:
    source = "await step()\nconst t = Date.now()\nrequire('x')\nMath.random()"
    assert [problem.line for problem in check_javascript(source, "f.js")] == [1, 2, 3, 4]


@given(st.text(alphabet="(){}[]`'\"/*\\$ \nawaityieldforconstdefaultexport=>;,.:?!0é😀", max_size=60))
def test_any_text_is_checked_without_an_exception(source: str) -> None:
    lines = source.split("\n")
    for problem in check_javascript(source, "f.js"):
        assert 0 <= problem.line <= len(lines)
        if problem.line:
            assert 1 <= problem.column <= len(lines[problem.line - 1]) + 1


def test_what_is_of_the_machine_is_told_before_anything_runs() -> None:
    assert said("const root = process.cwd()") == [
        "f.js:1:14: a workflow script does not see the machine: pass what it needs in args"
    ]
    assert said("const root = typeof process === 'object' ? process.cwd() : '.'") == []


@pytest.mark.parametrize(
    ("script", "place", "said"),
    [
        ("agent('a', {lable: 'x'})", "1:19", "has no option lable, which is ignored; did you mean label?"),
        ("agent('a', {schema: {type: 'objekt'}})", "1:27", "no type 'objekt'; did you mean 'object'?"),
        ("parallel([agent('a'), () => agent('b')])", "1:17", "start the work: write () => agent(…)"),
        ("pipeline([1, 2])", "1:7", "pipeline() has no stages after its items"),
    ],
)
def test_what_a_call_can_never_mean_is_said(script: str, place: str, said: str) -> None:
    (found,) = check_javascript(f"await {script}", "f.js")
    assert str(found).startswith(f"f.js:{place}: ")
    assert said in found.message


@pytest.mark.parametrize(
    "script",
    [
        "await agent('a', {label, phase: 'x', schema: SCHEMA, ...more})",
        "await agent('a', {schema: {type: ['object', 'null'], properties: {n: {type: kind}}}})",
        "await agent('a', {schema: {type: 'array', items: {type: 'string'}}, 'model': 'opus'})",
        "await parallel(items.map(i => () => agent(i)))",
        "await parallel([() => agent('a'), make(agent)])",
        "await pipeline(...both)",
        "const agent = (a, b) => b; agent('a', {lable: 1})",
    ],
)
def test_calls_that_are_right_are_let_be(script: str) -> None:
    names = "const label = 'x', SCHEMA = {}, more = {}, kind = 'string', items = [], both = [[], x => x]\n"
    assert check_javascript(f"{names}const make = f => () => f('b')\n{script}", "f.js") == []
