"""The known fields of a plan document: which are missing, of the wrong type or misspelt."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from piplan_tui.plan.json_text import Path
from piplan_tui.plan.problem import quoted
from piplan_tui.plan.rules import Finding, PlanOutline, StepOutline, step_name
from piplan_tui.plan.spec import PlanSpec, PlanStepSpec
from piplan_tui.plan.spelling import Spelling, plain

_PLAN_FIELDS = tuple(info.alias or name for name, info in PlanSpec.model_fields.items())
_STEP_FIELDS = tuple(info.alias or name for name, info in PlanStepSpec.model_fields.items())
# other words for known fields, as `plain` writes them
_PLAN_WORDS = {"mode": "executionMode", "execution": "executionMode", "tasks": "steps", "name": "title"}
_STEP_WORDS = {
    "dependencies": "dependsOn",
    "dependency": "dependsOn",
    "depends": "dependsOn",
    "dependson": "dependsOn",
    "deps": "dependsOn",
    "needs": "dependsOn",
    "name": "title",
    "prompt": "goal",
    "task": "goal",
}
_MODES = Spelling(("serial", "parallel"))


def read_spec(document: dict[str, Any]) -> tuple[PlanSpec | None, list[Finding]]:
    """The plan in a JSON object, or what is wrong with its known fields; warnings may come with a plan."""
    lookalikes = _lookalikes(document)
    found = []
    spec = None
    try:
        spec = PlanSpec.from_json(document)
    except ValidationError as error:
        for detail in error.errors(include_url=False):
            # a required field under a wrong name is one mistake, not two
            twin = lookalikes.pop(detail["loc"], None) if detail["type"] == "missing" else None
            found.append(_finding(document, detail, twin))
    found += [lookalike.warning for lookalike in lookalikes.values()]
    found += _time_limits(document)
    return spec, found


def _time_limits(document: dict[str, Any]) -> Iterator[Finding]:
    """Time limits for questions that are none, because something of them is missing or wrong."""
    steps = document.get("steps")
    places: list[tuple[Path, Any]] = [((), document)]
    places += [
        (("steps", index), step) for index, step in enumerate(steps if isinstance(steps, list) else [])
    ]
    for path, holder in places:
        limit = holder.get("expires") if isinstance(holder, dict) else None
        # anything else by that name is the author's own
        if not isinstance(limit, dict) or not limit.keys() & {"afterSeconds", "then"}:
            continue
        seconds, then = limit.get("afterSeconds"), limit.get("then")
        is_number = isinstance(seconds, int | float) and not isinstance(seconds, bool) and seconds > 0
        if not is_number or then not in ("decline", "cancel", "fail", "defaults"):
            where = (*path, "expires")
            message = (
                f'{_what(document, where)} sets no time limit; it needs "afterSeconds", a number above 0, and '
                '"then", one of decline, cancel, fail and defaults'
            )
            yield Finding(where, message, "warning")


def outline(document: dict[str, Any]) -> PlanOutline:
    """As much of ids and dependencies as can be made out, of any JSON object."""
    steps = document.get("steps")
    plan_id = document.get("id")
    outlines = []
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if not isinstance(step, dict):
            continue
        step_id, wanted = step.get("id"), step.get("dependsOn")
        outlines.append(
            StepOutline(
                index,
                step_id if isinstance(step_id, str) and step_id else None,
                [
                    (place, name)
                    for place, name in enumerate(wanted if isinstance(wanted, list) else [])
                    if isinstance(name, str)
                ],
            )
        )
    return PlanOutline(plan_id if isinstance(plan_id, str) else None, outlines)


def json_type(value: object) -> str:
    """What a value is, in the words of someone who writes JSON."""
    match value:
        case None:
            return "null"
        case bool():
            return "true or false"
        case int() | float():
            return "a number"
        case str():
            return "a text"
        case list():
            return "a list"
    return "an object"


@dataclass(frozen=True, slots=True)
class _Lookalike:
    """The key at `path` is likely meant to be the known field `meant`, which is not there."""

    path: Path
    owner: str
    meant: str

    @property
    def warning(self) -> Finding:
        key = quoted(str(self.path[-1]))
        message = f'{key} of {self.owner} has no effect; did you mean "{self.meant}"?'
        return Finding(self.path, message, "warning", at_key=True)


def _lookalikes(document: dict[str, Any]) -> dict[Path, _Lookalike]:
    """Likely misspelt keys by the path of the field that each stands for."""
    guess = _Guess(_PLAN_FIELDS, _PLAN_WORDS)
    found = [_Lookalike((key,), "the plan", meant) for key, meant in guess.pairs(document)]
    guess = _Guess(_STEP_FIELDS, _STEP_WORDS)
    steps = document.get("steps")
    for index, step in enumerate(steps if isinstance(steps, list) else []):
        if isinstance(step, dict):
            found += [
                _Lookalike(("steps", index, key), step_name(step.get("id"), index), meant)
                for key, meant in guess.pairs(step)
            ]
    return {(*one.path[:-1], one.meant): one for one in reversed(found)}


class _Guess:
    def __init__(self, known: tuple[str, ...], words: dict[str, str]) -> None:
        self._known = frozenset(known)
        self._words = words
        self._spelling = Spelling(known, likeness=0.75)

    def pairs(self, members: dict[str, Any]) -> Iterator[tuple[str, str]]:
        for key in members:
            if key not in self._known:
                meant = self._words.get(plain(key)) or self._spelling.nearest(key)
                if meant is not None and meant not in members:
                    yield key, meant


def _finding(document: dict[str, Any], detail: ErrorDetails, twin: _Lookalike | None) -> Finding:
    """A finding in plain words; `twin` is the key that a missing field may be hidden under."""
    path = detail["loc"]
    value = detail["input"]
    what = _what(document, path)
    kind = detail["type"]
    if kind == "missing":
        message = f'{_owner(document, path)} has no "{path[-1]}"'
        if twin is None:
            return Finding(path[:-1], message)
        return Finding(twin.path, f"{message}; is {quoted(str(twin.path[-1]))} meant to be it?", at_key=True)
    if kind == "string_type":
        message = f"{what} must be a text, not {json_type(value)}"
    elif kind == "list_type":
        of = "steps" if path[-1] == "steps" else "step ids"
        message = f"{what} must be a list of {of}, not {json_type(value)}"
    elif kind in {"model_type", "model_attributes_type", "dict_type"}:
        message = f"{what} must be an object, not {json_type(value)}"
    elif kind == "string_too_short":
        message = f"{what} is empty"
    elif kind == "too_short":
        message = "the plan has no steps"
    elif kind == "literal_error":
        near = _MODES.nearest(value) if isinstance(value, str) else None
        hint = f'; did you mean "{near}"?' if near else ""
        said = quoted(value) if isinstance(value, str) else json_type(value)
        message = f'{what} must be "serial" or "parallel", not {said}{hint}'
    else:
        message = f"{what}: {detail['msg']}"
    return Finding(path, message)


def _owner(document: dict[str, Any], path: Path) -> str:
    if len(path) < 3 or not isinstance(path[1], int):
        return "the plan"
    step = document["steps"][path[1]]
    return step_name(step.get("id") if isinstance(step, dict) else None, path[1])


def _what(document: dict[str, Any], path: Path) -> str:
    match path:
        case ("steps", int() as index):
            return f"step {index + 1}"
        case ("steps", int(), "dependsOn", int() as place):
            return f'entry {place + 1} of "dependsOn" of {_owner(document, path)}'
        case ("steps", int(), field):
            return f'"{field}" of {_owner(document, path)}'
        case (field,):
            return f'"{field}" of the plan'
    return "the plan"
