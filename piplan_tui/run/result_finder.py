"""The one JSON object that an agent was asked for, found in what it really wrote.

Which object counts: the last top-level one with a valid `status`. Objects whose status is one of the four
words of the protocol come before those with a synonym, so that an API's `{"status": "error"}` that is quoted
somewhere never outdoes the result. Objects with unquoted keys count only when there is no other.
A wrapper (`{"result": {…}}`) and an object written as a JSON string are opened.

Synonyms, in any case and with blanks or hyphens for underscores:
completed: complete, done, success, succeeded, successful, finished · failed: fail, failure, error, errored ·
cancelled: canceled, aborted · waiting_user: waiting_for_user, waiting_for_user_input, waiting_for_input,
waiting_user_input, waiting_input, awaiting_user, awaiting_user_input, awaiting_input, needs_user,
needs_user_input, needs_input, need_input, input_required, user_input_required, ask_user.
Not taken: words that other things say too or that leave the outcome open (`ok`, `waiting`, `pending`,
`in_progress`, `partial`, `blocked`, `skipped`), and anything that is not text.
"""

from __future__ import annotations

import json
import re
from collections import deque
from typing import Any

import msgspec

from piplan_tui.run.loose_json import FoundObject, find_objects
from piplan_tui.run.model import StepOutcome, StepResult

LONGEST_TEXT = 1_000_000
"""Characters at the end of a text that are looked at; a result stands at the end."""

EXPECTED = (
    'End your answer with exactly one JSON object such as {"status": "completed", "summary": "…"}; '
    "status is completed, failed, cancelled or waiting_user, and waiting_user also needs an inputRequest "
    'such as {"message": "…"}.'
)

_OUTCOMES: dict[str, StepOutcome] = {
    "completed": "completed",
    "failed": "failed",
    "cancelled": "cancelled",
    "waiting_user": "waiting_user",
}
_SYNONYMS: dict[str, StepOutcome] = {
    **dict.fromkeys(("complete", "done", "success", "succeeded", "successful", "finished"), "completed"),
    **dict.fromkeys(("fail", "failure", "error", "errored"), "failed"),
    **dict.fromkeys(("canceled", "aborted"), "cancelled"),
    **dict.fromkeys(
        (
            "waiting_for_user", "waiting_for_user_input", "waiting_for_input", "waiting_user_input",
            "waiting_input", "awaiting_user", "awaiting_user_input", "awaiting_input", "needs_user",
            "needs_user_input", "needs_input", "need_input", "input_required", "user_input_required", "ask_user",
        ),
        "waiting_user",
    ),
}  # fmt: skip
_WRAPPERS = frozenset(
    ("result", "stepresult", "output", "response", "answer", "finalresult", "final", "json")
)
_REQUEST_KEYS = ("inputrequest", "inputrequests", "userinputrequest", "questions", "question")
_FORM_KEYS = frozenset(("fields", "options", "choices", "requestedschema", "schema", "jsonschema"))
_BESIDE_QUESTION = (*_FORM_KEYS, "title", "message", "reason", "context", "urgency", "multiple", "allowother")
_SEPARATORS = re.compile(r"[\s_-]+")
# Taking an open one up to the end keeps the search linear; it is no JSON then.
_QUOTED_OBJECT = re.compile(r'"(?:\\[nrt]|\s)*+\{(?:[^"\\]++|\\(?s:.))*+(?:"|\Z)')
_PARAGRAPH = re.compile(r"\n[^\S\n]*\n(?=\{)")
_STATUS = re.compile("status", re.IGNORECASE)
_WRAPPER_DEPTH = 4


class ResultProblem(msgspec.Struct, frozen=True):
    """Why a text is no result. `message` says it to the model that wrote it, and what is expected."""

    message: str


class _Candidate(msgspec.Struct, frozen=True):
    outcome: StepOutcome
    document: dict[str, Any]
    rank: int


def find_result(text: str) -> StepResult | ResultProblem:
    """The result that `text` ends with, or what to tell the model that wrote it. Never raises.

    Time is proportional to the length of the text; of very long ones, only the last `LONGEST_TEXT` characters
    are looked at.
    """
    text = text[-LONGEST_TEXT:]
    if not text.strip():
        return ResultProblem(f"Your answer is empty. {EXPECTED}")
    if _STATUS.search(text) is None:
        what = (
            "No JSON object in your answer has a status" if "{" in text else "Your answer has no JSON object"
        )
        return ResultProblem(f"{what}. {EXPECTED}")
    findings = find_objects(text)
    best = _best(findings.objects)
    if best is None:
        best = _best(_last_paragraph(text)) or _best(_quoted(text))
    if best is not None:
        return _result(best)
    if (word := _unknown_status(findings.objects)) is not None:
        shown = json.dumps(word, ensure_ascii=False)[:80]
        return ResultProblem(f"The status {shown} of your JSON object is not one that is known. {EXPECTED}")
    if findings.cut_off:
        return ResultProblem(
            f"The JSON object in your answer ends too early: a quote or a bracket is missing. {EXPECTED}"
        )
    if findings.objects:
        return ResultProblem(f"No JSON object in your answer has a status. {EXPECTED}")
    return ResultProblem(f"Your answer has no JSON object. {EXPECTED}")


def _best(objects: list[FoundObject]) -> _Candidate | None:
    best: _Candidate | None = None
    for found in objects:
        candidate = _candidate(found.value, found.unquoted)
        if candidate is not None and (best is None or candidate.rank >= best.rank):
            best = candidate
    return best


def _candidate(document: dict[str, Any], unquoted: bool) -> _Candidate | None:
    for _ in range(_WRAPPER_DEPTH):
        word = _status_word(document)
        if word is not None:
            name = _SEPARATORS.sub("_", word.strip().casefold())
            if name in _OUTCOMES:
                return _Candidate(_OUTCOMES[name], document, 1 if unquoted else 3)
            if name in _SYNONYMS:
                return _Candidate(_SYNONYMS[name], document, 0 if unquoted else 2)
            return None
        inner = next((value for key, value in document.items() if _plain(key) in _WRAPPERS), None)
        if isinstance(inner, str) and inner.lstrip().startswith("{"):
            nested = find_objects(inner).objects
            inner = nested[-1].value if nested else None
        if not isinstance(inner, dict):
            return None
        document = inner
    return None


def _status_word(document: dict[str, Any]) -> str | None:
    status = document.get("status")
    if status is None:
        status = next((value for key, value in document.items() if _plain(key) == "status"), None)
    return status if isinstance(status, str) else None


def _unknown_status(objects: list[FoundObject]) -> Any:
    for found in reversed(objects):
        for key, value in found.value.items():
            if _plain(key) == "status" and isinstance(value, str | int | float | bool):
                return value
    return None


def _plain(key: str) -> str:
    return _SEPARATORS.sub("", key).casefold()


def _last_paragraph(text: str) -> list[FoundObject]:
    """The object that is a paragraph of its own at the end, although a bracket before it never closes."""
    if (last := _last(_PARAGRAPH, text)) is None:
        return []
    return [found for found in find_objects(text[last.end() :]).objects if not found.mended]


def _quoted(text: str) -> list[FoundObject]:
    """The objects in the last text that was itself written as a JSON string."""
    if (last := _last(_QUOTED_OBJECT, text)) is None:
        return []
    try:
        inner = json.loads(last.group(), strict=False)
    except ValueError:
        return []
    return find_objects(inner).objects


def _result(found: _Candidate) -> StepResult | ResultProblem:
    document = found.document
    request: Any = None
    if found.outcome == "waiting_user":
        request = _input_request(document)
        if not request:
            return ResultProblem(
                "Your result says waiting_user but has no inputRequest that says what you want to know. "
                'Add it, such as {"status": "waiting_user", "inputRequest": {"message": "…"}}, or end with '
                "another status."
            )
    return StepResult(
        status=found.outcome,
        summary=_text_of(document, "summary"),
        error=_error_of(document) if found.outcome in ("failed", "cancelled") else "",
        input_request=request,
        document=document,
    )


def _input_request(document: dict[str, Any]) -> Any:
    """The question as it was written; what stands beside a bare question is put together with it."""
    keys = {_plain(key): key for key in document}
    for name in _REQUEST_KEYS:
        key = keys.get(name)
        value = document[key] if key is not None else None
        if isinstance(value, str):
            value = value.strip()
        if not value or not isinstance(value, str | dict | list):
            continue
        if name in ("question", "questions"):
            beside = {keys[k]: document[keys[k]] for k in _BESIDE_QUESTION if k in keys}
            if isinstance(value, str):
                return {**beside, "message": value} if beside else value
            return {**beside, "questions": value if isinstance(value, list) else [value]}
        return value[0] if isinstance(value, list) and len(value) == 1 else value
    if not _FORM_KEYS.isdisjoint(keys):
        return {key: value for key, value in document.items() if _plain(key) not in ("status", "summary")}
    return None


def _text_of(document: dict[str, Any], *names: str) -> str:
    for name in names:
        value = document.get(name)
        if isinstance(value, str) and value.strip():
            return value
    return ""


def _error_of(document: dict[str, Any]) -> str:
    error = document.get("error")
    if isinstance(error, dict):
        return _text_of(error, "message", "detail", "error") or json.dumps(error, ensure_ascii=False)
    return _text_of(document, "error", "errorMessage", "error_message", "reason", "message")


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    return next(iter(deque(pattern.finditer(text), maxlen=1)), None)
