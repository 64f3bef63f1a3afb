"""Answers to agent calls: found in prose, checked, and asked for again in the same session."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from piplan_tui.agents.protocol import AgentSession, OnEvent, SessionEvent, SessionRequest, Turn
from piplan_tui.run.answer import AnswerCheck, AnswerReader, object_schema
from piplan_tui.run.model import SessionRef, StepDone, StepExecutionInput, StepJob, UserInput
from piplan_tui.run.result_finder import ResultProblem
from piplan_tui.run.step_runner import ResultMissing, StepRunner

PERSON: dict[str, Any] = {
    "type": "object",
    "properties": {"name": {"type": "string"}, "age": {"type": "integer", "minimum": 0}},
    "required": ["name", "age"],
    "additionalProperties": False,
}
ADA = {"name": "Ada", "age": 36}


def read(text: str, schema: dict[str, Any] | None = None, check: AnswerCheck | None = None) -> Any:
    """The value in a text, or the problem with it as a sentence."""
    found = AnswerReader(schema, check).read(text)
    return found.message if isinstance(found, ResultProblem) else found.value


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Ada", "age": 36}',
        'Here it is:\n```json\n{"name": "Ada", "age": 36}\n```\nAnything else?',
        'I first thought {"name": "Bob"} but no: {"name": "Ada", "age": 36}. The tool said {"exit": 0}.',
        "{name: 'Ada', age: 36,}",
    ],
)
def test_the_last_object_that_fits_is_the_answer(text: str) -> None:
    assert read(text, PERSON) == ADA


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("I am done.", "Your answer has no JSON object."),
        ('{"name": "Ada", "age": "36 or so', "The JSON object in your answer"),
        ('{"name": "Ada", "age": -1}', "age: -1 is less than the minimum of 0"),
        ('{"name": 7, "size": 1}', "'age' is a required property"),
    ],
)
def test_what_does_not_fit_is_said_to_the_agent(text: str, problem: str) -> None:
    assert problem in read(text, PERSON)


def test_an_object_that_was_cut_off_is_no_answer() -> None:
    text = '{"name": "Ada", "age": 3'
    assert read(text, PERSON) == {"name": "Ada", "age": 3}
    assert isinstance(AnswerReader(PERSON).read(text, cut_off=True), ResultProblem)


def test_every_mistake_is_named_at_once() -> None:
    said = read('{"name": 7, "size": 1}', PERSON)
    assert all(part in said for part in ("'age' is a required property", "name: 7 is not of type", "'size'"))


def test_a_further_check_sees_only_what_fits_the_schema() -> None:
    seen: list[Any] = []

    def check(value: Any) -> str | None:
        seen.append(value)
        return None if value["age"] > 40 else "age: must be over 40"

    assert "must be over 40" in read('{"name": "Ada", "age": 36}', PERSON, check)
    assert "required" in read('{"name": "Ada"}', PERSON, check)
    assert seen == [ADA]


def test_without_a_schema_the_text_is_the_answer_as_it_is() -> None:
    assert read('  two\n\n {"status": "failed"}\n') == '  two\n\n {"status": "failed"}\n'
    assert "empty" in read(" \n")


def test_an_agent_may_ask_the_user_instead() -> None:
    question = 'Hm.\n```json\n{"status": "waiting_user", "inputRequest": {"message": "Who?"}}\n```'
    for schema in (None, PERSON):
        done = AnswerReader(schema).read(question)
        assert isinstance(done, StepDone)
        assert (done.result.status, done.result.input_request) == ("waiting_user", {"message": "Who?"})
    assert read(question + "\nThat is what it would write.") == question + "\nThat is what it would write."


def test_a_slow_pattern_is_matched_in_linear_time() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "string", "pattern": "^(a+)+$"}}}
    assert "does not match" in read('{"a": "' + "a" * 5_000 + '!"}', schema)


def test_patterns_of_names_are_matched_in_linear_time_too() -> None:
    schema = {
        "type": "object",
        "patternProperties": {"(a+)+$": {"type": "integer"}},
        "additionalProperties": False,
    }
    assert "is not expected here" in read(json.dumps({"a" * 5_000 + "!": 1}), schema)
    assert read('{"aa": 1}', schema) == {"aa": 1}


def test_a_long_answer_is_checked_to_its_end() -> None:
    schema = {
        "type": "object",
        "properties": {"rows": {"type": "array", "items": PERSON}},
        "required": ["rows"],
    }
    rows = [ADA] * 12_000
    assert read(json.dumps({"rows": rows}), schema) == {"rows": rows}
    assert "rows.12000.age" in read(json.dumps({"rows": [*rows, {"name": "x", "age": -1}]}), schema)


def test_schemas_of_other_values_are_asked_for_in_an_object() -> None:
    assert object_schema(PERSON).wrapped is False
    wrapped = object_schema({"type": "array", "items": {"$ref": "#/$defs/P"}, "$defs": {"P": PERSON}})
    assert wrapped.wrapped
    assert read('{"value": [{"name": "Ada", "age": 36}]}', wrapped.schema) == {"value": [ADA]}
    assert "age" in read('{"value": [{"name": "Ada"}]}', wrapped.schema)


@pytest.mark.parametrize(
    ("schema", "problem"),
    [
        ("string", "a schema is a JSON object, not str"),
        ({"type": "objekt"}, "no JSON Schema: type"),
        ({"$ref": "https://example.org/s.json"}, "refers to 'https://example.org/s.json'"),
        ({"type": {1}}, "the schema is not JSON"),
    ],
)
def test_a_schema_that_is_none_is_refused(schema: Any, problem: str) -> None:
    with pytest.raises(ValueError, match=problem.replace("$", r"\$")):
        object_schema(schema)


def test_a_schema_that_refers_to_nowhere_is_said_and_does_not_break_off() -> None:
    assert "cannot be applied" in read(
        '{"a": 1}', {"type": "object", "properties": {"a": {"$ref": "#/$defs/x"}}}
    )


@given(st.text(max_size=200))
def test_no_text_breaks_the_reader(text: str) -> None:
    assert isinstance(AnswerReader(PERSON).read(text), StepDone | ResultProblem)


# -- in a session ----------------------------------------------------------------------------------


class Scripted:
    """An agent and its only session: says one reply after another, and keeps what it was told."""

    name = "scripted"
    continues_sessions = True

    def __init__(self, *replies: str) -> None:
        self.replies = list(replies)
        self.told: list[str] = []
        self.ref = SessionRef(agent="scripted", session_id="s1")
        self.opened = 0

    async def open(self, request: SessionRequest) -> Any:
        self.opened += 1
        return self

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        self.told.append(text)
        return Turn(text=self.replies.pop(0))

    async def close(self) -> None:
        pass


class Port:
    def __init__(self) -> None:
        self.problems: list[str] = []

    def opened(self, session: AgentSession, workspace: Path | None = None) -> None:
        pass

    def said(self, event: SessionEvent) -> None:
        pass

    def held_up(self, problem: str) -> None:
        raise AssertionError(problem)

    def reprompted(self, count: int, problem: str) -> None:
        self.problems.append(problem)


async def carry_out(tmp_path: Path, agent: Scripted, **job: Any) -> tuple[StepDone, Port]:
    port = Port()
    user_input = job.pop("user_input", ())
    given_input = StepExecutionInput(
        run_id="r",
        attempt=1,
        plan={"id": "p"},
        step={"id": "a", "goal": "Who wrote the first program?"},
        workspace=str(tmp_path),
        user_input=user_input,
    )

    async def named(name: str) -> Any:
        return agent

    done = await StepRunner(named).execute(StepJob(given=given_input, agent="scripted", **job), port)
    return done, port


@pytest.mark.anyio
async def test_the_same_session_is_told_what_was_wrong_until_the_answer_fits(tmp_path: Path) -> None:
    agent = Scripted("Ada did.", '{"name": "Ada"}', '{"name": "Ada", "age": 36}')
    done, port = await carry_out(tmp_path, agent, wanted="schema", schema=PERSON)
    assert (done.value, done.result.summary, done.handoff) == (ADA, '{"name": "Ada", "age": 36}', None)
    assert agent.opened == 1
    assert agent.told[0].startswith("Who wrote the first program?")
    assert '"minimum": 0' in agent.told[0]
    assert [text.split("\n")[0] for text in agent.told[1:]] == port.problems
    assert "'age' is a required property" in port.problems[1]
    assert not os.listdir(tmp_path)


@pytest.mark.anyio
async def test_a_schema_that_no_answer_meets_ends_the_call_with_one_sentence(tmp_path: Path) -> None:
    agent = Scripted(*['{"name": "Ada", "age": -1}'] * 9)
    with pytest.raises(
        ResultMissing, match=r"asked again twice: .* age: -1 is less than the minimum"
    ) as failure:
        await carry_out(tmp_path, agent, wanted="schema", schema=PERSON)
    assert len(agent.told) == 3
    assert '"age": -1' in failure.value.detail


@pytest.mark.anyio
async def test_a_text_call_gets_its_prompt_and_gives_the_text(tmp_path: Path) -> None:
    agent = Scripted("Ada Lovelace")
    done, _ = await carry_out(tmp_path, agent, wanted="text")
    assert (done.value, done.result.summary) == ("Ada Lovelace", "Ada Lovelace")
    assert '"status": "completed"' not in agent.told[0]


@pytest.mark.anyio
async def test_an_answer_of_the_user_goes_on_with_the_same_session(tmp_path: Path) -> None:
    answer = UserInput(ask_id="q", message="Which?", action="accept", values={"answer": "the first"})
    agent = Scripted("Ada")
    await carry_out(tmp_path, agent, wanted="text", reason="answer", resume=agent.ref, user_input=(answer,))
    assert "the first" in agent.told[0]
    assert "Who wrote" not in agent.told[0]
