"""The ready-made ways of working: what they make of the agents' answers, and how many calls they cost."""

from __future__ import annotations

from typing import Any

import pytest

from tests.workflow.scripts import WorkflowBench, logs

pytestmark = pytest.mark.anyio
HEAD = "from piplan_tui.workflow.patterns import *\nasync def main(wf):\n"


async def result(bench: WorkflowBench, body: str) -> Any:
    async with bench.runtime() as runtime:
        run = await runtime.create_workflow_run(bench.load(HEAD + body))
        bench.said = logs(run)  # type: ignore[attr-defined]  # for the test to look at
        await run.start()
        state = await run.wait()
    assert state.status == "completed", state.reason
    return state.result


@pytest.mark.parametrize(
    ("votes", "holds"),
    [
        ([False, False, False], True),
        ([False, True, False], True),
        ([True, True, False], False),
        ([None, False, False], True),
        ([None, True, False], False),
        ([None, None, False], False),
    ],
)
async def test_a_claim_holds_when_most_sceptics_could_not_refute_it(
    bench: WorkflowBench, votes: list[bool | None], holds: bool
) -> None:
    for number, vote in enumerate(votes, start=1):
        if vote is None:
            for _ in range(2):
                bench.steps.fail(f"sceptic-{number}-the-sky-is-green")
    left = iter([vote for vote in votes if vote is not None])
    bench.answers.answer = lambda prompt: {"refuted": next(left), "reason": "because"}
    verdict = await result(
        bench,
        "    verdict = await adversarial_verify(wf, 'the sky is green')\n"
        "    return [verdict.holds, len(verdict.votes)]",
    )
    assert verdict == [holds, len([vote for vote in votes if vote is not None])]
    assert len(set(bench.answers.prompts)) == 3, "each looks through another lens"


async def test_a_panel_ranks_by_the_mean_and_puts_what_nobody_judged_last(bench: WorkflowBench) -> None:
    for judge in ("correctness", "simplicity", "risk"):
        for _ in range(2):
            bench.steps.fail(f"judge-{judge}-answer-1")
    bench.answers.answer = lambda prompt: {"score": 9 if prompt.endswith("good") else 4, "reason": "r"}
    ranked = await result(
        bench,
        "    ranked = await judge_panel(wf, 'name it', ['unjudged', 'fair', 'good'])\n"
        "    return [[each.candidate, each.score] for each in ranked]",
    )
    assert ranked == [["good", 9.0], ["fair", 4.0], ["unjudged", None]]


async def test_a_loop_goes_on_until_nothing_new_comes(bench: WorkflowBench) -> None:
    rounds = iter([["a", "b"], ["b"], ["c"], [], ["a"], ["never"]])
    bench.answers.answer = lambda prompt: {"value": next(rounds)}
    found = await result(
        bench,
        "    async def find(number, so_far):\n"
        "        return await wf.agent(f'round {number}, known {so_far}', schema=list[str])\n"
        "    return await loop_until_dry(wf, find)",
    )
    assert found == ["a", "b", "c"]
    assert len(bench.answers.prompts) == 5


async def test_a_loop_that_never_dries_stops_and_says_so(bench: WorkflowBench) -> None:
    found = await result(
        bench,
        "    async def find(number, so_far):\n        return [number]\n"
        "    return await loop_until_dry(wf, find, max_rounds=3)",
    )
    assert found == [0, 1, 2]
    assert bench.said == ["stopped after 3 rounds, although new ones still came"]  # type: ignore[attr-defined]  # set above


async def test_files_are_mapped_each_by_its_own_agent_and_reduced_by_one(bench: WorkflowBench) -> None:
    for _ in range(2):
        bench.steps.fail("map-b-py")
    both = await result(
        bench,
        "    both = await map_reduce_files(wf, ['a.py', 'b.py', 'c.py'], 'Look for locks.')\n"
        "    return [both.by_file, both.result]",
    )
    by_file, reduced = both
    assert by_file["b.py"] is None
    assert by_file["a.py"].startswith("<Look for locks.")
    assert "## c.py" in reduced
    assert "## b.py" not in reduced


async def test_types_check_more_than_their_schema_can_say(bench: WorkflowBench) -> None:
    bench.answers.answer = lambda prompt: {"value": ["2026-03-01"]}
    dates = await result(
        bench,
        "    import datetime\n"
        "    found = await wf.agent('when', schema=list[datetime.date])\n"
        "    return [type(found[0]).__name__, found[0].month]",
    )
    assert dates == ["date", 3]
