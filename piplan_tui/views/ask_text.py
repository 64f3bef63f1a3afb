"""A question to the user in plain text, in full, with the commands that answer it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterable, Iterator
from typing import Any

from piplan_tui.clean import clean_text
from piplan_tui.run.ask_state import AskState
from piplan_tui.run.asks.request import ContextBlock, Field, InputRequest
from piplan_tui.views.formatting import counted
from piplan_tui.views.line import one_line

_CONTEXT_LINES = 40


def ask_lines(
    run_id: str, ask: AskState, request: InputRequest, note: str = "", *, commands: bool = True
) -> list[str]:
    """Everything that is needed to answer: message, reason, context, fields, commands. `note` comes first."""
    lines = [f"? {one_line(ask.asker)} asks: {one_line(request.title)}".rstrip(": ").rstrip()]
    lines += _indented(note)
    lines += _indented(request.message)
    if request.reason:
        lines += _indented(f"why: {request.reason}")
    if request.url:
        lines += _indented(f"open: {request.url}")
    for block in request.context:
        lines += _indented("\n".join(_context(block)))
    for field in request.fields:
        lines += _indented("\n".join(_field(field)))
    for action in request.actions:
        lines += _indented(f"--action {action.id}: {action.caption}")
    if commands:
        lines += [f"    answer: {command}" for command in answer_commands(run_id, ask, request)]
    return lines


def answer_commands(run_id: str, ask: AskState, request: InputRequest) -> Iterator[str]:
    """How to accept (with an example of each value that must be given) and how to decline."""
    # of several questions of one step only their own ids tell them apart
    start = f"piplan-tui answer {_word(run_id)} {_word(ask.id if ask.live or ask.kind else ask.step_id)}"
    answered = [field for field in request.fields if field.type != "info"]
    secret = any(field.type == "secret" and field.required for field in answered)
    shown = [field for field in answered if field.required] or answered[:1]
    action = next((f" --action {_word(one.id)}" for one in request.actions if one.result == "accept"), "")
    if secret:
        given = [field for field in shown if field.type != "secret"]
        words = "".join(f" {_word(f'{field.name}={_example(field)}')}" for field in given)
        yield f"{start}{action}{words}  (while it runs; asks for the secret without showing it)"
        yield f"piplan-tui resume {_word(run_id)}  (in a terminal: the secret is typed there)"
    else:
        yield start + action + "".join(f" {_word(f'{field.name}={_example(field)}')}" for field in shown)
    yield f"{start} --decline"


def _word(text: str) -> str:
    return shlex.quote(one_line(text))


def _example(field: Field) -> str:
    if field.has_default:
        return value_text(field.default)
    if field.options:
        chosen = next((option for option in field.options if option.recommended), field.options[0])
        return value_text(chosen.value)
    return {
        "number": "1.5",
        "integer": "1",
        "boolean": "yes",
        "date": "2026-01-31",
        "datetime": "2026-01-31T09:30",
        "path": "FILE",
        "json": "{}",
    }.get(field.type, "TEXT")


def value_text(value: Any) -> str:
    """A value as it is typed on the command line."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list) and all(isinstance(item, str) and "," not in item for item in value):
        return ",".join(value)
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _field(field: Field) -> Iterable[str]:
    if field.type == "info":
        yield field.description or field.caption
        return
    about = [field.type, *_limits(field)]
    if not field.required:
        about.append("optional")
    if field.has_default:
        about.append(f"default {one_line(value_text(field.default))}")
    label = f": {one_line(field.label)}" if field.label else ""
    yield f"{one_line(field.name)} ({', '.join(about)}){label}"
    if field.description:
        yield from (f"  {line}" for line in clean_text(field.description).splitlines())
    for option in field.options:
        value = value_text(option.value)
        caption = f"  {one_line(option.label)}" if option.label and option.label != value else ""
        described = f": {one_line(option.description)}" if option.description else ""
        best = " (recommended)" if option.recommended else ""
        yield f"  {one_line(value)}{caption}{described}{best}"
    if field.allow_other:
        yield "  or any other text"


def _limits(field: Field) -> Iterator[str]:
    low, high = field.minimum, field.maximum
    if low is not None and high is not None:
        yield f"{low:g} to {high:g}"
    elif low is not None:
        yield f"at least {low:g}"
    elif high is not None:
        yield f"at most {high:g}"
    shortest, longest = field.min_length, field.max_length
    if shortest and longest is not None:
        yield f"{shortest:,} to {longest:,} characters"
    elif shortest:
        yield f"at least {counted(shortest, 'character')}"
    elif longest is not None:
        yield f"at most {counted(longest, 'character')}"
    if field.pattern_hint:
        yield one_line(field.pattern_hint)


def _context(block: ContextBlock) -> Iterator[str]:
    place = f"{block.path}:{block.line}" if block.path and block.line else block.path
    yield one_line(" ".join(part for part in (f"{block.type}:", block.title, place) if part))
    text = block.text or (
        json.dumps(block.data, ensure_ascii=False, indent=2) if block.data is not None else ""
    )
    lines = clean_text(text).splitlines()
    yield from (f"| {line}" for line in lines[:_CONTEXT_LINES])
    if len(lines) > _CONTEXT_LINES:
        yield f"| … {counted(len(lines) - _CONTEXT_LINES, 'more line')}"


def _indented(text: str) -> list[str]:
    return [f"    {line}".rstrip() for line in clean_text(text).strip("\n").splitlines()]
