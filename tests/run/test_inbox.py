from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import anyio
import pytest

from piplan_tui.run.clock import utc_now
from piplan_tui.run.inbox import AnswerInvalid
from piplan_tui.run.refused import ControlRefused
from piplan_tui.store.file import FileRuntimeStore
from tests.run.conftest import Bench
from tests.run.plans import plan

pytestmark = pytest.mark.anyio

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
async def test_only_the_author_s_time_limit_closes_a_question(
    bench: Bench, then: str, action: str | None, status: str
) -> None:
    bench.steps.ask("a", {**SLIDES, "expires": {"afterSeconds": 0.01, "then": then}})
    async with bench.runtime() as runtime:
        run = await runtime.create_run(plan({"a": []}))
        await run.start()
        state = await run.wait()
        while not state.ended:
            await anyio.lowlevel.checkpoint()
    answers = state.steps["a"].attempts[0].answers
    assert state.status == status
    assert [answer.action for answer in answers] == ([action] if action else [])


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
