"""What an agent is told when a workflow's script calls it: the script's prompt, and how to answer."""

from __future__ import annotations

import json
from typing import Any

from piplan_tui.run.model import StepExecutionInput, UserInput
from piplan_tui.run.prompt import told_answer

INTERRUPTED = (
    "You were interrupted in the middle of this task. Look at what is already done, then go on from there. "
    "The task, once more:"
)
_ASK = """\
If you cannot go on without the user, end instead with only this JSON object, and you will get the answer:
{"status": "waiting_user", "inputRequest": {"message": "<the question>"}}"""
_TEXT = """\
Your last message is the result: a program takes it as it is, nobody reads what comes before it. Give the
answer itself, whole, without a greeting or a remark about it."""
_SCHEMA = """\
A program takes the result. When you are done, end your last message with exactly one JSON object that fits this
JSON Schema, and nothing after it:
"""


def call_prompt(given: StepExecutionInput, schema: dict[str, Any] | None) -> str:
    """The message that starts an agent call."""
    parts = [str(given.step.get("goal", ""))]
    if given.user_input:
        parts.append(
            "## What the user has already answered\n" + "\n".join(map(told_answer, given.user_input))
        )
    parts.append(f"Work in the folder {given.workspace}.")
    parts.append(f"## How to answer\n{_rules(schema)}\n{_ASK}")
    return "\n\n".join(parts)


def call_answer_prompt(answer: UserInput) -> str:
    """The message that goes on with a call once the user has answered its question."""
    return f"{told_answer(answer)}\n\nGo on with the task, and end with the result as you were told before."


def answer_wrong_prompt(problem: str, schema: dict[str, Any] | None) -> str:
    """The message to a session whose answer could not be taken."""
    if schema is None:
        return f"{problem}\n\n{_TEXT}"
    return f"{problem}\n\n{_rules(schema)}\nReply with that JSON object only."


def _rules(schema: dict[str, Any] | None) -> str:
    if schema is None:
        return _TEXT
    return f"{_SCHEMA}```json\n{json.dumps(schema, ensure_ascii=False, indent=2)}\n```"
