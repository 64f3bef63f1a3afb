"""A run that this process does not own, read from the store: to look at, not to steer."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from piplan_tui.run import events as ev
from piplan_tui.run.asks import InputRequest, read_request
from piplan_tui.run.reduce import fold, reduce
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.state import RunState
from piplan_tui.run.transcript import Transcripts
from piplan_tui.store.protocol import Owner, RuntimeStore


class StoredRun:
    """Reads what a screen needs. `PlanRuntime.open_run` makes a `Run` of it, when nobody else owns it."""

    def __init__(
        self, store: RuntimeStore, state: RunState, owner: Owner | None, now: Callable[[], datetime]
    ) -> None:
        self.state = state
        self.owner = owner
        self.now = now
        self.transcripts = Transcripts(store.attempts_dir(state.run_id))
        self._store = store
        self._subscribers: list[Callable[[ev.RuntimeEvent], None]] = []

    @classmethod
    async def open(cls, store: RuntimeStore, run_id: str, now: Callable[[], datetime]) -> StoredRun:
        """Read it.

        Raises:
            RunNotFound, RunCorrupt
        """
        state = fold([event async for event in store.read(run_id)])
        run = cls(store, state, await store.owner(run_id), now)
        run._show_as_interrupted()
        return run

    @property
    def id(self) -> str:
        return self.state.run_id

    def _show_as_interrupted(self) -> None:
        # the owner is gone and could not say so; the store hears of it when the run is taken up again
        state = self.state
        if self.owner is not None or state.status != "running":
            return
        for step in state.order:
            if step.status in ("running", "retrying") and step.attempt is not None:
                gone = ev.StepInterrupted(
                    seq=state.seq, at=state.at, step_id=step.id, attempt=step.attempt.number
                )
                reduce(state, gone)
        reduce(state, ev.RunInterrupted(seq=state.seq, at=state.at, reason="its process is gone"))

    @property
    def refused(self) -> str:
        """Why nothing can be done to it from here; empty when it can be taken over."""
        if self.owner is None:
            return ""
        return f"run {self.id} is owned by another process (pid {self.owner.pid}); steer it there"

    async def poll(self) -> None:
        """Read what its owner has written since, and tell the subscribers."""
        if self.owner is None:
            return
        async for event in self._store.read(self.id, after=self.state.seq):
            reduce(self.state, event)
            for on_event in self._subscribers:
                on_event(event)
        self.owner = await self._store.owner(self.id)
        if self.owner is None:
            self._show_as_interrupted()

    def subscribe(self, on_event: Callable[[ev.RuntimeEvent], None]) -> Callable[[], None]:
        self._subscribers.append(on_event)
        return lambda: self._subscribers.remove(on_event)

    def request(self, ask_id: str) -> InputRequest:
        """The open question as a form.

        Raises:
            ControlRefused: it is not open (any more).
        """
        ask = self.state.asks.get(ask_id)
        if ask is None:
            raise ControlRefused("this question is not open any more")
        return read_request(ask.request)

    async def load_draft(self, ask_id: str) -> dict[str, Any] | None:
        return await self._store.load_draft(self.id, ask_id)

    async def save_draft(self, ask_id: str, draft: dict[str, Any] | None) -> None:
        if self.owner is None:
            await self._store.save_draft(self.id, ask_id, draft)

    def last_activity(self, step_id: str) -> datetime | None:
        """Not known of a run elsewhere; its newest event stands in."""
        return self.state.at
