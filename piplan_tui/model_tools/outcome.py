"""How a run ended, as the answer to the model that asked for it."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from pydantic_core import to_jsonable_python

from piplan_tui.run.state import RunState, StepState
from piplan_tui.views.line import one_line

MAX_RESULT = 60_000
"""Characters of a result that a model is given; the whole is in the run."""


class Outcome(NamedTuple):
    """`document` is a JSON object; `text` says the same to a model. `failed`: there is no result to use."""

    text: str
    document: dict[str, Any]
    failed: bool


def outcome(state: RunState, problem: str = "") -> Outcome:
    """What came of a run. `problem` is why it rests, in a sentence, when it has not ended."""
    document: dict[str, Any] = {
        "runId": state.run_id,
        "status": state.status,
        "stepsDone": state.done,
        "steps": len(state.order),
    }
    if state.status != "completed":
        reason = one_line(problem or state.reason) or f"it is {state.status.replace('_', ' ')}"
        document["reason"] = reason
        text = f"Run {state.run_id} did not complete: {reason} ({_look(state)})"
        return Outcome(text, document, failed=True)
    if state.kind == "workflow":
        result = to_jsonable_python(state.result, fallback=str)
        text = result if isinstance(result, str) else json.dumps(result, ensure_ascii=False)
        if len(text) > MAX_RESULT:
            text = f"{text[:MAX_RESULT]}\n[cut; the whole: piplan-tui show {state.run_id} --json]"
            document["result"] = text
        else:
            document["result"] = result
    else:
        document["results"] = [_step(step) for step in state.order]
        text = "\n".join(_step_line(step) for step in state.order)
    if len(text) > MAX_RESULT + 200:
        text = f"{text[:MAX_RESULT]}\n[cut; the whole: piplan-tui show {state.run_id} --json]"
    return Outcome(f"{text}\n\n({_look(state)})", document, failed=False)


def _step(step: StepState) -> dict[str, Any]:
    handoff = step.handoff
    return {
        "id": step.id,
        "status": step.status,
        "summary": handoff.summary if handoff is not None else "",
        "handoff": [file.path for file in handoff.files] if handoff is not None else [],
    }


def _step_line(step: StepState) -> str:
    document = _step(step)
    files = f" [{', '.join(document['handoff'])}]" if document["handoff"] else ""
    summary = one_line(document["summary"]) or step.status
    return f"- {step.id}: {summary}{files}"


def _look(state: RunState) -> str:
    return f"{state.done} of {len(state.order)} steps; piplan-tui show {state.run_id}"
