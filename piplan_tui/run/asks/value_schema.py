"""Data against a JSON Schema that somebody else wrote: no network, no slow patterns, a bounded number of steps."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from jsonschema import Draft202012Validator, ValidationError, validators
from referencing import Registry

from piplan_tui.clean import clean_text
from piplan_tui.run.asks.patterns import matches

_MOST_STEPS = 50_000
_LONGEST = 200


class TooManySteps(Exception):
    """The schema asks for more work than a check is worth."""

    def __str__(self) -> str:
        return "it takes too many steps"


def schema_errors(schema: dict[str, Any], value: Any, *, most_steps: int = _MOST_STEPS) -> Iterator[str]:
    """What is wrong with `value`, a phrase each (`age: -1 is less than the minimum of 0`), as they are found.
    A step is one keyword applied to one part of the value.

    Raises:
        Exception: whatever a schema that is itself wrong does to the validator; `TooManySteps`.
    """
    checks = {**Draft202012Validator.VALIDATORS, **_SAFE}
    if "patternProperties" in json.dumps(schema, default=str):
        # these match the patterns of whole schemas with `re`; what they would add is not worth that
        checks |= {"unevaluatedProperties": _nothing, "unevaluatedItems": _nothing}
    steps = 0

    def counted(check: Any) -> Any:
        def run(validator: Any, rule: Any, instance: Any, whole: Any) -> Iterator[ValidationError]:
            nonlocal steps
            steps += 1
            if steps > most_steps:
                raise TooManySteps
            yield from check(validator, rule, instance, whole) or ()

        return run

    counting = {name: counted(check) for name, check in checks.items()}
    kind = validators.extend(Draft202012Validator, counting)  # type: ignore[no-untyped-call]  # the stubs lack it
    # without a registry of its own, the validator would fetch references from the network
    for error in kind(schema, registry=Registry()).iter_errors(value):
        yield _phrase(error)


def schema_problem(schema: dict[str, Any], value: Any) -> str | None:
    """The first thing that is wrong with `value`, or `None`.

    A schema that is itself wrong, refers to something outside of itself or takes too long says nothing.
    """
    try:
        return next(schema_errors(schema, value), None)
    except Exception:
        # whatever a stranger's schema does to the validator, it must not keep the user from answering
        return None


def _phrase(error: ValidationError) -> str:
    place = clean_text(".".join(str(part) for part in error.absolute_path), keep_newlines=False)
    text = clean_text(error.message, keep_newlines=False)
    text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
    return f"{place}: {text}" if place else text


def _pattern(_validator: Any, pattern: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, str) and isinstance(pattern, str) and not matches(pattern, instance):
        yield ValidationError(f"{instance[:60]!r} does not match {pattern!r}")


def _pattern_properties(validator: Any, rules: Any, instance: Any, _schema: Any) -> Iterator[ValidationError]:
    if isinstance(instance, dict) and isinstance(rules, dict):
        for pattern, rule in rules.items():
            for name, item in instance.items():
                if matches(pattern, name):
                    yield from validator.descend(item, rule, path=name, schema_path=pattern)


def _additional(validator: Any, rule: Any, instance: Any, schema: Any) -> Iterator[ValidationError]:
    if not isinstance(instance, dict):
        return
    named = schema.get("properties", {})
    patterns = schema.get("patternProperties", {})
    for name, item in instance.items():
        if name in named or any(matches(pattern, name) for pattern in patterns):
            continue
        if rule is False:
            yield ValidationError(f"{name[:60]!r} is not expected here")
        elif isinstance(rule, dict):
            yield from validator.descend(item, rule, path=name)


def _nothing(_validator: Any, _rule: Any, _instance: Any, _schema: Any) -> Iterator[ValidationError]:
    yield from ()


_SAFE: dict[str, Any] = {
    "pattern": _pattern,
    "patternProperties": _pattern_properties,
    "additionalProperties": _additional,
}
