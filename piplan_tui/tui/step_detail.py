"""What the text tabs of a step say: its context, its result, its attempts."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from piplan_tui.clean import clean_text
from piplan_tui.run.answer_line import answer_line
from piplan_tui.run.attempt_state import AttemptState, Decision
from piplan_tui.run.model import UserInput
from piplan_tui.run.state import RunState, StepState
from piplan_tui.views.changes import changes_line
from piplan_tui.views.decisions import decided, decided_by, decision_line
from piplan_tui.views.formatting import (
    GLYPHS,
    STATUS_WORDS,
    agent_label,
    counted,
    format_duration,
    format_money,
    format_size,
    format_tokens,
)
from piplan_tui.views.line import STATUS_ROLES, Span, one_line
from piplan_tui.views.run_result import step_result
from piplan_tui.views.step_work import MARKS

MAX_TEXT = 20_000
_MAX_DECISIONS = 200
_MAX_FILES = 200
_MAX_DEPENDENCIES = 20
_KNOWN_STEP_FIELDS = frozenset({"id", "title", "goal", "dependsOn", "phase"})
_KNOWN_PLAN_FIELDS = frozenset({"id", "title", "summary", "executionMode", "steps"})


def _block(text: str) -> str:
    cut = clean_text(text[:MAX_TEXT])
    return f"{cut}\n… {len(text) - MAX_TEXT:,} more characters" if len(text) > MAX_TEXT else cut


def _heading(text: str, *, first: bool = False) -> Span:
    return Span(f"{text}\n" if first else f"\n\n{text}\n", "strong")


def _json(value: Any) -> str:
    return _block(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def title_line(step: StepState) -> list[Span]:
    """The step in one line: state, id, title, agent, which try."""
    attempt = step.attempt
    spans = [
        Span(f"{GLYPHS[step.status]} ", STATUS_ROLES[step.status]),
        Span(one_line(step.id), "strong"),
    ]
    if one_line(step.title) != one_line(step.id):
        spans.append(Span(f" · {one_line(step.title)}"))
    if attempt is not None:
        if label := agent_label(attempt.agent, attempt.model):
            spans.append(Span(f" · {label}", "dim"))
        if len(step.attempts) > 1:
            spans.append(Span(f" · attempt {len(step.attempts)}", "dim"))
    return spans


def goal_lines(state: RunState, step: StepState) -> list[Span]:
    """Goal, dependencies in words, and the fields that are the caller's own."""
    spans = [_heading("Goal", first=True), Span(_block(step.current_goal))]
    if step.goal_override is not None:
        spans.append(Span("\n(edited for this run)", "dim"))
    spans += [_heading("Builds on"), *_dependencies(state, step.depends_on)]
    after = [follower.id for follower in state.dependents[step.index]]
    spans += [_heading("Needed by"), *_dependencies(state, after)]
    own = {key: value for key, value in step.document.items() if key not in _KNOWN_STEP_FIELDS}
    if own:
        spans += [_heading("Other fields of the step"), Span(_json(own))]
    return spans


def _dependencies(state: RunState, ids: Sequence[str]) -> list[Span]:
    if not ids:
        return [Span("no other step", "dim")]
    spans: list[Span] = []
    for step_id in ids[:_MAX_DEPENDENCIES]:
        other = state.steps[step_id]
        spans.append(Span("\n" if spans else ""))
        spans.append(Span(f"{GLYPHS[other.status]} {one_line(step_id)}"))
        if one_line(other.title) != one_line(step_id):
            spans.append(Span(f"  {one_line(other.title)}", "dim"))
    return [*spans, Span(_more(ids, _MAX_DEPENDENCIES), "dim")]


def _more(those: Sequence[object], shown: int) -> str:
    """A last line about what is not shown, if there is any."""
    return f"\n… {len(those) - shown:,} more" if len(those) > shown else ""


def context_lines(state: RunState, step: StepState) -> list[Span]:
    """Prompt and context: what the newest attempt was given, or what the next one will be given."""
    spans = goal_lines(state, step)
    attempt = step.attempt
    given = (attempt.input if attempt else None) or step.next_input
    plan_fields = {key: value for key, value in state.plan.items() if key not in _KNOWN_PLAN_FIELDS}
    if summary := state.plan.get("summary"):
        spans += [_heading("Plan"), Span(_block(str(summary)))]
    if plan_fields:
        spans += [_heading("Other fields of the plan"), Span(_json(plan_fields))]
    if given is not None and given.dependencies:
        spans.append(_heading("Handoff files it was told to read"))
        files = [file for handoff in given.dependencies for file in handoff.files]
        shown = "\n".join(f"{one_line(file.path)}  {format_size(file.size)}" for file in files[:_MAX_FILES])
        spans.append(Span(shown + _more(files, _MAX_FILES)))
    if given is not None and given.metadata:
        spans += [_heading("Metadata"), Span(_json(given.metadata))]
    spans += [_heading("Workspace"), Span(one_line(state.workspace))]
    return spans


def answers_lines(step: StepState | None) -> list[Span]:
    """Questions of the step that were answered."""
    spans = [Span("No question is open.", "dim")]
    attempts = step.attempts if step is not None else []
    decisions = {decision.ask_id: decision for attempt in attempts for decision in attempt.decisions}
    for answer in attempts[-1].answers if attempts else ():
        spans += [
            Span(f"\n\n? {one_line(answer.message) or answer.ask_id}", "strong"),
            Span(f"\n  {_answered(answer, decisions.get(answer.ask_id))}", "dim"),
        ]
        for key, value in answer.values.items():
            spans.append(Span(f"\n  {one_line(key)}: {one_line(str(value))}"))
        if answer.note:
            spans.append(Span(f"\n  note: {one_line(answer.note)}"))
    return spans


def _answered(answer: UserInput, decision: Decision | None) -> str:
    """`you answered (14:02):`."""
    by = decision.by if decision is not None else "user"
    who = one_line(decided_by(decision)) if decision is not None and by != "user" else "you"
    when = f" ({decision.at.astimezone():%H:%M})" if decision is not None else ""
    return f"{who} {decided(answer.action)}{when}{':' if answer.values or answer.note else ''}"


def result_lines(step: StepState, document: str | None, problem: str = "") -> list[Span]:
    """What the step left. `document` is the text of its `result.json`, `None` while it is being read."""
    attempt = step.attempt
    handoff = step.handoff
    changed = _changes(attempt)
    if handoff is None:
        if attempt is not None and attempt.error:
            spans = [_heading("Error", first=True), Span(_block(attempt.error), "failed")]
            if attempt.error_detail:
                spans += [_heading("Last lines of the agent"), Span(_block(attempt.error_detail))]
            return spans + changed
        if step.status in ("completed", "reused"):
            # an agent call leaves no files; what it gave to its script is all there is
            taken = [Span(f"taken from {one_line(step.reused_from)}\n\n", "dim")] if step.reused_from else []
            text = step_result(step)
            return [*taken, Span(_block(text)) if text else Span("It gave nothing.", "dim"), *changed]
        return [Span("No result yet.", "dim"), *changed]
    spans = [_heading("Summary", first=True), Span(_block(handoff.summary) or "none")]
    spans += changed
    spans.append(_heading("Files"))
    for index, file in enumerate(handoff.files):
        spans.append(Span(("\n" if index else "") + f"{one_line(file.path)}  {format_size(file.size)}"))
        spans.append(Span(f"  sha256 {file.sha256[:12]}…", "dim"))
    spans.append(_heading("result.json"))
    if problem:
        spans.append(Span(one_line(problem), "attention"))
    else:
        spans.append(Span("reading…", "dim") if document is None else Span(_block(document)))
    return spans


def _changes(attempt: AttemptState | None) -> list[Span]:
    """The files that the newest attempt changed, as far as is known."""
    if attempt is None or not (files := attempt.changed_files):
        return []
    shown = "\n".join(one_line(path) for path in files[:_MAX_FILES])
    spans = [_heading("Changed files"), Span(shown + _more(files, _MAX_FILES))]
    if attempt.changes is not None:
        spans.append(Span(f"\n{changes_line(attempt.changes)}", "dim"))
    return spans


def attempts_lines(step: StepState, now: datetime) -> list[Span]:
    """Every attempt at the step, the newest first. Times of day are local ones, as everywhere on the screen."""
    if not step.attempts:
        return [Span("No attempt yet.", "dim")]
    spans: list[Span] = []
    for attempt in reversed(step.attempts):
        spans += _attempt(attempt, now, first=not spans)
    return spans


def _attempt(attempt: AttemptState, now: datetime, *, first: bool) -> list[Span]:
    usage = attempt.usage
    waited = attempt.waiting_seconds(now)
    facts = [
        agent_label(attempt.agent, attempt.model),
        format_duration(attempt.elapsed_seconds(now)),
        f"{format_duration(waited)} of it waiting for you" if waited else "",
        f"{format_tokens(usage.tokens)} tokens" if usage else "",
        format_money(usage.cost_usd) if usage and usage.cost_usd is not None else "",
        counted(attempt.tools, "tool call") if attempt.tools else "",
        f"asked again for a result {counted(attempt.reprompts, 'time')}" if attempt.reprompts else "",
    ]
    word = "interrupted" if attempt.status == "interrupted" else STATUS_WORDS[attempt.status]
    spans = [
        _heading(f"Attempt {attempt.number}: {word}", first=first),
        Span(f"{attempt.started_at.astimezone():%Y-%m-%d %H:%M:%S}  ", "dim"),
        *(Span(f" · {fact}" if index else fact) for index, fact in enumerate(filter(None, facts))),
    ]
    if attempt.summary:
        spans.append(Span(f"\n{_block(attempt.summary)}"))
    if attempt.error:
        spans.append(Span(f"\n{_block(attempt.error)}", "failed"))
    spans += [Span(f"\n  {MARKS[entry.status]} {one_line(entry.text)}") for entry in attempt.plan]
    spans += [
        Span(f"\n{decision.at.astimezone():%H:%M:%S} {decision_line(decision)}", "dim")
        for decision in attempt.decisions[-_MAX_DECISIONS:]
    ]
    spans += [
        Span(f"\n> {answer_line(given.action, given.values, secrets=_secrets(given), note=given.note)}")
        for given in attempt.answers[-_MAX_DECISIONS:]
    ]
    spans += [
        Span(
            f"\n{remark.at.astimezone():%H:%M:%S} > {'you' if remark.by == 'user' else one_line(remark.by)} "
            f"told it: {one_line(remark.text)}"
        )
        for remark in attempt.remarks[-_MAX_DECISIONS:]
    ]
    if attempt.session is not None and attempt.session.file:
        spans.append(Span(f"\nsession {one_line(attempt.session.file)}", "dim"))
    return spans


def _secrets(given: UserInput) -> set[str]:
    """Its values are not there; their places say which they are."""
    return {name for name, value in given.values.items() if str(value).startswith("$secret:")}
