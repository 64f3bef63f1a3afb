"""Ways of working that workflows share: check by attack, choose by jury, go on until nothing new comes, divide files.

Each is a small function over `Workflow`, and costs the calls that its description says.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Generic, TypeVar

from pydantic import BaseModel, Field

from piplan_tui.workflow.primitives import Workflow

T = TypeVar("T")


class Vote(BaseModel):
    """What one sceptic found."""

    refuted: bool = Field(description="true when the claim is wrong, or cannot be shown to be right")
    reason: str = Field(description="the strongest argument, in one or two sentences")


@dataclass(frozen=True, slots=True)
class Verdict:
    """The votes on a claim; those that failed are not among them."""

    claim: str
    holds: bool
    votes: list[Vote] = field(default_factory=list)


_LENSES = (
    "Look for evidence that contradicts it.",
    "Look at its sources: do they exist, and do they say that?",
    "Look for a case in which it is not so, and for what it silently assumes.",
)


async def adversarial_verify(
    wf: Workflow, claim: str, *, votes: int = 3, lenses: Sequence[str] = _LENSES, model: str = ""
) -> Verdict:
    """Let `votes` sceptics try to refute a claim, each through another lens.

    It holds when a majority of those who voted could not refute it, and at least half voted. Calls: `votes`.
    """

    def sceptic(number: int) -> Awaitable[Vote | None]:
        lens = lenses[number % len(lenses)] if lenses else ""
        return wf.agent(
            f"Try to refute this claim. {lens} When in doubt, it is refuted.\n\nClaim: {claim}",
            label=f"sceptic {number + 1}: {_short(claim)}",
            schema=Vote,
            model=model,
        )

    cast = await wf.parallel([lambda number=number: sceptic(number) for number in range(votes)])
    found = [vote for vote in cast if vote is not None]
    against = sum(vote.refuted for vote in found)
    return Verdict(claim, holds=2 * len(found) >= votes and 2 * against < len(found), votes=found)


class Score(BaseModel):
    """What one judge gives one candidate."""

    score: float = Field(ge=0, le=10)
    reason: str


@dataclass(frozen=True, slots=True)
class Ranking:
    """A candidate and the mean of its scores, `None` when no judge gave one."""

    candidate: str
    score: float | None
    scores: list[Score] = field(default_factory=list)


async def judge_panel(
    wf: Workflow,
    task: str,
    candidates: Sequence[str],
    *,
    judges: Sequence[str] = ("correctness", "simplicity", "risk"),
) -> list[Ranking]:
    """Let every judge score every candidate by one criterion; the best first, those without a score last.

    Calls: candidates times judges.
    """

    async def judged(candidate: str, number: int) -> Ranking:
        given = await wf.parallel(
            [
                lambda judge=judge: wf.agent(
                    f"Judge this answer by its {judge} alone, from 0 to 10.\n\nTask: {task}\n\nAnswer:\n{candidate}",
                    label=f"judge {judge}: answer {number + 1}",
                    schema=Score,
                )
                for judge in judges
            ]
        )
        scores = [score for score in given if score is not None]
        mean = sum(score.score for score in scores) / len(scores) if scores else None
        return Ranking(candidate, mean, scores)

    rankings = await wf.parallel(
        [lambda c=candidate, n=number: judged(c, n) for number, candidate in enumerate(candidates)]
    )
    return sorted(
        (ranking for ranking in rankings if ranking is not None),
        key=lambda ranking: -1.0 if ranking.score is None else ranking.score,
        reverse=True,
    )


async def loop_until_dry(
    wf: Workflow,
    find: Callable[[int, list[T]], Awaitable[Sequence[T] | None]],
    *,
    key: Callable[[T], Hashable] = repr,
    dry_rounds: int = 2,
    max_rounds: int = 20,
) -> list[T]:
    """Call `find(round, found so far)` until `dry_rounds` rounds in a row bring nothing new.

    Two finds with the same `key` are one. A round that gives `None` failed: it is not dry, and not found.
    """
    found: dict[Hashable, T] = {}
    dry = 0
    for number in range(max_rounds):
        brought = await find(number, list(found.values()))
        if brought is None:
            continue
        before = len(found)
        for item in brought:
            found.setdefault(key(item), item)
        dry = 0 if len(found) > before else dry + 1
        if dry >= dry_rounds:
            break
    else:
        wf.log(f"stopped after {max_rounds} rounds, although new ones still came")
    return list(found.values())


@dataclass(frozen=True, slots=True)
class MapReduced(Generic[T]):
    """What came of each file (`None` where it failed), and of all together."""

    by_file: dict[str, T | None]
    result: str | None


async def map_reduce_files(
    wf: Workflow,
    files: Sequence[str | Path],
    task: str,
    *,
    reduce: str = "Put these findings together; say what they have in common and what matters most.",
    schema: type[T] | None = None,
) -> MapReduced[T | str]:
    """Do `task` on every file by an agent of its own, then put together what they found.

    `files` are named in the prompts, relative to the workspace: the agents read them with their tools. List
    them in the script, sorted. Calls: files + 1.
    """
    names = [str(file) for file in files]

    def one(name: str) -> Awaitable[T | str | None]:
        prompt = f"{task}\n\nFile: {name}"
        if schema is None:
            return wf.agent(prompt, label=f"map {name}")
        return wf.agent(prompt, label=f"map {name}", schema=schema)

    found = await wf.parallel([lambda name=name: one(name) for name in names])
    by_file = dict(zip(names, found, strict=True))
    told = "\n\n".join(f"## {name}\n{_text(value)}" for name, value in by_file.items() if value is not None)
    result = (
        await wf.agent(f"{reduce}\n\nTask on each file: {task}\n\n{told}", label="reduce") if told else None
    )
    return MapReduced(by_file, result)


def _text(value: object) -> str:
    return value.model_dump_json(indent=2) if isinstance(value, BaseModel) else str(value)


def _short(text: str) -> str:
    words = " ".join(text.split())
    return words if len(words) <= 40 else words[:39] + "…"
