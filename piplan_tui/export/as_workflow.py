"""A plan as a Python workflow, to go on from when a plan is not enough."""

from __future__ import annotations

import heapq
import json
from pprint import pformat
from typing import Any

from piplan_tui.plan.spec import PlanSpec, PlanStepSpec

_OWN = frozenset({"id", "title", "goal", "dependsOn", "phase"})
_OWN_OF_PLAN = frozenset({"id", "title", "summary", "executionMode", "steps"})

_HEAD = '''\
"""A workflow that does what a plan does: each step is a call, and gets what the steps it needs answered."""
'''
_STEP = """

async def main(wf):
    answers = {}
    ended = {step["id"]: asyncio.Event() for step in STEPS}

    async def run(step):
        try:
            for name in step["needs"]:
                await ended[name].wait()
            given = [answers.get(name) for name in step["needs"]]
            if None in given:
                wf.log(f"{step['id']} is not run: something that it needs has failed")
                return
            parts = [step["goal"], *([ABOUT] if ABOUT else [])]
            for name, answer in zip(step["needs"], given, strict=True):
                parts.append(f"## What came of {name}\\n{answer}")
            answers[step["id"]] = await wf.agent("\\n\\n".join(parts), label=step["id"], phase=step["phase"])
        finally:
            ended[step["id"]].set()
"""
_PARALLEL = """
    await wf.parallel([lambda step=step: run(step) for step in STEPS])
"""
_SERIAL = """
    for step in STEPS:
        await run(step)
"""
_END = """
    failed = [step["id"] for step in STEPS if answers.get(step["id"]) is None]
    if failed:
        raise RuntimeError(f"these steps did not complete: {', '.join(failed)}")
    return answers
"""


def as_workflow(plan: PlanSpec) -> str:
    """The text of a Python script whose run does the same as the plan, with the same phases and order.

    `plan` must have passed its checks.
    """
    document = plan.to_json()
    about = [f"This is one step of: {plan.title}"]
    if plan.summary:
        about.append(plan.summary)
    if extra := {name: value for name, value in document.items() if name not in _OWN_OF_PLAN}:
        about.append(_json(extra))
    meta: dict[str, Any] = {"name": plan.title, "description": plan.summary or plan.title}
    phases = dict.fromkeys(step.phase for step in plan.steps if step.phase)
    if phases:
        meta["phases"] = [{"title": phase} for phase in phases]
    parts = [
        _HEAD,
        "import asyncio\n",
        f"meta = {_literal(meta)}\n",
        f"ABOUT = {_literal(chr(10).join(about))}\n",
        f"STEPS = {_literal([_step(step) for step in _in_order(plan)])}\n",
    ]
    return "\n".join(parts) + _STEP + (_SERIAL if plan.execution_mode == "serial" else _PARALLEL) + _END


def _step(step: PlanStepSpec) -> dict[str, Any]:
    goal = f"# {step.title}\n\n{step.goal}"
    if extra := {name: value for name, value in step.to_json().items() if name not in _OWN}:
        goal += f"\n\n{_json(extra)}"
    return {
        "id": step.id,
        "phase": step.phase or "",
        "needs": list(dict.fromkeys(step.depends_on)),
        "goal": goal,
    }


def _in_order(plan: PlanSpec) -> list[PlanStepSpec]:
    """The steps as a serial run takes them: of those that are ready, the first in the plan."""
    index = {step.id: place for place, step in enumerate(plan.steps)}
    unmet = [len(set(step.depends_on)) for step in plan.steps]
    dependents: list[list[int]] = [[] for _ in plan.steps]
    for place, step in enumerate(plan.steps):
        for name in set(step.depends_on):
            dependents[index[name]].append(place)
    ready = [place for place, count in enumerate(unmet) if count == 0]
    ordered = []
    while ready:
        place = heapq.heappop(ready)
        ordered.append(plan.steps[place])
        for dependent in dependents[place]:
            unmet[dependent] -= 1
            if unmet[dependent] == 0:
                heapq.heappush(ready, dependent)
    return ordered


def _json(value: Any) -> str:
    return f"```json\n{json.dumps(value, ensure_ascii=False, indent=2)}\n```"


def _literal(value: Any) -> str:
    # repr() escapes whatever does not print, so that no text of a plan can act as code or on a terminal
    return pformat(value, width=100, sort_dicts=False)
