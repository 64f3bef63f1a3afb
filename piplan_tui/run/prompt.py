"""What an agent is told: the first message of an attempt, and what it is told when it goes on."""

from __future__ import annotations

import json
from typing import Any

from piplan_tui.run.model import HandoffDescriptor, StepExecutionInput, UserInput

_NAMED = {"id", "title", "goal", "dependsOn", "summary", "executionMode", "steps"}

RESULT_RULES = """\
When you are done, end your last message with exactly one JSON object and nothing after it:
{"status": "completed", "summary": "<what you did and where the outcome is, for the steps that build on it>"}
- "status" is one of "completed", "failed", "cancelled", "waiting_user".
- "failed": you could not reach the goal; "summary" says why.
- "waiting_user": you cannot go on without the user. Add "inputRequest", for example
  {"status": "waiting_user", "summary": "…", "inputRequest": {"message": "<the question>", "fields": [
   {"name": "audience", "type": "choice", "label": "Audience", "options": [{"value": "seed", "label": "Seed"}]}]}}
  Field types: text, multiline, secret, number, integer, boolean, choice, multichoice, date, datetime, path,
  json, code. The answer comes to you as the next message.
- Any other fields you add are kept for the steps that build on this one."""


def step_prompt(given: StepExecutionInput, ask_tool: str = "") -> str:
    """The message that starts an attempt. `ask_tool` is the tool by which the agent can ask the user, if any."""
    plan, step = given.plan, given.step
    parts = [
        f"# Step `{step['id']}`: {step.get('title', step['id'])}",
        f"This is one step of the plan `{plan['id']}` ({plan.get('title', plan['id'])}).",
    ]
    if summary := plan.get("summary"):
        parts.append(f"About the plan: {summary}")
    parts.append(f"## Goal\n{step.get('goal', '')}")
    parts.append(_dependencies(given.dependencies))
    for title, document in (("step", step), ("plan", plan)):
        if extra := {key: value for key, value in document.items() if key not in _NAMED}:
            parts.append(f"## What else the {title} says\n{_json(extra)}")
    if given.metadata:
        parts.append(f"## Metadata of the run\n{_json(given.metadata)}")
    if given.user_input:
        parts.append(
            "## What the user has already answered\n" + "\n".join(map(told_answer, given.user_input))
        )
    parts.append(
        f"Work in the folder {given.workspace}. Do only this step; other steps have their own sessions."
    )
    if ask_tool:
        parts.append(
            f"When a decision is the user's, ask with the tool `{ask_tool}`: it waits for the answer, and you go on. "
            'End with "waiting_user" only for what it cannot ask, such as a secret.'
        )
    parts.append(f"## How to end\n{RESULT_RULES}")
    return "\n\n".join(part for part in parts if part)


def _dependencies(dependencies: tuple[HandoffDescriptor, ...]) -> str:
    if not dependencies:
        return ""
    lines = [
        "## What this step builds on",
        "Before you do anything else, read the handoff files of these completed steps:",
    ]
    for handoff in dependencies:
        lines.append(
            f"- step `{handoff.step_id}`: {handoff.summary}" if handoff.summary else f"- {handoff.step_id}"
        )
        lines += [f"  - {file.path} ({file.size} bytes)" for file in handoff.files]
    return "\n".join(lines)


def answer_prompt(answer: UserInput) -> str:
    """The message that goes on with an attempt once the user has answered its question."""
    return (
        f"{told_answer(answer)}\n\nGo on with the step. When you are done, end again with exactly one JSON object "
        'with "status" and "summary", as before.'
    )


def told_answer(answer: UserInput) -> str:
    """What the user said to one question, as an agent is told."""
    asked = f'You asked: "{answer.message}"\n' if answer.message else ""
    if answer.action == "accept":
        told = f"The user answered:\n{_json(answer.values)}"
        if any(isinstance(value, str) and value.startswith("$secret:") for value in answer.values.values()):
            told += (
                '\nA value "$secret:NAME" stands for a secret: it is in the environment variable NAME of your '
                "tools. Never print it."
            )
    elif answer.action == "decline":
        told = "The user declined to answer. Do without it if you can; otherwise end with status failed."
    else:
        told = "The user did not answer. Do without it if you can; otherwise end with status failed."
    return asked + told + (f"\nThe user added: {answer.note}" if answer.note else "")


def continue_prompt(given: StepExecutionInput, ask_tool: str = "") -> str:
    """The message that goes on with a conversation whose process was interrupted in the middle."""
    return (
        "You were interrupted in the middle of this step. Look at what is already done, then go on from there. "
        "The task, once more:\n\n" + step_prompt(given, ask_tool)
    )


def result_missing_prompt(problem: str) -> str:
    """The message to a session whose turn ended without a valid result."""
    return f"{problem}\n\n{RESULT_RULES}\n\nReply with that JSON object only."


def _json(value: Any) -> str:
    return f"```json\n{json.dumps(value, indent=2, ensure_ascii=False, default=str)}\n```"
