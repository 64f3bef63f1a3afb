"""Stands in for the process side of a run only: no agent, no driver, no store.

Its state is a real `RunState`, folded from real events by the real reducer; its clock stands still until it is
moved. What it is asked to do is noted in `asked`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from piplan_tui.agents.protocol import SessionEvent, Steered
from piplan_tui.run import events as ev
from piplan_tui.run.asks import InputRequest, read_request
from piplan_tui.run.model import HandoffDescriptor, HandoffFile, Usage
from piplan_tui.run.reduce import reduce
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.state import RunState

START = datetime(2026, 3, 2, 14, 2, 0, tzinfo=UTC)


class TranscriptsDouble:
    def __init__(self) -> None:
        self.said: dict[tuple[str, int], list[SessionEvent]] = {}
        self._subscribers: list[Callable[[str, int, SessionEvent], None]] = []

    def path(self, step_id: str, attempt: int) -> Path | None:
        return None

    def subscribe(self, on_said: Callable[[str, int, SessionEvent], None]) -> Callable[[], None]:
        self._subscribers.append(on_said)
        return lambda: self._subscribers.remove(on_said)

    async def tail(self, step_id: str, attempt: int, max_bytes: int = 256_000) -> list[SessionEvent]:
        return list(self.said.get((step_id, attempt), []))

    def say(self, step_id: str, *events: SessionEvent, attempt: int = 1) -> None:
        for event in events:
            self.said.setdefault((step_id, attempt), []).append(event)
            for on_said in list(self._subscribers):
                on_said(step_id, attempt, event)


class RunDouble:
    def __init__(
        self, steps: Sequence[dict[str, Any]], *, title: str = "Create a product pitch deck", **created: Any
    ) -> None:
        self.state = RunState()
        self.transcripts = TranscriptsDouble()
        self.asked: list[tuple[Any, ...]] = []
        self.refuses = ""
        self.problem = ""
        self.told: Steered = "now"
        self.drafts: dict[str, dict[str, Any] | None] = {}
        self.silent_since: dict[str, datetime] = {}
        self.clock = START
        self._subscribers: list[Callable[[ev.RuntimeEvent], None]] = []
        facts: dict[str, Any] = {
            "title": title,
            "plan_id": "deck-plan",
            "source": "/project/plan.json",
            "workspace": "/project",
            "mode": "parallel",
            "max_concurrency": 4,
            "agent": "pi",
        }
        self.emit(ev.RunCreated(**{**facts, **created}))
        plan = {"id": "deck-plan", "title": title, "steps": list(steps)}
        self.emit(ev.PlanCreated(plan=plan))

    @property
    def id(self) -> str:
        return self.state.run_id

    def now(self) -> datetime:
        return self.clock

    def later(self, seconds: float) -> RunDouble:
        self.clock += timedelta(seconds=seconds)
        return self

    # -- what happens to the run -------------------------------------------------------------------

    def emit(self, event: ev.RuntimeEvent) -> None:
        event.seq, event.at, event.run_id = self.state.seq + 1, self.clock, "7f3a"
        reduce(self.state, event)
        for on_event in list(self._subscribers):
            on_event(event)

    def started(self, step_id: str, *, model: str = "anthropic/claude-sonnet-4-5-20250929") -> None:
        number = len(self.state.steps[step_id].attempts) + 1
        self.emit(ev.StepStarted(step_id=step_id, attempt=number, agent="pi", model=model))

    def used(self, step_id: str, tokens: int, usd: float) -> None:
        usage = Usage(input=tokens, output=0, cost_usd=usd)
        self.emit(ev.SessionUsage(step_id=step_id, attempt=self._number(step_id), usage=usage))

    def tool(self, step_id: str, tool: str, target: str, *, call_id: str = "c1", ended: bool = False) -> None:
        attempt = self._number(step_id)
        self.emit(
            ev.SessionToolStarted(step_id=step_id, attempt=attempt, call_id=call_id, tool=tool, target=target)
        )
        if ended:
            self.emit(ev.SessionToolEnded(step_id=step_id, attempt=attempt, call_id=call_id, ok=True))

    def completed(self, step_id: str, summary: str = "Done as asked.") -> None:
        handoff = HandoffDescriptor(
            plan_id="deck-plan",
            step_id=step_id,
            attempt=self._number(step_id),
            directory=f".pi-plan-runtime/handoff/deck-plan/{step_id}",
            files=(HandoffFile("result.json", f"handoff/{step_id}/result.json", 812, "ab" * 32),),
            summary=summary,
        )
        self.emit(
            ev.StepCompleted(step_id=step_id, attempt=self._number(step_id), handoff=handoff, summary=summary)
        )

    def failed(self, step_id: str, error: str = "429 rate limit") -> None:
        self.emit(
            ev.StepFailed(step_id=step_id, attempt=self._number(step_id), error=error, kind="rate_limit")
        )

    def asks(self, step_id: str, request: Any, ask_id: str = "") -> str:
        ask_id = ask_id or f"ask-{step_id}"
        attempt = self._number(step_id)
        self.emit(ev.StepWaitingUser(step_id=step_id, attempt=attempt, ask_id=ask_id, request=request))
        return ask_id

    def _number(self, step_id: str) -> int:
        return len(self.state.steps[step_id].attempts)

    # -- what a screen asks of it ------------------------------------------------------------------

    def subscribe(self, on_event: Callable[[ev.RuntimeEvent], None]) -> Callable[[], None]:
        self._subscribers.append(on_event)
        return lambda: self._subscribers.remove(on_event)

    def request(self, ask_id: str) -> InputRequest:
        return read_request(self.state.asks[ask_id].request)

    async def load_draft(self, ask_id: str) -> dict[str, Any] | None:
        return self.drafts.get(ask_id)

    async def save_draft(self, ask_id: str, draft: dict[str, Any] | None) -> None:
        self.drafts[ask_id] = draft

    def last_activity(self, step_id: str) -> datetime | None:
        return self.silent_since.get(step_id, self.clock)

    async def _ask(self, *what: Any) -> None:
        if self.refuses:
            raise ControlRefused(self.refuses)
        self.asked.append(what)

    async def cancel(self, *, by: str = "user", reason: str = "") -> None:
        await self._ask("cancel")

    async def cancel_step(self, step_id: str) -> None:
        await self._ask("cancel_step", step_id)

    async def pause(self) -> None:
        await self._ask("pause")

    async def resume(self) -> None:
        await self._ask("resume")

    async def retry(self, step_ids: Sequence[str] = (), **changed: Any) -> None:
        await self._ask("retry", *step_ids, *([changed] if changed else []))

    async def edit_step(self, step_id: str, goal: str) -> None:
        await self._ask("edit_step", step_id, goal)

    async def steer(self, step_id: str, text: str) -> Steered:
        await self._ask("steer", step_id, text)
        return self.told

    async def skip(self, step_id: str) -> None:
        await self._ask("skip", step_id)

    async def answer(self, ask_id: str, values: Any, *, action: str, **more: Any) -> None:
        await self._ask("answer", ask_id, action, dict(values))
