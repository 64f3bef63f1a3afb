"""The answer to an agent call of a workflow, found in what the agent really wrote and checked.

Without a schema the text of the last message is the answer. With one, it is the last JSON object in the text
that fits. An agent that cannot go on without the user may end with a `waiting_user` object instead.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from typing import Any

import msgspec

from piplan_tui.run.loose_json import find_objects
from piplan_tui.run.model import StepDone, StepResult
from piplan_tui.run.result_finder import LONGEST_TEXT, ResultProblem, find_result
from piplan_tui.run.schema_sense import contradiction

AnswerCheck = Callable[[Any], str | None]
"""Says what is wrong with an answer that fits its schema, for the agent to read; `None` when it is right."""

_MOST_PROBLEMS = 5
_MOST_STEPS = 5_000_000
"""Of checking one answer: a list of a hundred thousand records has room."""
_SUMMARY_LENGTH = 200


class AnswerReader:
    """Reads answers to one call.

    `schema` must be a JSON Schema of an object (draft 2020-12) without references to other documents;
    `check` sees a value that fits it. `read` may be called from another thread.
    """

    def __init__(self, schema: dict[str, Any] | None, check: AnswerCheck | None = None) -> None:
        self.schema = schema
        self._check = check

    def read(self, text: str, cut_off: bool = False) -> StepDone | ResultProblem:
        """The answer, or what to tell the agent. An object in a text that was cut off must be whole."""
        if (waiting := _question(text)) is not None:
            return StepDone(result=waiting)
        if self.schema is None:
            if not text.strip():
                return ResultProblem("Your answer is empty. Your last message must be the whole answer.")
            return _done(text, text.strip())
        return self._object(text[-LONGEST_TEXT:], cut_off)

    def _object(self, text: str, cut_off: bool) -> StepDone | ResultProblem:
        findings = find_objects(text)
        candidates = [found.value for found in findings.objects if not (cut_off and found.mended)]
        problem = ""
        for value in reversed(candidates):
            wrong = self._problem(value)
            if not wrong:
                return _done(value, json.dumps(value, ensure_ascii=False))
            problem = problem or wrong
        if findings.cut_off and not problem:
            return ResultProblem(
                "The JSON object in your answer ends too early: a quote or a bracket is missing."
            )
        if problem:
            return ResultProblem(f"The JSON object in your answer does not fit the schema: {problem}")
        return ResultProblem("Your answer has no JSON object.")

    def _problem(self, value: dict[str, Any]) -> str:
        # slow to load: it is imported only where a call has a schema
        from piplan_tui.run.asks.value_schema import schema_errors

        try:
            errors = schema_errors(self.schema or {}, value, most_steps=_MOST_STEPS)
            found = list(islice(errors, _MOST_PROBLEMS))
        except Exception as error:
            # a reference to nowhere, or a schema that recurses without end
            return f"the schema cannot be applied ({type(error).__name__}: {error})"[:300]
        if not found and self._check is not None and (wrong := self._check(value)):
            found.append(wrong)
        return "; ".join(found)


def _question(text: str) -> StepResult | None:
    """A question to the user that the text ends with. A text that merely quotes one is an answer."""
    end = text.rstrip().removesuffix("```").rstrip()
    if not end.endswith("}") or '"waiting_user"' not in text:
        return None
    found = find_result(text)
    return found if isinstance(found, StepResult) and found.status == "waiting_user" else None


def _done(value: Any, summary: str) -> StepDone:
    line = " ".join(summary[: 2 * _SUMMARY_LENGTH].split())
    if len(line) > _SUMMARY_LENGTH:
        line = line[: _SUMMARY_LENGTH - 1] + "…"
    return StepDone(result=StepResult(status="completed", summary=line), value=value)


class ObjectSchema(msgspec.Struct, frozen=True):
    """A schema as an agent is asked for it. `wrapped` when the wanted value is its property `value`."""

    schema: dict[str, Any]
    wrapped: bool = False


def object_schema(schema: Any) -> ObjectSchema:
    """Make a schema of any value one of an object, since only objects are found safely in prose.

    Raises:
        ValueError: it is no JSON Schema, refers to other documents, or contradicts itself; says where and why.
    """
    if not isinstance(schema, dict):
        raise ValueError(f"a schema is a JSON object, not {type(schema).__name__}")
    from jsonschema import Draft202012Validator

    try:
        json.dumps(schema)
        Draft202012Validator.check_schema(schema)
    except (TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"the schema is not JSON: {error}") from error
    except Exception as error:
        # jsonschema raises its own and, for some schemas, whatever it stumbles over
        place = ".".join(str(part) for part in getattr(error, "absolute_path", ()))
        message = str(getattr(error, "message", error))[:200]
        raise ValueError(f"the schema is no JSON Schema: {place + ': ' if place else ''}{message}") from error
    if (foreign := _foreign_reference(schema)) is not None:
        raise ValueError(f"the schema refers to {foreign[:100]!r}, which is not in it; use #/$defs/…")
    if why := contradiction(schema):
        raise ValueError(why)
    if schema.get("type") == "object" or ("type" not in schema and "properties" in schema):
        return ObjectSchema(schema)
    inner = dict(schema)
    wrapped: dict[str, Any] = {
        "type": "object",
        "properties": {"value": inner},
        "required": ["value"],
        "additionalProperties": False,
    }
    for definitions in ("$defs", "definitions"):
        # references such as #/$defs/Item count from the root
        if definitions in inner:
            wrapped[definitions] = inner.pop(definitions)
    return ObjectSchema(wrapped, wrapped=True)


def _foreign_reference(schema: dict[str, Any]) -> str | None:
    todo: list[Any] = [schema]
    while todo:
        part = todo.pop()
        if isinstance(part, dict):
            for key in ("$ref", "$dynamicRef"):
                target = part.get(key)
                if isinstance(target, str) and not target.startswith("#"):
                    return target
            todo.extend(part.values())
        elif isinstance(part, list):
            todo.extend(part)
    return None
