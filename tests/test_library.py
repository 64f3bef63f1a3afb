"""What a host application does with the package, as docs/library.md shows it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest

import piplan_tui
from piplan_tui import (
    AnswerInvalid,
    MemoryRuntimeStore,
    PlanInvalid,
    PlanSpec,
    RuntimeEvent,
    create_pi_plan_runtime,
)
from piplan_tui.agents.demo import DemoAgent
from piplan_tui.store.conformance import check_store
from tests.run.plans import plan

pytestmark = pytest.mark.anyio


PITCH_DECK = PlanSpec.model_validate(
    {
        "id": "deck-plan",
        "title": "Create a product pitch deck",
        "summary": "Create a 5-slide product pitch deck from host-approved requirements.",
        "executionMode": "serial",
        "steps": [
            {"id": "outline", "title": "Draft outline", "goal": "Create the deck outline.", "dependsOn": []},
            {
                "id": "slides",
                "title": "Create slides",
                "goal": "Create slide content and assets from the approved outline.",
                "dependsOn": ["outline"],
            },
        ],
    }
)


class Forwarding:
    """A custom store: a host's own class, here around the memory store, that counts what passes."""

    def __init__(self) -> None:
        self.inner = MemoryRuntimeStore()
        self.batches = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self.inner, name)

    async def append(self, run_id: str, events: Sequence[RuntimeEvent], *, durable: bool) -> None:
        self.batches += 1
        await self.inner.append(run_id, events, durable=durable)

    def read(self, run_id: str, *, after: int = 0) -> AsyncIterator[RuntimeEvent]:
        return self.inner.read(run_id, after=after)


class Collecting:
    """A custom sink whose `emit` is a coroutine function and takes its time."""

    def __init__(self) -> None:
        self.seen: list[RuntimeEvent] = []

    async def emit(self, event: RuntimeEvent) -> None:
        await asyncio.sleep(0)
        self.seen.append(event)


async def test_the_pitch_deck_runs_with_a_custom_sink_and_a_custom_store(tmp_path: Path) -> None:
    sink, store = Collecting(), Forwarding()
    runtime = create_pi_plan_runtime(
        workspace_root=tmp_path,
        store=store,
        sink=sink,
        scheduler={"mode": "serial", "max_concurrency": 1},
        session_factory=DemoAgent(pace=0),
    )
    run = await runtime.run_plan(
        run_id="host-run-id", plan=PITCH_DECK, metadata={"projectId": "host-project-id"}
    )
    assert (run.run_id, run.plan_id, run.status) == ("host-run-id", "deck-plan", "completed")
    assert [event.seq for event in sink.seen] == list(range(1, run.seq + 1))
    kinds = [event.type for event in sink.seen]
    assert kinds.index("step.context") < kinds.index("step.started") < kinds.index("step.completed")
    assert store.batches >= 3
    for step_id in ("outline", "slides"):
        folder = tmp_path / ".pi-plan-runtime" / "handoff" / "deck-plan" / step_id
        assert sorted(path.name for path in folder.iterdir()) == ["raw_output.txt", "result.json"]
    cancelled = await runtime.cancel_run(run_id=run.run_id, plan_id=run.plan_id)
    assert (cancelled.cancelled, cancelled.status) == (False, "completed")


async def test_a_custom_store_can_check_itself() -> None:
    assert await check_store(Forwarding) == []


async def test_a_question_is_answered_from_the_host(tmp_path: Path) -> None:
    asking = plan({"topic": [], "deck": ["topic"]})
    fields = [{"name": "slides", "type": "integer", "minimum": 1, "maximum": 20}]
    asking.steps[0].demo = {"ask": {"message": "How many slides?", "fields": fields}}  # type: ignore[attr-defined]  # kept as a field that is not known
    asking = PlanSpec.from_json(asking.to_json())
    runtime = create_pi_plan_runtime(workspace_root=tmp_path, session_factory=DemoAgent(pace=0))
    state = await runtime.run_plan(asking)
    assert state.status == "waiting_user"
    with pytest.raises(AnswerInvalid, match="20"):
        await runtime.resume_step_with_input(plan_id="p", step_id="topic", values={"slides": 99})
    state = await runtime.resume_step_with_input(plan_id="p", step_id="topic", values={"slides": 5})
    assert state.status == "completed"
    assert (await runtime.get_state(state.run_id)).status == "completed"


async def test_a_plan_that_cannot_run_is_refused_before_anything_is_stored(tmp_path: Path) -> None:
    store = MemoryRuntimeStore()
    runtime = create_pi_plan_runtime(workspace_root=tmp_path, store=store, session_factory=DemoAgent(pace=0))
    with pytest.raises(PlanInvalid, match="a → b → a"):
        await runtime.run_plan(plan({"a": ["b"], "b": ["a"]}))
    assert await store.list_runs() == []


def test_every_public_name_is_there() -> None:
    for name in piplan_tui.__all__:
        assert getattr(piplan_tui, name) is not None


@pytest.mark.parametrize(
    ("scheduler", "wrong"),
    [({"mode": "both"}, "both"), ({"max_concurrency": 0}, "0"), ({"slots": 3}, "slots")],
)
def test_a_wrong_scheduler_is_named(tmp_path: Path, scheduler: dict[str, Any], wrong: str) -> None:
    with pytest.raises(ValueError, match=wrong):
        create_pi_plan_runtime(workspace_root=tmp_path, scheduler=scheduler)
