"""A run of twenty steps with all that can go on in one, lived by the real runtime over a scripted agent.

A life creates the run or opens it again, answers what it asks, tries again what failed, and goes on to the end.
What an outside observer knows of it is in a diary, outside the store and the workspace: every line was true
when it was written, whatever happened to the process a moment later.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from types import TracebackType
from typing import Any

import anyio

from piplan_tui.agents.protocol import (
    AgentFailure,
    AskRaised,
    AskReply,
    OnEvent,
    SessionRequest,
    TextDelta,
    Turn,
)
from piplan_tui.plan.spec import PlanSpec
from piplan_tui.run import events as ev
from piplan_tui.run.model import SessionRef
from piplan_tui.run.options import RunOptions
from piplan_tui.run.run import Run
from piplan_tui.run.runtime import PlanRuntime
from piplan_tui.run.state import RunState
from piplan_tui.store.file import FileRuntimeStore
from piplan_tui.store.protocol import RunNotFound, RuntimeStore

RUN_ID = "crash"
EDGES: dict[str, list[str]] = {
    **{f"a{n}": [] for n in range(5)},
    **{f"b{n}": [f"a{n}", f"a{(n + 1) % 5}"] for n in range(5)},
    **{f"c{n}": [f"b{n}"] for n in range(5)},
    **{f"d{n}": [f"c{n}", f"c{(n + 2) % 5}"] for n in range(4)},
    "end": ["d0", "d1", "d2", "d3"],
}
"""Twenty steps, in layers."""
ASKS = ("a1", "c3")
"""These end their turn with a question."""
ASKS_LIVE = ("b2", "d1")
"""These ask in the middle of it, and their session stands still."""
FAILS_ONCE = ("b4", "c0")

Write = Callable[..., None]


def plan() -> PlanSpec:
    steps = [
        {"id": name, "title": name.upper(), "goal": f"reach {name}", "dependsOn": needs}
        for name, needs in EDGES.items()
    ]
    return PlanSpec.model_validate(
        {"id": "matrix", "title": "Matrix", "executionMode": "parallel", "steps": steps}
    )


def answer_for(step_id: str) -> str:
    return f"answer-for-{step_id}"


class ScriptedAgent(AbstractAsyncContextManager["ScriptedAgent"]):
    """Does each step at once, and writes to the diary that it did."""

    name = "scripted"
    continues_sessions = True

    def __init__(self, write: Write) -> None:
        self.write = write

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None

    async def open(self, request: SessionRequest) -> _Session:
        return _Session(request, self.write)


class _Session:
    def __init__(self, request: SessionRequest, write: Write) -> None:
        self._step = request.step_id
        self._attempt = request.attempt
        self._write = write
        self._answered = anyio.Event()
        self._reply: AskReply | None = None
        known = request.resume.session_id if request.resume is not None else ""
        self.ref = SessionRef(agent="scripted", session_id=known or f"{self._step}-{self._attempt}")

    async def prompt(self, text: str, on_event: OnEvent) -> Turn:
        step = self._step
        self._write("begin", step, self._attempt)
        await anyio.lowlevel.checkpoint()
        on_event(TextDelta(f"{step} at work"))
        if step in FAILS_ONCE and self._attempt == 1:
            raise AgentFailure("provider", f"{step} fails the first time")
        answered = answer_for(step) in text
        if step in ASKS_LIVE and not answered:
            on_event(AskRaised(f"live-{step}", {"message": f"{step} wants to know"}))
            await self._answered.wait()
            assert self._reply is not None
            answered = answer_for(step) in self._reply.values.values()
        if step in (*ASKS, *ASKS_LIVE) and not answered:
            result: dict[str, Any] = {
                "status": "waiting_user",
                "inputRequest": {"message": f"{step} wants to know"},
            }
        else:
            result = {"status": "completed", "summary": f"{step} is done"}
            self._write("end", step, self._attempt)
        return Turn(text=json.dumps(result))

    async def answer(self, ask_id: str, reply: AskReply) -> None:
        assert ask_id == f"live-{self._step}"
        self._reply = reply
        self._answered.set()

    async def steer(self, text: str) -> bool:
        return False

    async def close(self) -> None:
        return None


class TellingStore:
    """Tells the diary of every completed step that the store has called durable."""

    def __init__(self, store: RuntimeStore, write: Write) -> None:
        self._store = store
        self._write = write
        self._completed: list[str] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._store, name)

    async def append(self, run_id: str, events: Sequence[ev.RuntimeEvent], *, durable: bool) -> None:
        await self._store.append(run_id, events, durable=durable)
        self._completed += [event.step_id for event in events if isinstance(event, ev.StepCompleted)]
        if durable:
            for step_id in self._completed:
                self._write("durable", step_id)
            self._completed.clear()


async def live(store: FileRuntimeStore, workspace: Path, write: Write) -> RunState:
    """Take the run up, wherever it stands, and see it to its end."""

    async def nothing_to_sweep(token: str) -> int:
        return 0

    async with PlanRuntime(
        store=TellingStore(store, write),  # type: ignore[arg-type]  # passes all else on
        make_agent=lambda name: ScriptedAgent(write),  # type: ignore[arg-type]  # its attributes are plain
        sweep=nothing_to_sweep,
        options=RunOptions(workspace=workspace, agent="scripted", max_concurrency=4, run_id=RUN_ID),
    ) as runtime:
        try:
            run = await runtime.open_run(RUN_ID)
        except RunNotFound as error:
            if "cut off" in str(error):
                await store.delete_run(RUN_ID)
            run = await runtime.create_run(plan())
        write("open")
        _write_starts(run, write)
        await run.start()
        state = await run.wait()
        while state.status in ("waiting_user", "failed"):
            if state.status == "failed":
                assert "the first time" in state.reason, state.reason
                await run.retry()
                await run.start()
            else:
                await _answer_one(run, write)
            state = await run.wait()
        assert state.status == "completed", (state.status, state.reason, state.counts)
    write("completed")
    return state


def _write_starts(run: Run, write: Write) -> None:
    def heard(event: ev.RuntimeEvent) -> None:
        if isinstance(event, ev.StepStarted):
            for needed in EDGES[event.step_id]:
                write("built-on", needed)

    run.subscribe(heard)


async def _answer_one(run: Run, write: Write) -> None:
    ask_id = next(iter(run.state.asks))
    step_id = run.state.asks[ask_id].step_id
    draft = {"answer": answer_for(step_id)[:6]}
    await run.save_draft(ask_id, draft)
    write("draft", ask_id)
    assert await run.load_draft(ask_id) == draft
    await run.answer(ask_id, {"answer": answer_for(step_id)}, by="policy")
    write("answered", ask_id)
