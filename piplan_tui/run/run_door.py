"""The door through which every fact of a run goes in."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Self

import anyio
from anyio.abc import TaskGroup

from piplan_tui.agents.process import RUN_TOKEN
from piplan_tui.run import events as ev
from piplan_tui.run.answer import AnswerCheck
from piplan_tui.run.attempts import Attempts
from piplan_tui.run.clock import utc_now
from piplan_tui.run.inbox import Inbox
from piplan_tui.run.journal import Journal
from piplan_tui.run.plan_driver import MakeDriver, PlanDriver
from piplan_tui.run.quota import Quota, QuotaPolicy
from piplan_tui.run.quota_board import QuotaBoard
from piplan_tui.run.redact import Redactor
from piplan_tui.run.reduce import reduce
from piplan_tui.run.refused import ControlRefused
from piplan_tui.run.run_info import run_info
from piplan_tui.run.state import RunState, StepState
from piplan_tui.run.step_runner import StepExecutor
from piplan_tui.run.transcript import Transcripts
from piplan_tui.store.protocol import RuntimeStore

log = logging.getLogger(__name__)

Sweep = Callable[[str], Awaitable[int]]
"""Ends the processes that carry a run's mark; gives how many are left."""


class RunDoor:
    """What a run is made of, and how it changes: by `emit` alone."""

    def __init__(
        self,
        state: RunState,
        *,
        store: RuntimeStore,
        executor: Callable[[Self], StepExecutor],
        sweep: Sweep,
        now: Callable[[], datetime] = utc_now,
        make_driver: MakeDriver = PlanDriver,
        answer_checks: Mapping[str, AnswerCheck] | None = None,
        quota: QuotaPolicy | None = None,
        quota_board: QuotaBoard | None = None,
    ) -> None:
        self.state = state
        self.answer_checks: Mapping[str, AnswerCheck] = {} if answer_checks is None else answer_checks
        """What a workflow's script wants checked of an answer beyond its schema, by step id."""
        self.now = now
        self.redactor = Redactor()
        self._store = store
        self._sweep = sweep
        self._journal = Journal(store, state.run_id, stored_seq=state.seq)
        attempts_dir = store.attempts_dir(state.run_id)
        self.transcripts = Transcripts(attempts_dir, self.redactor, now)
        self._quota = Quota(
            state, lambda event: self.emit(self.redactor.value(event)), now, quota, quota_board
        )
        self._attempts = Attempts(
            state, self.emit, executor(self), self.transcripts, self.redactor, now, attempts_dir, self._quota
        )
        self._make_driver = make_driver
        self._driver: PlanDriver | None = None
        self._tasks: TaskGroup | None = None
        self._subscribers: list[ev.OnEvent] = []
        self._inbox = Inbox(state, self.emit, self._attempts, self.redactor, now)
        self._dirty = anyio.Event()
        self.transcripts.subscribe(lambda *said: self._dirty.set())
        self._leaving = False
        self.closed = anyio.Event()
        """Set when the run's tasks have ended and nothing more will happen to it here."""

    @property
    def id(self) -> str:
        return self.state.run_id

    @property
    def token(self) -> str:
        """What marks the processes of this run: its id, made unique over all stores of a machine."""
        return f"{self.id}@{self.state.created_at.timestamp():.6f}"

    def environment(self) -> dict[str, str]:
        """What is added to the environment of its agents' processes: the mark, and the user's secrets."""
        return {RUN_TOKEN: self.token, **self.redactor.secrets}

    @property
    def problem(self) -> str:
        """What keeps the run, the files of a step or its transcripts from being written; empty when all is well."""
        error = self._journal.error or (self._driver.problem if self._driver is not None else None)
        return str(error) if error is not None else self.transcripts.problem

    def emit(self, event: ev.RuntimeEvent) -> None:
        """Make something a fact: number it, fold it into the state, queue it for the store, tell who listens."""
        state = self.state
        event.seq = state.seq + 1
        event.at = self.now()
        event.run_id = state.run_id or event.run_id
        reduce(state, event)
        self._journal.add(event)
        self._dirty.set()
        for on_event in self._subscribers:
            try:
                on_event(event)
            except Exception:
                # a listener's mistake must not change what happens to the run
                log.exception("a subscriber failed on %s", event.type)
        self._after(event)

    def _after(self, event: ev.RuntimeEvent) -> None:
        """What this process does because of an event, once everybody has been told of it."""

    def subscribe(self, on_event: ev.OnEvent) -> Callable[[], None]:
        """Call `on_event` for every event from now on, after the state has changed; returns the way to stop.

        It is called on the event loop and must be quick.
        """
        self._subscribers.append(on_event)
        return lambda: self._subscribers.remove(on_event)

    async def _write_info(self) -> None:
        await self._store.write_info(run_info(self.state, self.now()))

    def _require_driver(self) -> PlanDriver:
        if self._driver is None or self._leaving:
            raise ControlRefused(f"run {self.id} is not open")
        return self._driver

    def _step(self, step_id: str) -> StepState:
        step = self.state.steps.get(step_id)
        if step is None:
            raise ControlRefused(f"run {self.id} has no step {step_id!r}")
        return step
