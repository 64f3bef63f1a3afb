from __future__ import annotations

import itertools
import json
from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run.clock import utc_now
from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.refused import ControlRefused
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.views.json_state import state_document
from tests.run.conftest import Bench
from tests.run.plans import plan, plan_document

pytestmark = pytest.mark.anyio

EXPIRING = """{"version": 1, "message": "Run the long benchmark (40 min)?", "fields":
[{"name": "go", "type": "boolean", "label": "Run it", "default": false}],
"expires": {"afterSeconds": 900, "then": "defaults"}}"""
SLIDES = {
    "message": "How many?",
    "fields": [{"name": "slides", "type": "integer", "maximum": 20, "default": 5}],
}


def files_with(folder: Path, text: bytes) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and text in path.read_bytes()]


async def test_a_wrong_answer_is_refused_with_its_reason_and_the_question_stays_open(bench: Bench) -> None:
    bench.steps.ask("a", SLIDES)
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        await run.wait()
        ask_id = next(iter(run.state.asks))
        with pytest.raises(AnswerInvalid) as refused:
            await run.answer(ask_id, {"slides": 99})
        assert [error.name for error in refused.value.errors] == ["slides"]
        with pytest.raises(AnswerInvalid, match="The note must be text in UTF-8"):
            await run.answer(ask_id, {"slides": 7}, note="\udcff")
        assert ask_id in run.state.asks
        await run.answer(ask_id, {"slides": 7})
        with pytest.raises(ControlRefused, match="not open"):
            await run.answer(ask_id, {"slides": 8})
        assert (await run.wait()).status == "completed"


async def test_a_secret_is_nowhere_but_in_the_environment_of_the_agent(bench: Bench, tmp_path: Path) -> None:
    bench.store = FileRuntimeStore(tmp_path / "store")
    field = {"name": "token", "type": "secret", "secret": {"env": "NPM_TOKEN"}}
    bench.steps.ask("a", {"message": "Token?", "fields": [field]})
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        await run.wait()
        await run.answer(
            next(iter(run.state.asks)), {"token": "npm_hunter2hunter2"}, note="it is npm_hunter2hunter2"
        )
        state = await run.wait()
        assert run.redactor.secrets == {"NPM_TOKEN": "npm_hunter2hunter2"}
    assert bench.steps.jobs[-1].given.user_input[0].values == {"token": "$secret:NPM_TOKEN"}
    assert state.status == "completed"
    assert files_with(tmp_path, b"NPM_TOKEN")
    assert not files_with(tmp_path, b"hunter2")


@pytest.mark.parametrize(
    ("then", "action", "status"),
    [("defaults", "accept", "completed"), ("decline", "decline", "completed"), ("fail", None, "failed")],
)
@pytest.mark.parametrize("where", ["plan", "step", "request of the step"])
async def test_a_time_limit_of_the_plan_ends_a_question(
    bench: Bench, then: str, action: str | None, status: str, where: str
) -> None:
    limit = {"expires": {"afterSeconds": 0.01, "then": then}}
    document = plan_document({"a": []})
    if where == "plan":
        document |= limit
    else:
        document["steps"][0] |= (
            limit if where == "step" else {"inputRequest": {"message": "How many?", **limit}}
        )
    bench.steps.ask("a", {**SLIDES, **limit} if where == "request of the step" else SLIDES)
    async with bench.runtime() as runtime:
        run = await runtime.create_run(PlanSpec.model_validate(document))
        await run.start()
        state = await run.wait()
        while not state.ended:
            await anyio.lowlevel.checkpoint()
    attempt = state.steps["a"].attempts[0]
    assert state.status == status
    assert [answer.action for answer in attempt.answers] == ([action] if action else [])
    assert {decision.by for decision in attempt.decisions} == ({"timeout"} if action else set())


@pytest.mark.parametrize("owner", ["runtime", "agent"])
@pytest.mark.parametrize("then", ["defaults", "decline", "cancel", "fail"])
async def test_a_time_limit_that_only_the_agent_wrote_is_none(bench: Bench, then: str, owner: str) -> None:
    example = json.loads(EXPIRING)
    example["expires"] = {"afterSeconds": 0.001, "then": then, "owner": owner}
    bench.steps.ask("a", example)
    bench.now = lambda: utc_now() + timedelta(days=next(days))
    days = itertools.count()
    async with bench.runtime() as runtime:
        run = await runtime.create_run(
            plan(
                {"a": []},
                expiry={"afterSeconds": 0.001},
                notes={"expires": {"afterSeconds": 900, "then": then}},
            )
        )
        await run.start()
        state = await run.wait()
        ask = next(iter(state.asks.values()))
        assert (state.status, ask.limit, ask.expires_at) == ("waiting_user", None, None)
        assert state_document(state, run.now())["asks"][0]["expiresAt"] is None
        await run.answer(ask.id, {"go": True})
        state = await run.wait()
    assert [(d.action, d.by) for d in state.steps["a"].attempts[0].decisions] == [("accept", "user")]


async def test_what_was_written_when_the_time_was_up_is_not_thrown_away(bench: Bench) -> None:
    bench.steps.ask("a", SLIDES)
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}, expires={"afterSeconds": 60, "then": "decline"}))
        await run.start()
        ask_id = next(iter((await run.wait()).asks))
        await run.save_draft(ask_id, {"slides": 7})
        await run._expire(ask_id, "decline")
        assert (await run.wait()).status == "completed"
        assert await run.load_draft(ask_id) == {"slides": 7}


async def test_a_question_without_a_limit_waits(bench: Bench) -> None:
    now = utc_now()
    bench.steps.ask("a", SLIDES)
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        run.now = lambda: now + timedelta(days=30)
        await run.start()
        assert (await run.wait()).status == "waiting_user"


async def test_defaults_answer_only_when_every_required_field_has_one(bench: Bench) -> None:
    bench.steps.ask("a", SLIDES)
    bench.steps.ask("b", {"message": "Who?"})
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": [], "b": []}))
        await run.start()
        await run.wait()
        answered = {
            ask.step_id: await run.answer_with_defaults(ask.id) for ask in list(run.state.asks.values())
        }
        assert answered == {"a": True, "b": False}
        await run.wait()
        assert run.state.steps["a"].attempts[0].answers[0].values == {"slides": 5}
