"""`RunState` as a JSON document, for `show --json`.

    {version, runId, kind, planId, title, status, reason, cancelling, source, workspace, mode, maxConcurrency,
     agent, model, budget: {tokens, outputTokens, usd}, settings, metadata, seq, createdAt, startedAt, endedAt,
     updatedAt,
     owner: {pid, host, …} | null,
     counts: {state: number}, limits: [{provider, since, until, reason}],
     phases: [{title, steps: [id], done, counts, tools, usage}],
     steps: [{id, title, phase, goal, dependsOn, status, blockedBy, asks: [askId], overlaps: {path: [stepId]},
         handoff | null, value | null, attempts: [
         {number, status, agent, model, startedAt, endedAt, elapsedSeconds, waitedSeconds, usage | null, tools,
          reprompts, summary, error, errorKind, errorDetail, session | null, answers,
          plan: [{text, status}], changedFiles: [path], changes: {files, branch, worktree, merged} | null,
          decisions: [{askId, at, question, action, choice, by, surface, policy, sameAs}],
          remarks: [{at, text, heard, by}], log | null}]}],
     asks: [{askId, stepId, attempt, openedAt, expiresAt | null, live, appliesTo: [stepId], request}],
     totals: {wallSeconds, agentSeconds, blockedByUserSeconds, attempts, tools, usage, byModel: {label: usage}}}

Times are UTC in ISO 8601, or null. `usage` is {input, output, cacheRead, cacheWrite, tokens, costUsd}, where null
means that the agent did not report it, and so it does for `tools`. `request` is the question as the agent wrote it;
`stepId` is empty when the run itself asks.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from piplan_tui.run.ask_state import AskState
from piplan_tui.run.attempt_state import AttemptState
from piplan_tui.run.model import Usage
from piplan_tui.run.state import PhaseState, RunState, StepState, StepStatus
from piplan_tui.store.protocol import Owner
from piplan_tui.views.decisions import decision_document
from piplan_tui.views.formatting import STATUS_WORDS
from piplan_tui.views.summary import LogPath, totals

VERSION = 1
"""Raised when a reader of the document would have to change."""


def state_document(
    state: RunState, now: datetime, *, owner: Owner | None = None, log_path: LogPath | None = None
) -> dict[str, Any]:
    """The document described above."""
    return {
        "version": VERSION,
        "runId": state.run_id,
        "kind": state.kind,
        "planId": state.plan_id,
        "title": state.title,
        "status": state.status,
        "reason": state.reason,
        "cancelling": state.cancelling,
        "source": state.source,
        "workspace": state.workspace,
        "mode": state.mode,
        "maxConcurrency": state.max_concurrency,
        "agent": state.agent,
        "model": state.model,
        "budget": {
            "tokens": state.budget_tokens,
            "outputTokens": state.budget_output_tokens,
            "usd": state.budget_usd,
        },
        "workflow": _workflow(state),
        "limits": [
            {"provider": limit.provider, "since": limit.since, "until": limit.until, "reason": limit.reason}
            for limit in state.limits.values()
        ],
        "settings": state.settings,
        "metadata": state.metadata,
        "seq": state.seq,
        "createdAt": state.created_at,
        "startedAt": state.started_at,
        "endedAt": state.ended_at,
        "updatedAt": state.at,
        "owner": owner,
        "counts": _counts(state.counts),
        "phases": [_phase(phase) for phase in state.phases.values()],
        "steps": [_step(step, now, log_path) for step in state.order],
        "asks": [ask_document(state, ask) for ask in state.asks.values()],
        "totals": _totals(state, now),
    }


def _workflow(state: RunState) -> dict[str, Any] | None:
    """The script of a workflow's run, what it was given and what it returned; `None` for a plan's run."""
    script = state.workflow
    if script is None:
        return None
    return {
        "name": script.name,
        "language": script.language,
        "description": script.description,
        "args": script.args,
        "phase": state.phase,
        "reuseFrom": script.reuse_from or None,
        "result": state.result,
    }


def _counts(counts: Mapping[StepStatus, int]) -> dict[str, int]:
    return {status: counts[status] for status in STATUS_WORDS if counts.get(status)}


def usage_document(usage: Usage) -> dict[str, Any]:
    """All six numbers, `None` where nothing was reported."""
    return {
        "input": usage.input,
        "output": usage.output,
        "cacheRead": usage.cache_read,
        "cacheWrite": usage.cache_write,
        "tokens": usage.tokens,
        "costUsd": usage.cost_usd,
    }


def ask_document(state: RunState, ask: AskState) -> dict[str, Any]:
    """An open question; its answer goes to every step of `appliesTo`."""
    return {
        "askId": ask.id,
        "stepId": ask.step_id,
        "attempt": ask.attempt,
        "openedAt": ask.opened_at,
        "expiresAt": ask.expires_at,
        "appliesTo": [same.step_id for same in state.same_asks(ask.id)],
        "live": ask.live,
        "request": ask.request,
    }


def _phase(phase: PhaseState) -> dict[str, Any]:
    return {
        "title": phase.title,
        "steps": [step.id for step in phase.steps],
        "done": phase.done,
        "counts": _counts(phase.counts),
        "tools": phase.tools,
        "usage": usage_document(phase.usage),
    }


def _step(step: StepState, now: datetime, log_path: LogPath | None) -> dict[str, Any]:
    return {
        "id": step.id,
        "title": step.title,
        "phase": step.phase,
        "goal": step.current_goal,
        "dependsOn": list(step.depends_on),
        "status": step.status,
        "blockedBy": step.blocked_by,
        "asks": list(step.asks),
        "overlaps": step.overlaps,
        "handoff": step.handoff,
        "value": step.value,
        "attempts": [_attempt(step, attempt, now, log_path) for attempt in step.attempts],
    }


def _attempt(
    step: StepState, attempt: AttemptState, now: datetime, log_path: LogPath | None
) -> dict[str, Any]:
    path = log_path(step.id, attempt.number) if log_path else None
    return {
        "number": attempt.number,
        "status": attempt.status,
        "agent": attempt.agent,
        "model": attempt.model,
        "startedAt": attempt.started_at,
        "endedAt": attempt.ended_at,
        "elapsedSeconds": attempt.elapsed_seconds(now),
        "waitedSeconds": attempt.waiting_seconds(now),
        "usage": usage_document(attempt.usage) if attempt.usage is not None else None,
        "tools": attempt.tools_known,
        "reprompts": attempt.reprompts,
        "summary": attempt.summary,
        "error": attempt.error,
        "errorKind": attempt.error_kind,
        "errorDetail": attempt.error_detail,
        "session": attempt.session,
        "answers": attempt.answers,
        "plan": attempt.plan,
        "changedFiles": attempt.changed_files,
        "changes": attempt.changes,
        "decisions": [decision_document(decision) for decision in attempt.decisions],
        "remarks": [
            {"at": remark.at, "text": remark.text, "heard": remark.heard, "by": remark.by}
            for remark in attempt.remarks
        ],
        "log": str(path) if path is not None else None,
    }


def _totals(state: RunState, now: datetime) -> dict[str, Any]:
    total = totals(state, now)
    return {
        "wallSeconds": total.wall_seconds,
        "agentSeconds": total.agent_seconds,
        "blockedByUserSeconds": total.blocked_by_user_seconds,
        "attempts": total.attempts,
        "tools": total.tools,
        "usage": usage_document(total.usage),
        "byModel": {label: usage_document(usage) for label, usage in total.by_model.items()},
    }
