"""The result is found in whatever a model wraps it in, and hostile text costs no more than its length."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from piplan_tui.run.loose_json import find_objects
from piplan_tui.run.model import StepResult
from piplan_tui.run.result_finder import LONGEST_TEXT, ResultProblem, find_result

NASTY = st.text(alphabet=st.sampled_from("{}[]\"'“”:,`~/*#\\ \nabstu0-1"), max_size=40) | st.text(max_size=40)
PROSE = st.text(
    alphabet=st.characters(exclude_characters="{}\"'“”‘’`~", exclude_categories=("Cs",)), max_size=200
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=("Cs",)) | st.sampled_from('{}"\\\n')),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip
OUTCOMES = ("completed", "failed", "cancelled")


def found(text: str) -> StepResult:
    result = find_result(text)
    assert isinstance(result, StepResult), result
    return result


@pytest.mark.parametrize(
    "text",
    [
        '{"status":"completed","summary":"it works"}',
        'All done.\n```json\n{"status":"completed","summary":"it works"}\n```\nAnything else?',
        '~~~\n{"status":"completed","summary":"it works"}\n~~~',
        '```\n{"status":"completed","summary":"it works"\n```',
        '{"status":"completed","summary":"it works",}',
        "{'status': 'completed', 'summary': 'it works', 'ok': True, 'none': None}",
        '{"status": "completed", // fine\n /* yes */ "summary": "it works" # really\n}',
        "{“status”: “completed”, “summary”: “it works”}",
        '{status: "completed", summary: "it works"}',
        '{"status": "completed" "summary": "it works"}',
        '{"status": "completed"\n "summary": "it works"}',
        '{"result": {"status": "completed", "summary": "it works"}}',
        '{"result": "{\\"status\\": \\"completed\\", \\"summary\\": \\"it works\\"}"}',
        json.dumps(json.dumps({"status": "completed", "summary": "it works"})),
        '{"Status": "Completed", "summary": "it works"}',
        '{"status": "done", "summary": "it works"}',
        '[{"status": "completed", "summary": "it works"}]',
        'I will answer {"status": "failed"} or so.\n{"status": "completed", "summary": "it works"} Bye {now}.',
        '{"status": "completed", "summary": "it works"}\nThe API said {"status": "error"} and {"status": 200}.',
        'A stray {"quote and {src/**} and {x} first. {"status": "completed", "summary": "it works"}',
        '{"status": "completed", "summary": "it works", "data": {"status": "failed"}}',
    ],
)
def test_the_result_is_found(text: str) -> None:
    result = found(text)
    assert (result.status, result.summary) == ("completed", "it works")


@pytest.mark.parametrize(
    ("text", "summary"),
    [
        ('{"status":"completed","summary":"line 1\nline 2"}', "line 1\nline 2"),
        ('{"status":"completed","summary":"He said "hi" to me {x}"}', 'He said "hi" to me {x}'),
        ('{"status":"completed","summary":"a } and { and \\"}\\""}', 'a } and { and "}"'),
        ("{'status':'completed','summary':'it\\'s \"x\"'}", 'it\'s "x"'),
        ('{"status":"completed","summary":"""three "quotes" """}', 'three "quotes" '),
        ('{"status":"completed","summary":"\\ud83d"}', "\ufffd"),
        ('{"status":"completed","summary":"\\ud83d\\ude00\n"}', "\U0001f600\n"),
    ],
)
def test_damaged_strings_keep_their_text(text: str, summary: str) -> None:
    assert found(text).summary == summary


@pytest.mark.parametrize(
    ("word", "outcome"),
    [("canceled", "cancelled"), ("aborted", "cancelled"), ("error", "failed"), ("FAILURE", "failed"),
     ("success", "completed"), ("Finished", "completed"), ("waiting-user", "waiting_user"),
     ("needs input", "waiting_user"), ("input_required", "waiting_user")],
)  # fmt: skip
def test_synonyms_of_a_status(word: str, outcome: str) -> None:
    assert found(json.dumps({"status": word, "inputRequest": "Which?"})).status == outcome


@pytest.mark.parametrize("word", ["ok", "in_progress", "partial", "pending", "", 200, True])
def test_words_that_leave_the_outcome_open_are_not_guessed(word: Any) -> None:
    problem = find_result(json.dumps({"status": word}))
    assert isinstance(problem, ResultProblem)
    assert json.dumps(word) in problem.message
    assert "completed, failed, cancelled or waiting_user" in problem.message


@pytest.mark.parametrize(
    ("document", "asked"),
    [
        ({"inputRequest": {"message": "Which?"}}, {"message": "Which?"}),
        ({"input_request": "Which?"}, "Which?"),
        ({"inputRequests": [{"message": "Which?"}]}, {"message": "Which?"}),
        ({"inputRequests": ["A?", "B?"]}, ["A?", "B?"]),
        ({"question": "Which?"}, "Which?"),
        ({"question": "Which?", "options": ["a"]}, {"message": "Which?", "options": ["a"]}),
        ({"questions": [{"question": "Which?"}]}, {"questions": [{"question": "Which?"}]}),
        ({"message": "Which?", "fields": ["a"]}, {"message": "Which?", "fields": ["a"]}),
    ],
)
def test_the_question_is_found_under_its_usual_names(document: dict[str, Any], asked: Any) -> None:
    assert found(json.dumps({"status": "waiting_user", **document})).input_request == asked


@pytest.mark.parametrize("request_", [None, {}, "", "  ", [], 3])
def test_waiting_without_a_question_is_a_problem(request_: Any) -> None:
    problem = find_result(json.dumps({"status": "waiting_user", "inputRequest": request_}))
    assert isinstance(problem, ResultProblem)
    assert "inputRequest" in problem.message


@pytest.mark.parametrize(
    ("text", "part"),
    [("", "empty"), (" \n", "empty"), ("I finished everything!", "no JSON object"),
     ('{"summary": "x"}', "has a status"), ('{"status": "completed", "summary": "and th', "too early"),
     ("the status is fine", "no JSON object")],
)  # fmt: skip
def test_a_problem_says_what_was_wrong(text: str, part: str) -> None:
    problem = find_result(text)
    assert isinstance(problem, ResultProblem)
    assert part in problem.message
    assert '{"status": "completed"' in problem.message


def test_error_texts() -> None:
    assert found('{"status":"failed","error":{"message":"no disk"}}').error == "no disk"
    assert found('{"status":"failed","reason":"no disk"}').error == "no disk"
    assert found('{"status":"completed","error":"none"}').error == ""


@given(PROSE, PROSE, st.sampled_from(OUTCOMES), st.dictionaries(st.text(max_size=8), JSON, max_size=4),
       st.sampled_from(["{}", "```json\n{}\n```", "~~~\n{}\n~~~", '{{"result": {}}}', "{}\n{}"]),
       st.booleans())  # fmt: skip
def test_any_result_in_any_prose_is_found_as_it_was(
    before: str, after: str, status: str, more: dict[str, Any], wrapping: str, indent: bool
) -> None:
    document = {**{k: v for k, v in more.items() if k.strip().casefold() != "status"}, "status": status}
    written = json.dumps(document, indent=2 if indent else None, ensure_ascii=indent)
    result = found(f"{before}\n{wrapping.format(written, written)}\n{after}")
    assert result.status == status
    assert result.document == document


@given(NASTY, st.sampled_from(OUTCOMES))
@example("{a:", "completed")
@example('{"a": [{b: ', "failed")
def test_a_result_on_its_own_line_survives_stray_brackets_before_it(before: str, status: str) -> None:
    result = find_result(f'{before}\n\n{{"status": "{status}", "summary": "s"}}')
    assert isinstance(result, StepResult)
    assert (result.status, result.summary) == (status, "s")


@given(JSON.filter(lambda value: isinstance(value, dict)))
def test_valid_json_is_read_as_json_loads_reads_it(document: dict[str, Any]) -> None:
    written = json.dumps(document)
    (only,) = find_objects(f"x {written} y").objects
    assert only.value == document
    assert not only.mended
    assert (only.start, only.end) == (2, 2 + len(written))


@given(st.text() | st.lists(NASTY | st.sampled_from(['{"status":', '"completed"', '{"a":"'])).map("".join))
def test_no_text_raises(text: str) -> None:
    assert isinstance(find_result(text), StepResult | ResultProblem)
    assert isinstance(find_result(text + '{"status":"completed"'), StepResult | ResultProblem)


@pytest.mark.parametrize(
    "piece",
    ["{", '{"a":', '{"a":[', '{"a":"', '" a ', "{'", '{"a" //', '{"a"/*', '{"a":"\\', '{"a": "x" ', '":', '"{\\',
     "{a", '{"a": "x {', "{“", '{"a":"x\n{', "{`a`:`", '{"""'],
)  # fmt: skip
def test_work_grows_no_faster_than_the_text(piece: str) -> None:
    def steps(length: int) -> int:
        return find_objects('{"a":"' + piece * (length // len(piece))).steps

    short, long = steps(10_000), steps(40_000)
    assert long <= 5 * short + 1_000


def test_numbers_that_no_codec_writes_stay_readable() -> None:
    document = found('{"status":"completed","n":' + "9" * 5000 + ',"i":1e999,"x":NaN}').document
    assert document["n"] == "9" * 5000
    assert document["i"] is None
    assert document["x"] is None


def test_of_a_very_long_text_the_end_is_read() -> None:
    assert found("{" * (LONGEST_TEXT * 2) + '\n{"status":"completed"}').status == "completed"
    assert isinstance(find_result('{"status":"completed"}' + " " * LONGEST_TEXT), ResultProblem)
