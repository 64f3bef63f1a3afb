from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from piplan_tui.plan.load import MAX_BYTES, load_plan, load_plan_text
from piplan_tui.plan.problem import PlanInvalid, Problem
from piplan_tui.plan.rules import check_spec
from piplan_tui.plan.spec import PlanSpec
from tests.plan.documents import plan_of
from tests.support.processor_time import takes_less_than


def said(text: str | bytes) -> list[str]:
    """The problems of a plan text; lines may be indented in the test as they like."""
    return [
        str(problem)
        for problem in load_plan_text(text.encode() if isinstance(text, str) else text, "p").problems
    ]


def in_plan(steps: str, more: str = "") -> str:
    return f'{{"id": "p", "title": "P", {more}\n"steps": [\n{steps}\n]}}'


def step(step_id: str, needs: str = "[]") -> str:
    return f'{{"id": "{step_id}", "title": "T", "goal": "G", "dependsOn": {needs}}}'


def test_a_good_plan_comes_with_its_source_byte_for_byte(tmp_path: Path) -> None:
    source = in_plan(step("a") + ",\r\n" + step("b", '["a"]'), '"role": "Ü",').encode()
    (tmp_path / "plan.json").write_bytes(source)
    loaded = load_plan(tmp_path / "plan.json")
    assert loaded.source == source
    assert loaded.problems == []
    assert loaded.spec is not None
    assert loaded.spec.steps[1].depends_on == ["a"]
    assert loaded.spec.to_json() == json.loads(source)


def test_every_problem_is_told_at_once_and_in_order() -> None:
    text = """{
  "id": "con", // mine
  "title": 5,
  "executionMode": "Paralel",
  "steps": [
    {"id": "é", "title": "é", "goal": "x", "dependsOn": ["c"]},
    {"id": "b", "title": "A", "gaol": "x", "dependsOn": ["é", "b", "zz"]},
    {"id": "c", "title": "A", "goal": "", "dependsOn": ["b", 5]},
    {"id": "c", "title": "A", "goal": "x", "dependsOn": "b", "x": {"q": 1, "q": 2}},
    7,
  ]
}"""
    assert said(text) == [
        'p:2:9: the plan\'s id "con" is the name of a device on Windows; it must be usable as a folder name',
        "p:2:16: JSON has no comments",
        'p:3:12: "title" of the plan must be a text, not a number',
        'p:4:20: "executionMode" of the plan must be "serial" or "parallel", not "Paralel"; '
        'did you mean "parallel"?',
        "p:6:58: these steps wait for each other: é → c → b → é",
        'p:7:31: step "b" has no "goal"; is "gaol" meant to be it?',
        'p:7:63: step "b" depends on itself',
        'p:7:68: step "b" depends on "zz", which is no step of this plan',
        'p:8:39: "goal" of step "c" is empty',
        'p:8:62: entry 2 of "dependsOn" of step "c" must be a text, not a number',
        'p:9:12: steps 3 and 4 have the same id "c" (the first is at 8:12)',
        'p:9:57: "dependsOn" of step "c" must be a list of step ids, not a text',
        'p:9:76: the key "q" is in this object twice, at 9:68 first',
        "p:10:5: step 5 must be an object, not a number",
        'p:10:6: no comma may stand before the closing "]"',
    ]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "p:1:1: the file is empty"),
        (" \n\t", "p:1:1: the file is empty"),
        ("[]", "p:1:1: a plan must be a JSON object, not a list"),
        ("  7", "p:1:3: a plan must be a JSON object, not a number"),
        ("{}", 'p:1:1: the plan has no "id"'),
        ('{"id": "p", "title": "P", "steps": []}', "p:1:36: the plan has no steps"),
        (
            '{"id": "p", "title": "P", "steps": {}}',
            'p:1:36: "steps" of the plan must be a list of steps, not an object',
        ),
        ('{"id": "p", "title": null, "steps": []}', 'p:1:22: "title" of the plan must be a text, not null'),
        ('{"id": "p", "title": "P", "steps": [{"id": "a", "title": "T"}]}', 'p:1:37: step "a" has no "goal"'),
        ('{"id": "p", "title": "P", "steps": [{"title": "T", "goal": "G"}]}', 'p:1:37: step 1 has no "id"'),
        (
            '{"id": "p", "title": "P", "tasks": []}',
            'p:1:27: the plan has no "steps"; is "tasks" meant to be it?',
        ),
        ('{"id": "p", "steps": [}', 'p:1:23: "]" must stand here'),
        ('{"id": "p" "title": "P"}', 'p:1:11: a "," is missing here'),
        ('{"id" "p"}', 'p:1:6: a ":" is missing after this key'),
        ("{'id': 1}", "p:1:2: JSON has double quotes only"),
        ("{id: 1}", 'p:1:2: the key id must stand in double quotes: "id"'),
        ('{"id": "p\n}', "p:1:8: this text has no closing quote on its line"),
        ('{"id": "p", ', 'p:1:1: this "{" is never closed; is the file cut off?'),
        ('{"id": }', "p:1:8: the last key has no value"),
        ('{"id": "a\tb"}', "p:1:10: a text may not hold a tab"),
        (r'{"id": "a\d"}', "p:1:10: a backslash in a text must begin an escape"),
        (r'{"id": "\u12"}', r"p:1:9: \u in a text needs four"),
        (r'{"id": "\ud800"}', "p:1:9: half of a surrogate pair"),
        ('{"id": NaN}', "p:1:8: NaN is no JSON; write a number, or null"),
        ('{"id": 1e999}', "p:1:8: 1e999 is too large a number"),
        ('{"id": 007}', "p:1:8: 007 is not how JSON writes a number"),
        ('{"id": True}', "p:1:8: True is no JSON; write true"),
        ('{"id": “p”}', "p:1:8: JSON has straight quotes only"),
        ('{"id": 1} {}', "p:1:11: something stands after the end of the plan"),
        (b'\xef\xbb\xbf{"id": 1}', "p:1:1: the file begins with a byte order mark"),
        ("{}".encode("utf-16"), "p:1:1: the file is UTF-16; a plan must be UTF-8"),
        ('{"id":\n "äö\xff'.encode("latin-1"), "p:2:3: byte 0xE4 is not UTF-8"),
        ("[" * 100_000, "p:1:101: values are nested more than 100 levels deep here"),
    ],
)
def test_a_mistake_is_named_at_its_place(text: str | bytes, problem: str) -> None:
    problems = said(text)
    assert any(line.startswith(problem) for line in problems), problems
    assert load_plan_text(text.encode() if isinstance(text, str) else text, "p").spec is None


def test_a_plan_with_a_byte_order_mark_is_still_checked() -> None:
    problems = said(b"\xef\xbb\xbf" + in_plan(step("a", '["b"]')).encode())
    assert len(problems) == 2
    assert problems[1].startswith('p:3:54: step "a" depends on "b"')


@pytest.mark.parametrize(
    ("given", "problem"),
    [
        (
            '["plna"]',
            'p:4:58: step "build" depends on "plna", which is no step of this plan; did you mean "plan"?',
        ),
        (
            '["PLAN"]',
            'p:4:58: step "build" depends on "PLAN", which is no step of this plan; did you mean "plan"?',
        ),
        (
            '["quite another"]',
            'p:4:58: step "build" depends on "quite another", which is no step of this plan',
        ),
        ('["build"]', 'p:4:58: step "build" depends on itself'),
        ('["plan", "plan"]', 'p:4:66: warning: step "build" names "plan" twice in its dependsOn'),
    ],
)
def test_dependencies_that_lead_nowhere(given: str, problem: str) -> None:
    assert said(in_plan(f"{step('plan')},\n{step('build', given)}")) == [problem]


@pytest.mark.parametrize("key", ["depends_on", "dependson", "dependencies", "depends-on", "dependOn"])
def test_a_misspelt_field_is_a_warning_and_no_hindrance(key: str) -> None:
    text = in_plan(f'{{"id": "a", "title": "T", "goal": "G", "{key}": []}}')
    loaded = load_plan_text(text.encode(), "p")
    assert [str(one) for one in loaded.problems] == [
        f'p:3:40: warning: "{key}" of step "a" has no effect; did you mean "dependsOn"?'
    ]
    assert loaded.spec is not None
    assert loaded.spec.steps[0].to_json()[key] == []


def test_the_callers_own_fields_are_no_mistakes() -> None:
    own = {"role": "x", "capability": "y", "executor": "z", "priority": 1, "owner": "me", "depends_on": ["q"]}
    text = json.dumps(
        plan_of({"id": "a", "dependsOn": [], **own}, maxConcurrency=3, executionMode="serial", mode=1)
    )
    assert said(text) == []


@pytest.mark.parametrize(
    ("limit", "warned"),
    [
        ('{"afterSeconds": 900, "then": "defaults"}', False),
        ('{"afterSeconds": "900", "then": "defaults"}', True),
        ('{"afterSeconds": 0, "then": "fail"}', True),
        ('{"afterSeconds": true, "then": "fail"}', True),
        ('{"afterSeconds": 900, "then": ["fail"]}', True),
        ('{"then": "fail"}', True),
        ('{"on": "the author\'s own"}', False),
        ('"2026-12-01"', False),
    ],
)
def test_a_time_limit_that_is_none_is_a_warning(limit: str, warned: bool) -> None:
    told = said(in_plan(f'{{"id": "a", "title": "T", "goal": "G", "expires": {limit}}}'))
    assert told == warned * [
        'p:3:51: warning: "expires" of step "a" sets no time limit; it needs "afterSeconds", a number above 0, and '
        '"then", one of decline, cancel, fail and defaults'
    ]


def test_ids_that_share_a_folder() -> None:
    assert said(in_plan(f"{step('Build')},\n{step('build')}")) == [
        'p:4:8: the step ids "Build" and "build" are one folder name where upper and lower case are the same '
        "(the first is at 3:8)"
    ]


def test_a_long_cycle_is_told_in_short() -> None:
    steps = [{"id": f"s{index}", "dependsOn": [f"s{(index + 1) % 500}"]} for index in range(500)]
    [problem] = said(json.dumps(plan_of(*steps)))
    assert "s0 → s1 → " in problem
    assert "… 461 more …" in problem
    assert problem.endswith("→ s499 → s0")


def test_what_cannot_be_read_is_a_problem_and_nothing_worse(tmp_path: Path) -> None:
    def reason(path: Path) -> str:
        [problem] = load_plan(path).problems
        assert (problem.line, problem.column) == (0, 0)
        return problem.message

    assert reason(tmp_path / "nothing") == "there is no such file"
    assert reason(tmp_path) == "this is a folder, not a plan file"
    assert reason(Path("a\0b")) == "this is not the name of a file"
    (tmp_path / "file").touch()
    assert reason(tmp_path / "file" / "plan.json") == "this file cannot be read: not a directory"
    with (tmp_path / "large").open("wb") as file:
        os.truncate(file.fileno(), MAX_BYTES + 1)
    assert reason(tmp_path / "large") == "the file is larger than 64 MiB, too large for a plan"


def test_an_invalid_plan_is_said_with_a_line_for_each_problem(tmp_path: Path) -> None:
    path = tmp_path / "plan.json"
    path.write_text(in_plan(step("a", '["x"]') + ",\n" + step("a")))
    lines = str(PlanInvalid(load_plan(path).problems)).splitlines()
    assert len(lines) == 2
    assert all(line.startswith(f"{path}:") for line in lines)


def test_text_of_a_plan_does_not_reach_the_terminal_raw() -> None:
    text = json.dumps(plan_of({"id": "a\x1b]0;x\x07", "dependsOn": ["\u202e[/]\x9b" + "x" * 500]}))
    for line in said(text):
        assert line.isprintable()
        assert len(line) < 300
    assert str(Problem("a\x1b.json", 1, 2, "wrong")) == "a\\u001b.json:1:2: wrong"


def test_a_plan_that_was_never_a_file_obeys_the_same_rules() -> None:
    document = plan_of({"id": "a", "dependsOn": ["b"]}, {"id": "b", "dependsOn": ["a", "c"]}, {"id": "x/y"})
    assert [str(problem) for problem in check_spec(PlanSpec.from_json(document))] == [
        'the step id "x/y" contains /; it must be usable as a folder name',
        'step "b" depends on "c", which is no step of this plan',
        "these steps wait for each other: a → b → a",
    ]


@pytest.mark.parametrize("mistake", ["none", "cycle", "unknown", "fields", "knot", "comma"])
def test_ten_thousand_steps_are_checked_quickly(mistake: str) -> None:
    steps = [
        {"id": f"step-{index}", "dependsOn": [f"step-{index - 1}"] if index else []}
        for index in range(10_000)
    ]
    document = plan_of(*steps)
    for index, one in enumerate(document["steps"]):
        if mistake == "unknown":
            one["dependsOn"] = [f"stpe-{index}"]
        elif mistake == "fields":
            del one["goal"]
        elif mistake == "knot":
            one["dependsOn"] = [f"step-{(index + ahead) % 10_000}" for ahead in range(5)]
    if mistake == "cycle":
        document["steps"][0]["dependsOn"] = ["step-9999"]
    text = json.dumps(document, indent=1)
    # twenty times what it takes, so that a busy machine does not fail it but quadratic work does
    with takes_less_than(20):
        problems = load_plan_text(
            (text.replace("]", ",]") if mistake == "comma" else text).encode(), "p"
        ).problems
    assert bool(problems) == (mistake != "none")
