"""Research a question from several angles, and believe only what survives a vote.

Scope → research and extract, angle by angle → three votes on every claim → a report. Try it without a model:

    piplan-tui examples/deep_research.py --agent demo

With another question: `--args '{"question": "…"}'`. It makes 26 agent calls: 1 for the scope, 2 for each of 3 angles,
3 votes on each of 6 claims, 1 for the report.
"""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, Field

from piplan_tui.workflow import Workflow
from piplan_tui.workflow.patterns import adversarial_verify

meta = {
    "name": "deep-research",
    "description": "Research a question from several angles, and believe only what survives a vote.",
    "phases": [
        {"title": "Scope", "detail": "split the question into angles"},
        {"title": "Research", "detail": "look into each angle, then take out its claims"},
        {"title": "Verify", "detail": "three sceptics vote on every claim"},
        {"title": "Synthesize", "detail": "write the report from what survived"},
    ],
}

QUESTION = "What makes durable workflow engines slow, and what can be done about it?"


class Angle(BaseModel):
    title: str = Field(description="a few words")
    query: str = Field(description="what to look for")


class Claim(BaseModel):
    statement: str = Field(description="one sentence that can be true or false")
    source: str = Field(description="where it was found")


class Scope(BaseModel):
    angles: list[Angle] = Field(min_length=3, max_length=3)


class Extract(BaseModel):
    claims: list[Claim] = Field(min_length=2, max_length=2, description="those that matter most")


async def main(wf: Workflow) -> dict[str, Any]:
    question = (wf.args or {}).get("question", QUESTION)

    wf.phase("Scope")
    scope = await wf.agent(
        f"Split this question into angles that together cover it and overlap as little as they can.\n\n"
        f"Question: {question}",
        label="scope",
        schema=Scope,
    )
    if scope is None:
        return {"question": question, "report": None, "why": "the question could not be split into angles"}

    async def research(angle: Angle) -> str | None:
        return await wf.agent(
            f"Find out what is known about “{angle.title}”: {angle.query}\n\nIt is an angle of: {question}\n"
            "Name the source of everything you report.",
            label=f"research {angle.title}",
            phase="Research",
        )

    async def extract(notes: str | None, angle: Angle) -> list[Claim] | None:
        if notes is None:
            return None
        found = await wf.agent(
            f"Take the claims out of these notes that matter most for: {question}\n\n{notes}",
            label=f"extract {angle.title}",
            phase="Research",
            schema=Extract,
        )
        return found.claims if found is not None else None

    by_angle = await wf.pipeline(scope.angles, research, extract)
    found = [claim for claims_of_one in by_angle if claims_of_one for claim in claims_of_one]
    wf.log(f"{len(found)} claims from {len(scope.angles)} angles")

    wf.phase("Verify")
    verdicts = await wf.parallel(
        [lambda claim=claim: adversarial_verify(wf, claim.statement, votes=3) for claim in found]
    )
    survived = [claim for claim, verdict in zip(found, verdicts, strict=True) if verdict and verdict.holds]
    wf.log(f"{len(survived)} of {len(found)} claims survived")

    wf.phase("Synthesize")
    listed = "\n".join(f"- {claim.statement} ({claim.source})" for claim in survived) or "- none"
    report = await wf.agent(
        f"Answer the question from these claims alone, and say what stays open.\n\nQuestion: {question}\n\n{listed}",
        label="synthesize",
    )
    return {"question": question, "report": report, "claims": [claim.model_dump() for claim in survived]}
