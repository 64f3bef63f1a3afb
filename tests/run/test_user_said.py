"""What the user says to agents is recorded where it was said: answers and words to a working agent."""

from __future__ import annotations

from pathlib import Path

import anyio
import pytest

from piplan_tui.agents.demo import DemoAgent
from piplan_tui.agents.protocol import SessionEvent, TextDelta, UserSaid
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run.answer_line import answer_line
from piplan_tui.run.options import RunOptions
from piplan_tui.run.reduce import fold
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.transcript import Transcripts
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.tui.step_detail import attempts_lines
from piplan_tui.tui.widgets.transcript_lines import Transcript
from piplan_tui.views.json_state import state_document
from tests.run.plans import plan_document

ASKED = {"message": "Where to?", "fields": [{"name": "env", "type": "text"}]}


def test_an_answer_is_a_line_without_secrets_and_control_characters() -> None:
    values = {"env": "stag\x1b[31ming", "token": "$secret:TOKEN", "both": ["a", "b"], "go": True, "n": 3}
    assert answer_line("accept", values, secrets={"token"}) == (
        "you answered: env = staging, token = (secret), both = a, b, go = yes, n = 3"
    )
    assert answer_line("decline", {}, secrets=(), note="not today") == "you declined (not today)"
    assert answer_line("expire", {}, secrets=(), by="timeout") == "its time limit let it expire"


def shown(said: list[SessionEvent]) -> list[str]:
    transcript = Transcript()
    transcript.extend((event, event.at) for event in said)
    return [row.line.text[row.start : row.end] for row in transcript.rows(60)]


@pytest.mark.anyio
async def test_messages_before_and_after_an_answer_are_apart_live_and_from_disk(tmp_path: Path) -> None:
    transcripts = Transcripts(tmp_path)
    live: list[SessionEvent] = []
    transcripts.subscribe(lambda step, attempt, event: live.append(event))
    for event in (
        TextDelta('{"fields": []}'),
        UserSaid("you answered: env = staging"),
        TextDelta('{"status": 1}'),
    ):
        transcripts.add("a", 1, event)
    await transcripts.finish("a", 1)
    wanted = ['{"fields": []}', "", "you answered: env = staging", "", '{"status": 1}']
    assert shown(live) == wanted
    assert shown(await Transcripts(tmp_path).tail("a", 1)) == wanted


@pytest.mark.anyio
async def test_answers_and_words_to_an_agent_are_stored(tmp_path: Path) -> None:
    store = FileRuntimeStore(tmp_path / "store")

    async def nothing_left(run_id: str) -> int:
        return 0

    document = plan_document({"a": []})
    document["steps"][0]["demo"] = {"ask": ASKED}
    async with PlanRuntime(
        store=store,
        make_agent=lambda name: DemoAgent(pace=0),
        sweep=nothing_left,
        options=RunOptions(workspace=tmp_path, agent="demo"),
    ) as runtime:
        run = await runtime.create_run(PlanSpec.model_validate(document))
        told: list[str] = []

        async def tell() -> None:
            told.append(await run.steer("a", "mind the \x1b[2Jgap"))

        async with anyio.create_task_group() as tasks:

            def started(event: ev.RuntimeEvent) -> None:
                if isinstance(event, ev.SessionStarted) and not told:
                    tasks.start_soon(tell)

            run.subscribe(started)
            await run.start()
            await run.wait()
        assert told == ["now"]
        await run.answer(next(iter(run.state.asks)), {"env": "staging"})
        await run.wait()
        run_id, state = run.id, run.state
        texts = [event.text for event in await run.transcripts.tail("a", 1) if isinstance(event, UserSaid)]
    assert texts == ["you told it: mind the gap", "you answered: env = staging"]
    stored = fold([event async for event in store.read(run_id)])
    assert stored.steps == state.steps
    [remark] = stored.steps["a"].attempts[0].remarks
    assert (remark.text, remark.heard, remark.by) == ("mind the gap", "now", "user")
    shown_as_json = state_document(stored, stored.at)
    assert shown_as_json["steps"][0]["attempts"][0]["remarks"][0]["text"] == "mind the gap"
    tries = "".join(span.text for span in attempts_lines(stored.steps["a"], stored.at))
    assert "> you answered: env = staging" in tries
    assert "> you told it: mind the gap" in tries
