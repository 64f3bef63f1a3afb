"""What a model is told of the tools: how to write a script or a plan that is worth running."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

RUN_WORKFLOW = "run_workflow"
RUN_PLAN = "run_plan"

_WORKFLOW = """\
Run a script that coordinates many agents, each a fresh session with tools in the working folder, and get what it
returns. Use it for work that splits into parts which can go on at once or which must be checked independently:
research from several angles, a review or migration over many files, comparing designs. Do not use it for what you
can do yourself in a few steps. The user watches the run live and can stop it.

A JavaScript script is the body of an async function, with these globals and no files, network, imports or clock:
- export const meta = {name: 'audit', description: '…', phases: [{title: 'Find'}, {title: 'Verify'}]}
  Must be the first statement, a plain literal.
- await agent(prompt, {label, phase, schema, model, effort, agentType, tools, retries, isolation})
  One agent, which knows nothing but its prompt: put all that it needs into it. Gives its last message as text;
  with schema (JSON Schema of an object) a validated object; null when it failed after its retries.
- await parallel([() => agent(…), …])   all at once, waits for all; a thunk that fails gives null.
- await pipeline(items, async (previous, item, index) => …, …)   each item goes through the stages on its own,
  without waiting for the others. Prefer it to parallel when one stage follows another.
- phase('Find'), log('…'), args, budget.total / budget.spent() / budget.remaining(), await workflow(name, args)

What makes a script good:
- Use a schema whenever code reads the answer. Drop failed answers with .filter(Boolean).
- Bound every fan-out: slice lists that agents produce before you fan out over them, and log what was dropped.
  Start with 3 to 10 agents for each stage.
- Verify before you believe: give each finding to 2 or 3 agents told to refute it, and keep what a majority
  could not refute.
- A loop that runs until nothing new is found needs a largest number of rounds.
- Name phases and give short labels; return a compact object, not all that was said.

Example:
export const meta = {name: 'find-bugs', description: 'Find bugs and keep those that stand',
  phases: [{title: 'Find'}, {title: 'Verify'}]}
const BUGS = {type: 'object', required: ['bugs'], properties: {bugs: {type: 'array', items: {type: 'string'}}}}
const VOTE = {type: 'object', required: ['refuted'], properties: {refuted: {type: 'boolean'}}}
phase('Find')
const found = await parallel(args.files.slice(0, 8).map(file => () =>
  agent(`Read ${file} and list its real bugs.`, {label: file, schema: BUGS})))
const bugs = found.filter(Boolean).flatMap(answer => answer.bugs).slice(0, 12)
return (await pipeline(bugs, async bug => {
  const votes = await parallel([1, 2, 3].map(n => () =>
    agent(`Try to refute this bug report: ${bug}`, {label: `vote ${n}`, phase: 'Verify', schema: VOTE})))
  return votes.filter(vote => vote && !vote.refuted).length >= 2 ? bug : null
})).filter(Boolean)
"""
_PYTHON = """
In Python: async def main(wf) in a module; wf.agent(prompt, label=…, schema=…), wf.parallel, wf.pipeline, wf.phase,
wf.log, wf.args, wf.budget; meta is a dict of the module. What main returns is the result.
"""
_PLAN = """\
Run a plan: steps with dependencies, each carried out by a fresh agent session with tools in the working folder.
Use it when the steps are known beforehand; use run_workflow when loops, branches or a fan-out over results are
needed. A step sees its goal and what the steps in its dependsOn left, nothing else: say in each goal all that is
needed, what to produce and how to check it. Steps without a dependency between them run at once when
executionMode is parallel. Ids are short and lower-case, such as write-tests. You get each step's summary and the
paths of the files that it handed on. The user watches the run live and can stop it.
"""


class ModelTool(NamedTuple):
    """A tool as a model sees it; `parameters` is JSON Schema."""

    name: str
    title: str
    description: str
    parameters: dict[str, Any]


def model_tools(languages: Sequence[str]) -> list[ModelTool]:
    """Both tools, with scripts in these languages (`javascript`, `python`)."""
    text = _WORKFLOW + (_PYTHON if "python" in languages else "")
    return [
        ModelTool(RUN_WORKFLOW, "Run a workflow", text, _workflow_parameters(languages)),
        ModelTool(RUN_PLAN, "Run a plan", _PLAN, _PLAN_PARAMETERS),
    ]


def _workflow_parameters(languages: Sequence[str]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {
            "script": {"type": "string", "description": "The whole script"},
            "args": {"description": "Any JSON; the script's args. Without it, args is the task."},
            "task": {"type": "string", "description": "In a few words, what the run is for; its title"},
            "language": {
                "type": "string",
                "enum": list(languages),
                "description": f"Default: {languages[0]}",
            },
        },
        "required": ["script"],
    }


_PLAN_PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {
        "plan": {
            "type": "object",
            "properties": {
                "id": {"type": "string"},
                "title": {"type": "string"},
                "summary": {"type": "string"},
                "executionMode": {"type": "string", "enum": ["serial", "parallel"]},
                "steps": {
                    "type": "array",
                    "minItems": 1,
                    "items": {
                        "type": "object",
                        "properties": {
                            "id": {"type": "string"},
                            "title": {"type": "string"},
                            "goal": {"type": "string"},
                            "dependsOn": {"type": "array", "items": {"type": "string"}},
                            "phase": {"type": "string"},
                        },
                        "required": ["id", "title", "goal"],
                    },
                },
            },
            "required": ["id", "title", "steps"],
        }
    },
    "required": ["plan"],
}
